// How far a model's predictions lie from those of the model it was made from: forward KL divergence
// KL(base || model) = sum_i p_i log(p_i / q_i), p the base's distribution of the next token and q the model's, both
// given the same text. Measured in the pass that measures perplexity.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "eval/perplexity.h"

namespace dwubit {

struct RowDivergence {
    double kl = 0;  // in nats; 0 for equal logits, never negative; NaN or infinite where the logits are not finite
    bool same_top = false;  // the largest logit has the same place; of equal ones the first counts
};

// Softmax in double. The sum runs over p log(p/q) + q - p, whose terms are all >= 0, so that a divergence of 1e-12 is
// still measured: errors of the two log-sum-exps cancel. base, model: [vocab], one size.
RowDivergence compare_logits(std::span<const float> base, std::span<const float> model);

// Predictions made at positions [from, to] of their window; position p has p tokens before its own.
struct PositionBucket {
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::int64_t predictions = 0;
    double mean = 0;
};

struct DivergenceResult {
    double mean = 0;
    // Standard error of `mean`, windows taken as independent and predictions inside one not:
    // sqrt(G / (G - 1) sum_g (sum_{i in g} (kl_i - mean))^2) / n over G windows and n predictions. With one window
    // alone the predictions are taken as independent.
    double stderr_ = 0;
    // Percentiles 50, 90, 99, 99.9 with linear interpolation between the ordered values x_0 .. x_{n-1}: percentile q is
    // at place q / 100 (n - 1).
    double p50 = 0, p90 = 0, p99 = 0, p999 = 0;
    double max = 0;
    double same_top1 = 0;  // share of predictions with RowDivergence::same_top
    // Mean KL of the base against itself, each block of a window read in two uneven parts, so that only shapes of
    // products and the order of sums differ; over the first kNoiseWindows windows. Nothing below it means anything.
    double noise_floor = 0;
    std::vector<PositionBucket> by_position;  // 0-15, 16-63, 64-255, 256-1023, ... four times as long each
};

inline constexpr std::int64_t kNoiseWindows = 8;

struct Comparison {
    PerplexityResult perplexity;  // of the model; the same bytes as measure_perplexity()
    DivergenceResult divergence;
};

// Runs both models over the windows, one block after the other. Keeps the base's logits of one block: kScoreBlock *
// vocab floats. `base_again` is the base with a context of its own. The same bytes for any number of threads. Errors:
// the vocabularies differ; a prediction whose divergence is not finite.
Result<Comparison> measure_divergence(LogitSource& model, LogitSource& base, LogitSource& base_again,
                                      std::span<const TokenId> stream, const PerplexityOptions& options,
                                      ProgressSink& progress = no_progress());

// What DivergenceResult says of `values`, the KL of each prediction in stream order, `window` tokens of each window
// read from position 0; for tests. noise_floor and same_top1 stay 0.
DivergenceResult summarize_divergence(std::span<const double> values, std::int64_t window_predictions);

}  // namespace dwubit
