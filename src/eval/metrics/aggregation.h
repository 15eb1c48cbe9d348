// Aggregations: from one value per document to a score, and how far that score may be off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

// The values of all documents, prepared: `of` gives the score of some of them, named by number, any number of times.
class Statistic {
public:
    virtual ~Statistic() = default;
    virtual double of(std::span<const std::uint32_t> sample) const = 0;
    // Of the score of all, for StandardError::kFormula; two documents at least.
    virtual double error() const { return 0; }
};

enum class StandardError {
    kNone,       // "N/A"
    kFormula,    // sample standard deviation over the root of the count
    kBootstrap,  // standard deviation of the score over samples drawn with replacement
};

// What a metric gives per document.
enum class ValueKind {
    kNumber,
    kWeighted,       // [log-likelihood, words or bytes]
    kLabels,         // [gold, choice]
    kProbabilities,  // [gold, [one number per choice]]
    kTexts,          // [reference or references, answer]
    kNothing,        // null
};

struct Aggregation {
    std::string_view name;
    ValueKind takes;
    StandardError error;
    // Error: a value that this aggregation cannot take. `values` is not empty.
    Result<std::unique_ptr<Statistic>> (*prepare)(std::span<const OrderedJson> values);
};

// Also by an alias ("f1 macro"). Error: unknown, with those there are as hint.
Result<const Aggregation*> find_aggregation(std::string_view name);
std::vector<std::string> aggregation_names();

double score_of_all(const Statistic& statistic, std::size_t documents);

// As lm-evaluation-harness: iterations / 1000 chunks of 1000 samples (one of `iterations` if there are fewer), chunk i
// drawn by Python's random.Random(i).choices. The same for any number of threads. Nothing for fewer than two samples.
std::optional<double> bootstrap_error(const Statistic& statistic, std::size_t documents, std::int64_t iterations,
                                      ThreadPool* pool);

}  // namespace dwubit
