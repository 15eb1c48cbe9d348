#include "eval/task_scores.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "eval/metrics/filters.h"
#include "eval/metrics/metrics.h"
#include "eval/metrics/text.h"
#include "tasks/native_functions.h"
#include "tasks/python_value.h"

namespace dwubit {
namespace {

constexpr std::int64_t kTextBootstrap = 100;  // iterations for the metrics of texts, which the reference computes anew
constexpr std::string_view kNoError = "N/A";

struct Scoring {
    const NativeFunction* counted = nullptr;  // process_results
    std::vector<FilterChain> filters;
    TaskMetrics metrics;
};

Result<Scoring> scoring_of(const TaskConfig& config, bool multiple_target) {
    Scoring scoring;
    if (config.process_results) {
        scoring.counted = find_native_function(*config.process_results);
        const bool fits = scoring.counted != nullptr && scoring.counted->kind == NativeFunction::Kind::kResults;
        if (!fits || config.output_type != OutputType::kLoglikelihoodRolling) {
            return errorf(ErrorKind::kUnsupported, "process_results: no native function '{}' for output_type {}",
                          printable(*config.process_results), output_type_name(config.output_type));
        }
    }
    std::set<std::string> names;
    for (const FilterPipeline& pipeline : config.filters) {
        if (!names.insert(pipeline.name).second) {
            return errorf(ErrorKind::kInvalidInput, "two lists of filters are named '{}'", printable(pipeline.name));
        }
        DWUBIT_ASSIGN(FilterChain chain, FilterChain::create(pipeline));
        scoring.filters.push_back(std::move(chain));
    }
    DWUBIT_ASSIGN(scoring.metrics, TaskMetrics::create(config, multiple_target));
    return scoring;
}

// An answer as Python has it: text, a number, or a pair.
OrderedJson answer_value(const Response& response, OutputType type) {
    if (type == OutputType::kGenerateUntil) return response.text;
    if (type == OutputType::kLoglikelihoodRolling) return response.loglikelihood;
    return OrderedJson::array({response.loglikelihood, response.is_greedy});
}

// Every value within lists as text, str() of it.
Result<OrderedJson> as_texts(const OrderedJson& value) {
    if (!value.is_array()) {
        DWUBIT_ASSIGN(std::string text, python_text(value));
        return OrderedJson(std::move(text));
    }
    OrderedJson out = OrderedJson::array();
    for (const OrderedJson& item : value) {
        DWUBIT_ASSIGN(OrderedJson text, as_texts(item));
        out.push_back(std::move(text));
    }
    return out;
}

OrderedJson arguments_of(const TaskItem& item, const TaskConfig& config) {
    OrderedJson out = OrderedJson::object();
    for (std::size_t i = 0; i < item.requests.size(); ++i) {
        OrderedJson arguments = OrderedJson::object();
        arguments["arg_0"] = item.requests[i].context;
        if (config.output_type == OutputType::kGenerateUntil) {
            arguments["arg_1"] = config.generation_kwargs;
        } else if (config.output_type != OutputType::kLoglikelihoodRolling) {
            arguments["arg_1"] = item.requests[i].continuation;
        }
        out[fmt::format("gen_args_{}", i)] = std::move(arguments);
    }
    return out;
}

class TaskScorer {
public:
    TaskScorer(const BuiltTask& task, const TaskResponses& responses, const ScoreOptions& options, Scoring scoring)
        : task_(task), responses_(responses), options_(options), scoring_(std::move(scoring)) {}

    Result<TaskScores> run() {
        DWUBIT_TRY(check_shapes());
        const std::string& name = task_.config.task;
        const bool current = options_.harness == Harness::kCurrent;
        if (current) scores_.results["name"] = name;
        scores_.results["alias"] = task_.config.alias.empty() ? name : task_.config.alias;
        if (current) scores_.results["sample_len"] = task_.items.size();
        for (const auto& metric : scoring_.metrics.metrics()) {
            scores_.higher_is_better[metric.name] = metric.higher_is_better;
        }
        for (const FilterChain& filter : scoring_.filters) {
            auto scored = score_filter(filter);
            if (!scored.ok()) {
                return std::move(scored).context(fmt::format("task '{}', filter '{}'", name, filter.name())).error();
            }
        }
        return std::move(scores_);
    }

private:
    Result<void> check_shapes() const {
        bool fits = !task_.items.empty() && responses_.size() == task_.items.size();
        for (std::size_t i = 0; fits && i < task_.items.size(); ++i) {
            fits = !task_.items[i].requests.empty() && responses_[i].size() == task_.items[i].requests.size();
            for (const auto& repeats : responses_[i]) fits = fits && !repeats.empty();
        }
        if (fits) return {};
        return errorf(ErrorKind::kInternal, "task '{}': the answers do not belong to its requests", task_.config.task);
    }

    Result<void> score_filter(const FilterChain& filter) {
        std::map<std::string, std::vector<OrderedJson>> values;
        std::vector<std::string> order;
        for (std::size_t i = 0; i < task_.items.size(); ++i) {
            auto scored = score_document(filter, i);
            if (!scored.ok()) {
                return std::move(scored).context(fmt::format("document {}", task_.items[i].doc_id)).error();
            }
            for (auto& [metric, value] : scored->items()) {
                if (!values.contains(metric)) order.push_back(metric);
                values[metric].push_back(std::move(value));
            }
        }
        for (const std::string& metric : order) {
            auto added = aggregate(metric, filter.name(), values.at(metric));
            if (!added.ok()) return std::move(added).context(fmt::format("metric '{}'", metric)).error();
        }
        return {};
    }

    // The values of the metrics.
    Result<OrderedJson> score_document(const FilterChain& filter, std::size_t number) {
        const TaskItem& item = task_.items[number];
        OrderedJson answers = OrderedJson::array();
        DocumentAnswers filtered{item, {}, nullptr};
        if (scoring_.counted != nullptr) {
            DWUBIT_ASSIGN(filtered.counted, scoring_.counted->function(item.doc));
        }
        for (const std::vector<Response>& repeats : responses_[number]) {
            OrderedJson entry = OrderedJson::array();
            for (const Response& response : repeats) entry.push_back(answer_value(response, task_.config.output_type));
            answers.push_back(entry);
            DWUBIT_ASSIGN(OrderedJson result, filter.apply(std::move(entry), item.doc));
            filtered.results.push_back(std::move(result));
        }
        DWUBIT_ASSIGN(OrderedJson values, scoring_.metrics.values(filtered));
        if (options_.samples) DWUBIT_TRY(add_sample(filter.name(), item, answers, filtered.results, values));
        return values;
    }

    Result<void> add_sample(const std::string& filter, const TaskItem& item, const OrderedJson& answers,
                            const std::vector<OrderedJson>& filtered, const OrderedJson& values) {
        DWUBIT_ASSIGN(const std::string target, python_text(item.target));
        OrderedJson sample = OrderedJson::object();
        sample["doc_id"] = item.doc_id;
        sample["doc"] = item.doc;
        sample["target"] = target;
        sample["arguments"] = arguments_of(item, task_.config);
        DWUBIT_ASSIGN(sample["resps"], as_texts(answers));
        DWUBIT_ASSIGN(sample["filtered_resps"], as_texts(filtered));
        if (options_.harness == Harness::kCurrent) {
            sample["filter"] = filter;
            OrderedJson names = OrderedJson::array();
            for (const auto& [name, value] : values.items()) names.push_back(name);
            sample["metrics"] = std::move(names);
        }
        sample["doc_hash"] = sha256_hex(python_json_indented(item.doc));
        sample["prompt_hash"] = sha256_hex(item.requests.front().context);
        sample["target_hash"] = sha256_hex(target);
        for (const auto& [name, value] : values.items()) sample[name] = value;
        scores_.samples.push_back(std::move(sample));
        return {};
    }

    Result<void> aggregate(const std::string& name, const std::string& filter, const std::vector<OrderedJson>& values) {
        const auto& metrics = scoring_.metrics.metrics();
        const Aggregation& aggregation = *std::find_if(metrics.begin(), metrics.end(), [&](const auto& metric) {
                                              return metric.name == name;
                                          })->aggregation;
        DWUBIT_ASSIGN(const std::unique_ptr<Statistic> statistic, aggregation.prepare(values));
        const double score = score_of_all(*statistic, values.size());
        OrderedJson& shown = scores_.results[fmt::format("{},{}", name, filter)];
        shown = score;
        if (aggregation.takes == ValueKind::kNothing) shown = static_cast<std::int64_t>(score);
        OrderedJson& error = scores_.results[fmt::format("{}_stderr,{}", name, filter)];
        error = kNoError;
        if (options_.bootstrap_iters <= 0 || values.size() < 2) return {};
        // The fork for Polish aggregates F1 by functions of its own, which have no standard error there.
        if (options_.harness == Harness::kPolish && aggregation.name == "f1") return {};
        if (aggregation.error == StandardError::kFormula) {
            error = statistic->error();
        } else if (aggregation.error == StandardError::kBootstrap) {
            const bool text = name == "bleu" || name == "chrf" || name == "chrf++" || name == "ter";
            const std::int64_t iterations =
                text ? std::min(options_.bootstrap_iters, kTextBootstrap) : options_.bootstrap_iters;
            if (const auto found = bootstrap_error(*statistic, values.size(), iterations, options_.pool))
                error = *found;
        }
        return {};
    }

    const BuiltTask& task_;
    const TaskResponses& responses_;
    const ScoreOptions& options_;
    Scoring scoring_;
    TaskScores scores_;
};

}  // namespace

Result<TaskScores> score_task(const BuiltTask& task, const TaskResponses& responses, const ScoreOptions& options) {
    auto scoring = scoring_of(task.config, task.multiple_target);
    if (!scoring.ok()) return std::move(scoring).context(fmt::format("task '{}'", task.config.task)).error();
    return TaskScorer(task, responses, options, std::move(scoring).value()).run();
}

Result<void> check_scoring(const TaskConfig& config, const ScoreOptions& options) {
    if (options.bootstrap_iters < 0) {
        return errorf(ErrorKind::kUsage, "bootstrap iterations must not be negative, got {}", options.bootstrap_iters);
    }
    auto scoring = scoring_of(config, false);
    if (!scoring.ok()) return std::move(scoring).context(fmt::format("task '{}'", config.task)).error();
    return {};
}

}  // namespace dwubit
