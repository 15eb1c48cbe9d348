// The report object in types: checked once, so that what renders it need not ask what a member is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit::report {

using Number = std::optional<double>;  // finite; empty where nothing was measured
using Count = std::optional<std::int64_t>;

struct Task {
    std::string name;
    std::string metric;
    std::string kind;  // "choice", "generation", "likelihood", or what else a study may have
    Number chance;
    Count documents;
    bool higher_is_better = true;
    std::optional<bool> above_chance;  // false: no retention is taken from this task
};

// Bounds are those of a 95 % interval.
struct TaskScore {
    Number score, low, high;
    Number difference, difference_low, difference_high;  // from the base, by document
    std::optional<bool> within_noise;
    Count lost, gained;
};

// What is left of the base's score above chance: 1 is all of it.
struct Retention {
    double value = 0;
    Number low, high;
    Count tasks;
};

struct Perplexity {
    Number value;
    Number standard_error;
    Number ratio;  // to the base's
    Count predictions;
};

struct Divergence {
    Number mean;
    Number standard_error;
    Number same_top;
    Number noise_floor;
    Number p50, p99, max;
};

// The embedding or the head.
struct Part {
    std::string format;
    Count bytes;
};

struct TensorLoss {
    std::string name;
    Number relative_proxy;
};

struct Seconds {
    Number quantize, perplexity, eval;
};

struct Model {
    std::string id;
    std::string method;  // empty for the base
    std::string recipe;
    Number bits_linears, bits_file;
    Count bytes, bytes_per_token;
    std::optional<Part> embedding, head;
    Perplexity perplexity;
    Divergence divergence;
    std::map<std::string, TaskScore> tasks;
    std::optional<Retention> choice, generation;
    Number mean_relative_proxy;
    std::vector<TensorLoss> tensors;
    Seconds seconds;
};

struct Input {
    std::string name, path, sha256;
};

struct Step {
    std::string id, key, outputs_sha256, finished;
    Number seconds;
    Json environment;  // an object or null
};

struct Report {
    std::string version;
    std::string name, title, file, sha256;  // of the study
    std::size_t base = 0;                   // its place in `models`
    std::vector<Task> tasks;
    std::vector<Model> models;
    std::vector<Input> inputs;
    std::vector<Step> steps;
    Json settings;
    Number total_seconds;
    std::vector<std::string> warnings;
};

// InvalidInput names the member and what would be right.
Result<Report> read_report(const Json& object);

}  // namespace dwubit::report
