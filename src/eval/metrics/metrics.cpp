#include "eval/metrics/metrics.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/metric_kinds.h"

namespace dwubit {
namespace {

template <class Rows>
std::vector<std::string> names_of(const Rows& rows) {
    std::vector<std::string> names;
    for (const auto& row : rows) names.emplace_back(row.traits.name);
    return names;
}

template <class Rows>
std::optional<MetricDefaults> defaults_of(const Rows& rows, std::string_view name) {
    for (const auto& row : rows) {
        if (row.traits.name == name) return MetricDefaults{row.traits.aggregation, row.traits.higher_is_better};
    }
    return std::nullopt;
}

// An aggregation may ignore what it is given.
bool fits(const Aggregation& aggregation, ValueKind gives) {
    return aggregation.takes == gives || aggregation.takes == ValueKind::kNothing;
}

// As a list by name: an entry later in the file replaces an earlier one of its name.
std::vector<MetricConfig> last_of_each(const std::vector<MetricConfig>& configs) {
    std::vector<MetricConfig> out;
    for (const MetricConfig& config : configs) {
        const auto same =
            std::find_if(out.begin(), out.end(), [&](const auto& other) { return other.name == config.name; });
        if (same == out.end()) {
            out.push_back(config);
        } else {
            *same = config;
        }
    }
    return out;
}

template <class Row>
struct Chosen {
    const Row* row;
    MetricConfig config;
    TaskMetrics::Metric metric;
};

template <class Row>
Result<std::vector<Chosen<Row>>> choose(std::span<const Row> rows, const TaskConfig& config) {
    std::vector<Chosen<Row>> chosen;
    for (const MetricConfig& wanted : last_of_each(config.metrics)) {
        const auto row =
            std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.traits.name == wanted.name; });
        if (row == rows.end()) {
            std::string known;
            for (const std::string& name : names_of(rows)) known += (known.empty() ? "" : ", ") + name;
            return errorf(ErrorKind::kUnsupported, "no metric '{}' for output_type {}", printable(wanted.name),
                          output_type_name(config.output_type))
                .with_hint("metrics: " + known);
        }
        const std::string name(row->traits.name);
        const std::string aggregation_name = wanted.aggregation.value_or(std::string(row->traits.aggregation));
        auto aggregation = find_aggregation(aggregation_name);
        if (!aggregation.ok()) return std::move(aggregation).context(fmt::format("metric '{}'", name)).error();
        if (!fits(**aggregation, row->traits.gives)) {
            return errorf(ErrorKind::kUnsupported, "metric '{}' gives no values for aggregation '{}'", name,
                          aggregation_name);
        }
        chosen.push_back({&*row,
                          wanted,
                          {name, *aggregation, wanted.higher_is_better.value_or(row->traits.higher_is_better), false}});
    }
    return chosen;
}

// In the table's order.
template <class Row>
void sort_by_table(std::vector<Chosen<Row>>& chosen) {
    std::sort(chosen.begin(), chosen.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
}

template <class Row>
std::vector<TaskMetrics::Metric> listed(std::vector<Chosen<Row>>& chosen) {
    std::vector<TaskMetrics::Metric> metrics;
    for (auto& entry : chosen) {
        if constexpr (!std::is_same_v<Row, GeneratedMetric>) entry.metric.silent = entry.row->value == nullptr;
        metrics.push_back(entry.metric);
    }
    return metrics;
}

}  // namespace

Result<TaskMetrics> TaskMetrics::create(const TaskConfig& config, bool multiple_target) {
    TaskMetrics out;
    switch (config.output_type) {
        case OutputType::kMultipleChoice: {
            DWUBIT_ASSIGN(auto chosen, choose(choice_metrics(), config));
            out.metrics_ = listed(chosen);
            sort_by_table(chosen);
            const bool mutual = std::any_of(chosen.begin(), chosen.end(),
                                            [](const auto& entry) { return entry.metric.name == "acc_mutual_info"; });
            out.values_ = [chosen, mutual](const DocumentAnswers& answers) -> Result<OrderedJson> {
                DWUBIT_ASSIGN(const ChoiceScores scores, choice_scores(answers, mutual));
                OrderedJson values = OrderedJson::object();
                for (const auto& entry : chosen) {
                    if (entry.row->value != nullptr) values[entry.metric.name] = entry.row->value(scores);
                }
                return values;
            };
            return out;
        }
        case OutputType::kGenerateUntil: {
            DWUBIT_ASSIGN(auto chosen, choose(generated_metrics(), config));
            out.metrics_ = listed(chosen);
            std::vector<std::pair<std::string, GeneratedValue>> functions;
            for (const auto& entry : chosen) {
                auto made = entry.row->make(entry.config.arguments);
                if (!made.ok()) return std::move(made).context(fmt::format("metric '{}'", entry.metric.name)).error();
                functions.emplace_back(entry.metric.name, std::move(made).value());
            }
            out.values_ = [functions, config, multiple_target](const DocumentAnswers& answers) -> Result<OrderedJson> {
                DWUBIT_ASSIGN(const GeneratedAnswer answer, generated_answer(answers, config, multiple_target));
                OrderedJson values = OrderedJson::object();
                for (const auto& [name, function] : functions) {
                    auto value = function(answer);
                    if (!value.ok()) return std::move(value).context(fmt::format("metric '{}'", name)).error();
                    values[name] = std::move(value).value();
                }
                return values;
            };
            return out;
        }
        case OutputType::kLoglikelihood:
        case OutputType::kLoglikelihoodRolling:
            break;
    }
    const bool rolling = config.output_type == OutputType::kLoglikelihoodRolling;
    DWUBIT_ASSIGN(auto chosen, choose(rolling ? rolling_metrics() : likelihood_metrics(), config));
    out.metrics_ = listed(chosen);
    sort_by_table(chosen);
    out.values_ = [chosen](const DocumentAnswers& answers) -> Result<OrderedJson> {
        OrderedJson values = OrderedJson::object();
        for (const auto& entry : chosen) {
            if (entry.row->value == nullptr) continue;
            DWUBIT_ASSIGN(values[entry.metric.name], entry.row->value(answers));
        }
        return values;
    };
    return out;
}

Result<OrderedJson> TaskMetrics::values(const DocumentAnswers& answers) const {
    return values_(answers);
}

std::optional<MetricDefaults> metric_defaults(OutputType type, std::string_view name) {
    switch (type) {
        case OutputType::kMultipleChoice:
            return defaults_of(choice_metrics(), name);
        case OutputType::kGenerateUntil:
            return defaults_of(generated_metrics(), name);
        case OutputType::kLoglikelihood:
            return defaults_of(likelihood_metrics(), name);
        case OutputType::kLoglikelihoodRolling:
            return defaults_of(rolling_metrics(), name);
    }
    return std::nullopt;
}

std::vector<std::string> metric_names(OutputType type) {
    switch (type) {
        case OutputType::kMultipleChoice:
            return names_of(choice_metrics());
        case OutputType::kGenerateUntil:
            return names_of(generated_metrics());
        case OutputType::kLoglikelihood:
            return names_of(likelihood_metrics());
        case OutputType::kLoglikelihoodRolling:
            return names_of(rolling_metrics());
    }
    return {};
}

}  // namespace dwubit
