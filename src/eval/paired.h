// Two models on the same documents: differences of their scores with intervals, answers that flipped, and how much of
// the base model's ability is left.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "dwubit/result.h"
#include "eval/loaded_results.h"
#include "json/json.h"

namespace dwubit {

struct PairedOptions {
    std::int64_t resamples = 10'000;
    std::uint64_t seed = 0;
    double level = 0.95;
};

// {"tasks": [{"name", "metric" ("<metric>,<filter>"), "kind" (choice, generation, likelihood), "chance", "documents",
//   "higher_is_better", "above_chance", "base": {"score", "low", "high"}, "other": {...}, "difference" (other - base),
//   "difference_low", "difference_high", "within_noise", "flips": {"lost", "gained"}, "primary"}],
//  "choice_retention": {"value", "low", "high", "tasks"}, "generation_retention", "resamples", "level", "seed",
//  "warnings": [text]}
//
// Percentile intervals of a bootstrap over documents, the same documents for both models. A member that does not
// apply is null: flips of what is not 0 or 1, chance where there is none, retention without a task above chance.
// Tasks that only one side has are left out with a warning. InvalidInput: no task in common, another version of a
// task, other documents or prompts, a metric that only one has, samples that do not give the score of their results.
// The same bytes for any number of threads.
Result<Json> compare_results(const LoadedResults& base, const LoadedResults& other, const PairedOptions& options,
                             ThreadPool& pool);

}  // namespace dwubit
