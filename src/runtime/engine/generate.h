// Continuing a prompt token by token.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/engine/sampler.h"
#include "runtime/model/model.h"

namespace dwubit {

enum class StopReason { kEos, kStop, kLength };

// "eos", "stop", "length"
std::string_view stop_reason_name(StopReason reason);

struct GenerateOptions {
    std::int64_t max_tokens = 128;       // >= 0
    std::vector<TokenId> eos_ids;        // ends without being part of the output; empty = never
    SamplerOptions sampler = {};         // greedy
    std::span<const TokenId> seen = {};  // what the cache holds already, for the repetition penalty
};

struct Generation {
    std::vector<TokenId> ids;  // the new tokens, without the end token
    StopReason reason = StopReason::kLength;
    double prompt_seconds = 0;  // the pass over the prompt, first token chosen
    double decode_seconds = 0;  // all passes after it
    std::int64_t decode_passes = 0;
};

// Called with each new token; returning false ends with kStop.
using TokenCallback = std::function<bool(TokenId)>;

// `prompt` must not be empty; the cache is filled from its current length on and must have room for the prompt
// and max_tokens - 1 more positions.
Result<Generation> generate(const Model& model, std::span<const TokenId> prompt, KvCache& cache,
                            const GenerateOptions& options, const TokenCallback& on_token, ThreadPool& pool);

}  // namespace dwubit
