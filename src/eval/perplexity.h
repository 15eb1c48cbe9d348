// Perplexity of a token stream, read in windows.
//
//   carry    window i reads tokens [W i, W (i+1)) and predicts the next token of each, so that every token but the
//   first
//            is scored once; the last window may be short.
//   inside   full windows only, the W - 1 predictions inside each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "eval/logit_source.h"

namespace dwubit {

enum class WindowConvention { kCarry, kInside };

std::string_view convention_name(WindowConvention convention);
Result<WindowConvention> convention_from_name(std::string_view name);

struct PerplexityOptions {
    std::int64_t window = 1024;  // carry: >= 1; inside: 2 .. tokens of the stream
    WindowConvention convention = WindowConvention::kCarry;
    std::optional<std::int64_t> limit = std::nullopt;  // at most this many windows, >= 1
};

struct Window {
    std::int64_t first = 0;        // of its tokens
    std::int64_t count = 0;        // tokens read
    std::int64_t predictions = 0;  // the first `predictions` positions score the token after them
};

// The windows of a stream of `tokens` tokens; an error says which stream lengths or windows would do.
Result<std::vector<Window>> plan_windows(std::int64_t tokens, const PerplexityOptions& options);

struct PerplexityResult {
    double perplexity = 0;  // exp(nll)
    double nll = 0;         // mean negative log-likelihood per prediction, in nats
    double stderr_ = 0;     // standard error of `perplexity`, by the delta method, predictions taken as independent
    std::int64_t predictions = 0;
    std::int64_t windows = 0;
    std::int64_t tokens_read = 0;  // by the model
    std::int64_t stream_end = 0;   // the windows cover tokens [0, stream_end) of the stream
};

// Windows are given to the source in blocks of this many tokens, so that whoever keeps logits keeps few. A multiple of
// the forward pass's own chunk: the logits are those of the whole window at once.
inline constexpr std::int64_t kScoreBlock = 512;

struct ScoredBlock {
    std::int64_t window = 0;       // number of the window it is part of
    std::int64_t first = 0;        // position of its row 0 in the window
    std::int64_t scored = 0;       // predictions of the pass before its row 0
    std::int64_t predictions = 0;  // the first `predictions` rows score the token after them
    std::span<const TokenId> ids;
};

// Looks on while perplexity is measured, so that other figures need no pass of their own.
class LogitObserver {
public:
    virtual ~LogitObserver() = default;
    // Blocks come in stream order, each before the model reads it.
    virtual Result<void> begin(const ScoredBlock& block) = 0;
    // Once per row that predicts, in any order, from several threads at once.
    virtual void see(const ScoredBlock& block, std::int64_t row, std::span<const float> logits) = 0;
};

// Sums run in stream order in double: the same value for any number of threads. A NaN logit is an error that names the
// position.
Result<PerplexityResult> measure_perplexity(LogitSource& source, std::span<const TokenId> stream,
                                            const PerplexityOptions& options, ProgressSink& progress = no_progress(),
                                            LogitObserver* observer = nullptr);

}  // namespace dwubit
