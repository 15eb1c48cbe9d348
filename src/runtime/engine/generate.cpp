#include "runtime/engine/generate.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace dwubit {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// What the sampler chooses after `ids`.
Result<TokenId> next_token(const Model& model, std::span<const TokenId> ids, KvCache& cache, Sampler& sampler,
                           ThreadPool& pool) {
    for (const TokenId id : ids) sampler.accept(id);
    Result<TokenId> choice = make_error(ErrorKind::kInternal, "the forward pass gave no logits");
    const auto sink = [&](std::int64_t, std::span<const float> logits) { choice = sampler.choose(logits); };
    DWUBIT_TRY(model.forward(ids, cache, LogitRows::kLast, sink, pool));
    return choice;
}

}  // namespace

std::string_view stop_reason_name(StopReason reason) {
    switch (reason) {
        case StopReason::kEos:
            return "eos";
        case StopReason::kStop:
            return "stop";
        case StopReason::kLength:
            return "length";
    }
    return "length";
}

Result<Generation> generate(const Model& model, std::span<const TokenId> prompt, KvCache& cache,
                            const GenerateOptions& options, const TokenCallback& on_token, ThreadPool& pool) {
    if (prompt.empty()) {
        return make_error(ErrorKind::kInvalidInput, "the prompt has no tokens").with_hint("give a text with -p or -f");
    }
    Generation result;
    Sampler sampler(options.sampler);
    for (const TokenId id : options.seen) sampler.accept(id);
    auto start = Clock::now();
    DWUBIT_ASSIGN(TokenId token, next_token(model, prompt, cache, sampler, pool));
    result.prompt_seconds = seconds_since(start);
    start = Clock::now();
    while (static_cast<std::int64_t>(result.ids.size()) < options.max_tokens) {
        if (std::find(options.eos_ids.begin(), options.eos_ids.end(), token) != options.eos_ids.end()) {
            result.reason = StopReason::kEos;
            break;
        }
        result.ids.push_back(token);
        if (!on_token(token)) {
            result.reason = StopReason::kStop;
            break;
        }
        if (static_cast<std::int64_t>(result.ids.size()) == options.max_tokens) break;
        DWUBIT_ASSIGN(token, next_token(model, {&token, 1}, cache, sampler, pool));
        ++result.decode_passes;
    }
    result.decode_seconds = seconds_since(start);
    return result;
}

}  // namespace dwubit
