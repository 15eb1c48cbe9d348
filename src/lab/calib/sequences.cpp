#include "lab/calib/sequences.h"

#include <algorithm>

#include "corpus/corpus.h"
#include "lab/failure.h"

namespace dwubit::lab {

Sequences read_sequences(const CalibrateRequest& request, const Tokenizer& tokenizer, const ModelConfig& config,
                         const std::function<void(std::string)>& warn) {
    if (request.sequences < 1) fail(ErrorKind::kUsage, "--sequences {}: must be at least 1", request.sequences);
    if (request.length < 1) fail(ErrorKind::kUsage, "--length {}: must be at least 1", request.length);
    const std::optional<TokenId> eos =
        config.eos_ids.empty() ? std::nullopt : std::optional<TokenId>(config.eos_ids.front());
    PackingOptions packing{.add_bos = request.add_bos, .document_end = {}};
    packing.document_end = unwrap(resolve_document_end(tokenizer, request.document_end, eos));
    TokenStream stream = unwrap(read_token_stream(request.data, request.field, tokenizer, packing));

    const auto tokens = static_cast<std::int64_t>(stream.ids.size());
    const std::int64_t full = tokens / request.length;
    if (full < 1) {
        throw Failure(
            errorf(ErrorKind::kInvalidInput, "{} has {} tokens, less than one sequence of {}", request.data.string(),
                   tokens, request.length)
                .with_hint(fmt::format("more text, or --length {} at most", std::max<std::int64_t>(tokens, 1))));
    }
    if (full < request.sequences) {
        warn(fmt::format("{} has {} tokens: {} sequences of {} instead of the {} asked for", request.data.string(),
                         tokens, full, request.length, request.sequences));
    }
    Sequences result;
    result.count = std::min(full, request.sequences);
    result.length = request.length;
    result.corpus_sha256 = stream.sha256;
    result.document_end = packing.document_end;
    stream.ids.resize(static_cast<std::size_t>(result.count * result.length));
    for (std::size_t i = 0; i < stream.ids.size(); ++i) {
        if (stream.ids[i] >= 0 && stream.ids[i] < config.vocab) continue;
        fail(ErrorKind::kInvalidInput, "token {} of {} has id {}, outside the model's vocabulary of {}", i,
             request.data.string(), stream.ids[i], config.vocab);
    }
    result.ids = std::move(stream.ids);
    return result;
}

}  // namespace dwubit::lab
