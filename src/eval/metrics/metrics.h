// Metrics: what one document's answers are worth.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/metrics/aggregation.h"
#include "tasks/task.h"

namespace dwubit {

// One document's answers, filtered: per request [log-likelihood, greedy], a log-likelihood (loglikelihood_rolling), or
// what the filters made of a text.
struct DocumentAnswers {
    const TaskItem& item;
    std::vector<OrderedJson> results;
    OrderedJson counted = nullptr;  // loglikelihood_rolling: the text whose words and bytes count, if not the target
};

// A task's metrics, ready to be asked about each document.
class TaskMetrics {
public:
    struct Metric {
        std::string name;
        const Aggregation* aggregation = nullptr;
        OrderedJson higher_is_better;  // true, false, or null where nobody says
        bool silent = false;           // gives no value for this output type: bypass
    };

    // `multiple_target`: BuiltTask's. Error: names the metric; unknown, not of the output type, an argument it does not
    // take, an aggregation that does not fit.
    static Result<TaskMetrics> create(const TaskConfig& config, bool multiple_target);

    const std::vector<Metric>& metrics() const { return metrics_; }
    // By name, in lm-evaluation-harness' order.
    Result<OrderedJson> values(const DocumentAnswers& answers) const;

private:
    using Values = std::function<Result<OrderedJson>(const DocumentAnswers& answers)>;

    std::vector<Metric> metrics_;
    Values values_;
};

// What a metric is where the task file does not say.
struct MetricDefaults {
    std::string_view aggregation;
    bool higher_is_better = true;
};
std::optional<MetricDefaults> metric_defaults(OutputType type, std::string_view name);

// For each output type the names, for tests and messages.
std::vector<std::string> metric_names(OutputType type);

}  // namespace dwubit
