#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/metric_kinds.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

// The first greatest; NaN counts as greatest, as for numpy.
std::size_t first_maximum(std::span<const double> values) {
    std::size_t best = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::isnan(values[i])) return i;
        if (values[i] > values[best]) best = i;
    }
    return best;
}

Result<std::size_t> gold_index(const OrderedJson& gold, const std::vector<std::string>& choices) {
    const auto wrong = [&] {
        return errorf(ErrorKind::kInvalidInput, "gold is {}, which is none of the {} choices",
                      printable(dump_json(gold)), choices.size());
    };
    if (gold.is_string()) {
        const auto found = std::find(choices.begin(), choices.end(), gold.get_ref<const std::string&>());
        if (found == choices.end()) return wrong();
        return static_cast<std::size_t>(found - choices.begin());
    }
    double index = -1;
    if (gold.is_boolean()) index = gold.get<bool>() ? 1 : 0;
    if (gold.is_number()) index = gold.get<double>();
    if (!(index >= 0) || index >= static_cast<double>(choices.size()) || index != std::floor(index)) return wrong();
    return static_cast<std::size_t>(index);
}

OrderedJson is_gold(const ChoiceScores& scores, std::size_t choice) {
    return std::find(scores.golds.begin(), scores.golds.end(), choice) == scores.golds.end() ? 0.0 : 1.0;
}

OrderedJson acc(const ChoiceScores& scores) {
    return is_gold(scores, scores.pred);
}
OrderedJson acc_norm(const ChoiceScores& scores) {
    return is_gold(scores, scores.pred_norm);
}
OrderedJson acc_bytes(const ChoiceScores& scores) {
    return is_gold(scores, scores.pred_bytes);
}
OrderedJson labels(const ChoiceScores& scores) {
    return OrderedJson::array({scores.gold, scores.pred});
}
OrderedJson exact_match(const ChoiceScores& scores) {
    return std::any_of(scores.golds.begin(), scores.golds.end(), [&](std::size_t g) { return scores.greedy[g]; }) ? 1
                                                                                                                  : 0;
}
OrderedJson likelihood(const ChoiceScores& scores) {
    return OrderedJson::array({scores.gold, scores.loglikelihoods});
}

OrderedJson brier_score(const ChoiceScores& scores) {
    const double greatest = *std::max_element(scores.loglikelihoods.begin(), scores.loglikelihoods.end());
    std::vector<double> shares;
    double sum = 0;
    for (const double value : scores.loglikelihoods) {
        shares.push_back(std::exp(value - greatest));
        sum += shares.back();
    }
    for (double& share : shares) share /= sum;
    return OrderedJson::array({scores.gold, shares});
}

OrderedJson acc_mutual_info(const ChoiceScores& scores) {
    std::vector<double> gains;
    for (std::size_t i = 0; i < scores.loglikelihoods.size(); ++i) {
        gains.push_back(scores.loglikelihoods[i] - scores.unconditional[i]);
    }
    return is_gold(scores, first_maximum(gains));
}

// In the order in which lm-evaluation-harness reports them.
constexpr std::array kMetrics = {
    ChoiceMetric{{"acc", "mean", true, ValueKind::kNumber}, acc},
    ChoiceMetric{{"f1", "f1", true, ValueKind::kLabels}, labels},
    ChoiceMetric{{"mcc", "matthews_corrcoef", true, ValueKind::kLabels}, labels},
    ChoiceMetric{{"acc_norm", "mean", true, ValueKind::kNumber}, acc_norm},
    ChoiceMetric{{"acc_bytes", "mean", true, ValueKind::kNumber}, acc_bytes},
    ChoiceMetric{{"exact_match", "mean", true, ValueKind::kNumber}, exact_match},
    ChoiceMetric{{"brier_score", "brier_score", false, ValueKind::kProbabilities}, brier_score},
    ChoiceMetric{{"likelihood", "mean", true, ValueKind::kProbabilities}, likelihood},
    ChoiceMetric{{"acc_mutual_info", "mean", true, ValueKind::kNumber}, acc_mutual_info},
    ChoiceMetric{{"bypass", "bypass", true, ValueKind::kNothing}, nullptr},
};

}  // namespace

std::span<const ChoiceMetric> choice_metrics() {
    return kMetrics;
}

Result<ChoiceScores> choice_scores(const DocumentAnswers& answers, bool mutual_info) {
    const std::vector<std::string>& choices = answers.item.choices;
    ChoiceScores scores;
    for (const OrderedJson& answer : answers.results) {
        DWUBIT_ASSIGN(const auto pair, likelihood_pair(answer));
        scores.loglikelihoods.push_back(pair.first);
        scores.greedy.push_back(pair.second);
    }
    if (choices.empty() || scores.greedy.size() != choices.size() * (mutual_info ? 2 : 1)) {
        return errorf(ErrorKind::kInternal, "{} answers for {} choices", scores.greedy.size(), choices.size());
    }
    const auto conditional_end = scores.loglikelihoods.begin() + static_cast<std::ptrdiff_t>(choices.size());
    scores.unconditional.assign(conditional_end, scores.loglikelihoods.end());
    scores.loglikelihoods.resize(choices.size());
    std::vector<double> by_characters;
    std::vector<double> by_bytes;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        by_characters.push_back(scores.loglikelihoods[i] / static_cast<double>(tmpl::count_characters(choices[i])));
        by_bytes.push_back(scores.loglikelihoods[i] / static_cast<double>(choices[i].size()));
    }
    scores.pred = first_maximum(scores.loglikelihoods);
    scores.pred_norm = first_maximum(by_characters);
    scores.pred_bytes = first_maximum(by_bytes);
    const OrderedJson& gold = answers.item.gold;
    for (const OrderedJson& one : gold.is_array() ? gold : OrderedJson::array({gold})) {
        DWUBIT_ASSIGN(const std::size_t index, gold_index(one, choices));
        scores.golds.push_back(index);
    }
    scores.gold = gold.is_array() ? OrderedJson(scores.golds) : OrderedJson(scores.golds.front());
    return scores;
}

}  // namespace dwubit
