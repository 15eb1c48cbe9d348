// The text of a calibration: sequences of tokens from the start of a corpus.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/token_id.h"
#include "lab_api/lab_api.h"
#include "runtime/model/config.h"
#include "tokenizer/tokenizer.h"

namespace dwubit::lab {

struct Sequences {
    std::vector<TokenId> ids;  // [count, length]
    std::int64_t count = 0;
    std::int64_t length = 0;
    std::string corpus_sha256;
    std::optional<TokenId> document_end;

    std::span<const TokenId> range(std::int64_t first, std::int64_t sequences) const {
        return std::span(ids).subspan(static_cast<std::size_t>(first * length),
                                      static_cast<std::size_t>(sequences * length));
    }
};

// The first request.sequences * request.length tokens of the corpus. Where it has fewer: the full sequences there are,
// with a warning; InvalidInput where there is not one. Ids are checked against the model's vocabulary.
Sequences read_sequences(const CalibrateRequest& request, const Tokenizer& tokenizer, const ModelConfig& config,
                         const std::function<void(std::string)>& warn);

}  // namespace dwubit::lab
