#include "eval/perplexity.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "base/stop.h"
#include "runtime/ops/op_table.h"

namespace dwubit {

std::string_view convention_name(WindowConvention convention) {
    return convention == WindowConvention::kCarry ? "carry" : "inside";
}

Result<WindowConvention> convention_from_name(std::string_view name) {
    if (name == "carry") return WindowConvention::kCarry;
    if (name == "inside") return WindowConvention::kInside;
    return errorf(ErrorKind::kUsage, "--convention {}: unknown convention", name)
        .with_hint("--convention carry|inside");
}

Result<std::vector<Window>> plan_windows(std::int64_t tokens, const PerplexityOptions& options) {
    const std::int64_t window = options.window;
    const bool inside = options.convention == WindowConvention::kInside;
    if (tokens < 2) {
        return errorf(ErrorKind::kInvalidInput, "the corpus has {} token(s); at least 2 are needed to predict one",
                      tokens);
    }
    if (inside && (window < 2 || window > tokens)) {
        return errorf(ErrorKind::kUsage, "--window {}: the convention 'inside' takes 2 to {}, the tokens of the corpus",
                      window, tokens)
            .with_hint("--convention carry takes any window");
    }
    if (window < 1) return errorf(ErrorKind::kUsage, "--window {}: must be at least 1", window);
    std::vector<Window> windows;
    const std::int64_t limit = options.limit.value_or(tokens);
    for (std::int64_t first = 0; static_cast<std::int64_t>(windows.size()) < limit; first += window) {
        const std::int64_t left = tokens - first;
        if (inside) {
            if (left < window) break;
            windows.push_back({first, window, window - 1});
        } else {
            if (left < 2) break;  // no token is left to predict
            const std::int64_t predictions = std::min(window, left - 1);
            windows.push_back({first, predictions, predictions});  // the last token of the stream need not be read
        }
        if (window > left) break;  // also keeps first + window from overflowing
    }
    return windows;
}

namespace {

Result<void> check_ids(std::span<const TokenId> ids, std::int64_t vocab) {
    const auto bad = std::find_if(ids.begin(), ids.end(), [&](TokenId id) { return id < 0 || id >= vocab; });
    if (bad == ids.end()) return {};
    return errorf(ErrorKind::kInvalidInput, "token {} of the corpus has id {}, the model's vocabulary ends at {}",
                  bad - ids.begin(), *bad, vocab - 1);
}

// The negative log-likelihood of each prediction, in stream order.
Result<std::vector<float>> score_windows(LogitSource& source, std::span<const TokenId> stream,
                                         std::span<const Window> windows, std::int64_t predictions,
                                         ProgressSink& progress, LogitObserver* observer) {
    std::vector<float> nll(static_cast<std::size_t>(predictions));
    ScoredBlock block;
    for (const Window& window : windows) {
        source.restart();
        for (block.first = 0; block.first < window.count; block.first += kScoreBlock) {
            const std::int64_t count = std::min(kScoreBlock, window.count - block.first);
            const std::int64_t first = window.first + block.first;
            block.predictions = std::min(count, window.predictions - block.first);
            block.ids = stream.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
            DWUBIT_TRY(check_stop());
            if (observer != nullptr) DWUBIT_TRY(observer->begin(block));
            DWUBIT_TRY(source.extend(block.ids, [&](std::int64_t row, std::span<const float> logits) {
                if (row >= block.predictions) return;
                const auto target = static_cast<std::size_t>(stream[static_cast<std::size_t>(first + row + 1)]);
                const float total = active_ops().log_sum_exp(logits.data(), static_cast<std::int64_t>(logits.size()));
                nll[static_cast<std::size_t>(block.scored + row)] = total - logits[target];
                if (observer != nullptr) observer->see(block, row, logits);
            }));
            block.scored += block.predictions;
            progress.update(block.scored);
        }
        ++block.window;
    }
    return nll;
}

}  // namespace

Result<PerplexityResult> measure_perplexity(LogitSource& source, std::span<const TokenId> stream,
                                            const PerplexityOptions& options, ProgressSink& progress,
                                            LogitObserver* observer) {
    DWUBIT_ASSIGN(const std::vector<Window> windows, plan_windows(static_cast<std::int64_t>(stream.size()), options));
    PerplexityResult result;
    for (const Window& window : windows) result.predictions += window.predictions;
    result.stream_end = windows.back().first + windows.back().predictions + 1;
    // The last token is predicted, never read: the model would not refuse it.
    DWUBIT_TRY(check_ids(stream.first(static_cast<std::size_t>(result.stream_end)), source.vocab()));
    for (const Window& window : windows) result.tokens_read += window.count;
    progress.begin("perplexity", result.predictions, "tokens");
    DWUBIT_ASSIGN(const std::vector<float> nll,
                  score_windows(source, stream, windows, result.predictions, progress, observer));
    progress.end();

    double sum = 0;
    for (const float x : nll) sum += x;
    const auto count = static_cast<double>(result.predictions);
    result.nll = sum / count;
    if (!std::isfinite(result.nll)) {
        const auto bad = std::find_if(nll.begin(), nll.end(), [](float x) { return !std::isfinite(x); });
        return errorf(ErrorKind::kInvalidInput, "prediction {} has no finite log-likelihood", bad - nll.begin())
            .with_hint("the model's logits are NaN or infinite");
    }
    double squares = 0;
    for (const float x : nll) squares += (x - result.nll) * (x - result.nll);
    result.perplexity = std::exp(result.nll);
    if (result.predictions > 1) result.stderr_ = result.perplexity * std::sqrt(squares / (count - 1) / count);
    result.windows = static_cast<std::int64_t>(windows.size());
    return result;
}

}  // namespace dwubit
