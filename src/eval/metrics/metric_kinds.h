// The metrics of each output type. Part of metrics.cpp; a metric is one line of the table of its type.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/metrics/metrics.h"

namespace dwubit {

struct MetricTraits {
    std::string_view name;
    std::string_view aggregation;
    bool higher_is_better;
    ValueKind gives;
};

// --- multiple_choice -----------------------------------------------------------------------------------------------

struct ChoiceScores {
    std::vector<double> loglikelihoods;
    std::vector<double> unconditional;  // for acc_mutual_info, else empty
    std::vector<bool> greedy;
    OrderedJson gold;                // an index, or a list of them
    std::vector<std::size_t> golds;  // the same
    std::size_t pred = 0, pred_norm = 0, pred_bytes = 0;
};

// Error: an answer that is no pair; as many answers as neither the choices nor twice the choices; gold that is no
// choice.
Result<ChoiceScores> choice_scores(const DocumentAnswers& answers, bool mutual_info);

struct ChoiceMetric {
    MetricTraits traits;
    OrderedJson (*value)(const ChoiceScores& scores);  // null: silent
};
std::span<const ChoiceMetric> choice_metrics();

// --- generate_until ------------------------------------------------------------------------------------------------

// Gold and answer as they are compared: gold as the type of the answer, a list for a task with several targets.
struct GeneratedAnswer {
    OrderedJson gold;
    OrderedJson answer;
    bool multiple_target = false;
};

Result<GeneratedAnswer> generated_answer(const DocumentAnswers& answers, const TaskConfig& config,
                                         bool multiple_target);

using GeneratedValue = std::function<Result<OrderedJson>(const GeneratedAnswer& answer)>;

struct GeneratedMetric {
    MetricTraits traits;
    Result<GeneratedValue> (*make)(const OrderedJson& arguments);
};
std::span<const GeneratedMetric> generated_metrics();

// --- loglikelihood, loglikelihood_rolling --------------------------------------------------------------------------

struct LikelihoodMetric {
    MetricTraits traits;
    Result<OrderedJson> (*value)(const DocumentAnswers& answers);  // null: silent
};
std::span<const LikelihoodMetric> likelihood_metrics();
std::span<const LikelihoodMetric> rolling_metrics();

// [log-likelihood, greedy]
Result<std::pair<double, bool>> likelihood_pair(const OrderedJson& answer);

}  // namespace dwubit
