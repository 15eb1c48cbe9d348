#include "eval/divergence.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/error.h"

namespace dwubit {
namespace {

std::size_t place_of_largest(std::span<const float> values) {
    return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

// out[i] = exp(logits[i] - top); returns their sum.
double exponentials(std::span<const float> logits, float top, std::vector<double>& out) {
    out.resize(logits.size());
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        out[i] = std::exp(static_cast<double>(logits[i]) - static_cast<double>(top));
        sum += out[i];
    }
    return sum;
}

// p log(p/q) + q - p with d = log(p/q): the closed form loses all digits where d is small, and its series converges
// there.
double term(double p, double q, double d) {
    if (p == 0) return q;
    if (std::abs(d) < 0x1p-6) return p * d * d * (0.5 + d * (-1.0 / 6 + d * (1.0 / 24 + d * (-1.0 / 120 + d / 720))));
    return p * (d - 1) + q;
}

}  // namespace

RowDivergence compare_logits(std::span<const float> base, std::span<const float> model) {
    DWUBIT_CHECK(base.size() == model.size() && !base.empty());
    thread_local std::vector<double> p;
    thread_local std::vector<double> q;
    const std::size_t base_top = place_of_largest(base);
    const std::size_t model_top = place_of_largest(model);
    const double p_sum = exponentials(base, base[base_top], p);
    const double q_sum = exponentials(model, model[model_top], q);
    const double shift = (static_cast<double>(base[base_top]) - static_cast<double>(model[model_top])) +
                         (std::log(p_sum) - std::log(q_sum));
    double kl = 0;
    for (std::size_t i = 0; i < base.size(); ++i) {
        const double d = (static_cast<double>(base[i]) - static_cast<double>(model[i])) - shift;
        kl += term(p[i] / p_sum, q[i] / q_sum, d);
    }
    // Rounding of subnormal q's is all that could make it negative; NaN stays.
    return {kl < 0 ? 0.0 : kl, base_top == model_top};
}

namespace {

double mean_of(std::span<const double> values) {
    double sum = 0;
    for (const double x : values) sum += x;
    return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

double standard_error(std::span<const double> values, double mean, std::size_t window) {
    if (values.size() < 2) return 0;
    const std::size_t cluster = window < values.size() ? window : 1;
    double squares = 0;
    double clusters = 0;
    for (std::size_t first = 0; first < values.size(); first += cluster, ++clusters) {
        double sum = 0;
        for (std::size_t i = first; i < std::min(values.size(), first + cluster); ++i) sum += values[i] - mean;
        squares += sum * sum;
    }
    return std::sqrt(squares * clusters / (clusters - 1)) / static_cast<double>(values.size());
}

double percentile(std::span<const double> ordered, double percent) {
    const double place = percent / 100 * static_cast<double>(ordered.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    if (below + 1 >= ordered.size()) return ordered.back();
    return ordered[below] + (place - static_cast<double>(below)) * (ordered[below + 1] - ordered[below]);
}

std::vector<PositionBucket> bucket_by_position(std::span<const double> values, std::size_t window) {
    std::vector<PositionBucket> buckets;
    std::size_t from = 0;
    for (std::size_t end = 16; from < std::min(window, values.size()); from = end, end *= 4) {
        PositionBucket bucket{static_cast<std::int64_t>(from),
                              static_cast<std::int64_t>(std::min({end, window, values.size()})) - 1, 0, 0};
        double sum = 0;
        for (std::size_t first = 0; first < values.size(); first += window) {
            for (std::size_t i = first + from; i < std::min({first + end, first + window, values.size()}); ++i) {
                sum += values[i];
                ++bucket.predictions;
            }
        }
        bucket.mean = sum / static_cast<double>(bucket.predictions);
        buckets.push_back(bucket);
    }
    return buckets;
}

// Keeps the base's logits of the block that the model is about to read.
class Divergence final : public LogitObserver {
public:
    Divergence(LogitSource& base, LogitSource& base_again, std::int64_t predictions, std::int64_t longest_block)
        : base_(base),
          base_again_(base_again),
          vocab_(static_cast<std::size_t>(base.vocab())),
          logits_(static_cast<std::size_t>(longest_block) * vocab_),
          kl_(static_cast<std::size_t>(predictions)),
          same_top_(static_cast<std::size_t>(predictions)) {}

    Result<void> begin(const ScoredBlock& block) override {
        if (block.first == 0) base_.restart();
        auto read = base_.extend(block.ids, [&](std::int64_t row, std::span<const float> logits) {
            if (row < block.predictions) std::copy(logits.begin(), logits.end(), base_row(row).begin());
        });
        if (read.ok() && block.window < kNoiseWindows) read = measure_noise(block);
        return std::move(read).context("the base model");
    }

    void see(const ScoredBlock& block, std::int64_t row, std::span<const float> logits) override {
        const RowDivergence found = compare_logits(base_row(row), logits);
        kl_[static_cast<std::size_t>(block.scored + row)] = found.kl;
        same_top_[static_cast<std::size_t>(block.scored + row)] = found.same_top;
    }

    Result<DivergenceResult> result(std::int64_t window_predictions) const {
        const auto bad = std::find_if(kl_.begin(), kl_.end(), [](double x) { return !std::isfinite(x); });
        if (bad != kl_.end()) {
            return errorf(ErrorKind::kInvalidInput, "prediction {} has no finite divergence from the base model",
                          bad - kl_.begin())
                .with_hint("the logits of one of the models are NaN or infinite");
        }
        DivergenceResult result = summarize_divergence(kl_, window_predictions);
        result.same_top1 = static_cast<double>(std::count(same_top_.begin(), same_top_.end(), std::uint8_t{1})) /
                           static_cast<double>(same_top_.size());
        result.noise_floor = mean_of(noise_);
        return result;
    }

private:
    std::span<float> base_row(std::int64_t row) {
        return {logits_.data() + static_cast<std::size_t>(row) * vocab_, vocab_};
    }

    // The base once more, in two parts of odd length, which no tile of a kernel fits.
    Result<void> measure_noise(const ScoredBlock& block) {
        if (block.first == 0) base_again_.restart();
        noise_.resize(static_cast<std::size_t>(block.scored + block.predictions));
        const std::size_t cut = std::min(block.ids.size() * 3 / 8 | 1, block.ids.size());
        const auto read = [&](std::size_t offset, std::span<const TokenId> ids) {
            return base_again_.extend(ids, [&, offset](std::int64_t part_row, std::span<const float> logits) {
                const std::int64_t row = static_cast<std::int64_t>(offset) + part_row;
                if (row >= block.predictions) return;
                noise_[static_cast<std::size_t>(block.scored + row)] = compare_logits(base_row(row), logits).kl;
            });
        };
        DWUBIT_TRY(read(0, block.ids.first(cut)));
        return cut < block.ids.size() ? read(cut, block.ids.subspan(cut)) : Result<void>();
    }

    LogitSource& base_;
    LogitSource& base_again_;
    std::size_t vocab_;
    std::vector<float> logits_;           // [rows of a block, vocab]
    std::vector<double> kl_;              // [predictions]
    std::vector<std::uint8_t> same_top_;  // [predictions]; bytes, for threads write neighbours
    std::vector<double> noise_;           // [predictions of the first windows]
};

}  // namespace

DivergenceResult summarize_divergence(std::span<const double> values, std::int64_t window_predictions) {
    DWUBIT_CHECK(!values.empty() && window_predictions >= 1);
    const auto window = static_cast<std::size_t>(window_predictions);
    DivergenceResult result;
    result.mean = mean_of(values);
    result.stderr_ = standard_error(values, result.mean, window);
    std::vector<double> ordered(values.begin(), values.end());
    std::sort(ordered.begin(), ordered.end());
    result.p50 = percentile(ordered, 50);
    result.p90 = percentile(ordered, 90);
    result.p99 = percentile(ordered, 99);
    result.p999 = percentile(ordered, 99.9);
    result.max = ordered.back();
    result.by_position = bucket_by_position(values, window);
    return result;
}

Result<Comparison> measure_divergence(LogitSource& model, LogitSource& base, LogitSource& base_again,
                                      std::span<const TokenId> stream, const PerplexityOptions& options,
                                      ProgressSink& progress) {
    if (model.vocab() != base.vocab()) {
        return errorf(ErrorKind::kInvalidInput, "the model has a vocabulary of {}, the base model one of {}",
                      model.vocab(), base.vocab());
    }
    DWUBIT_ASSIGN(const std::vector<Window> windows, plan_windows(static_cast<std::int64_t>(stream.size()), options));
    std::int64_t predictions = 0;
    for (const Window& window : windows) predictions += window.predictions;
    Divergence divergence(base, base_again, predictions, std::min(kScoreBlock, windows.front().count));
    Comparison comparison;
    DWUBIT_ASSIGN(comparison.perplexity, measure_perplexity(model, stream, options, progress, &divergence));
    DWUBIT_ASSIGN(comparison.divergence, divergence.result(windows.front().predictions));
    return comparison;
}

}  // namespace dwubit
