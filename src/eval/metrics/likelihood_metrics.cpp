#include <array>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/metric_kinds.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

Result<std::pair<double, bool>> only_pair(const DocumentAnswers& answers) {
    if (answers.results.size() != 1) {
        return errorf(ErrorKind::kInternal, "{} answers of one request", answers.results.size());
    }
    return likelihood_pair(answers.results.front());
}

Result<OrderedJson> loglikelihood(const DocumentAnswers& answers) {
    DWUBIT_ASSIGN(const auto pair, only_pair(answers));
    return OrderedJson(pair.first);
}

Result<OrderedJson> is_greedy(const DocumentAnswers& answers) {
    DWUBIT_ASSIGN(const auto pair, only_pair(answers));
    return OrderedJson(pair.second ? 1 : 0);
}

// Pieces between runs of white space, the empty ones at both ends included.
std::int64_t count_words(std::string_view text) {
    std::int64_t words = 1;
    bool in_space = false;
    for (std::size_t at = 0; at < text.size(); at += tmpl::character_length(text, at)) {
        const bool space = tmpl::is_space(tmpl::character_at(text, at));
        words += space && !in_space ? 1 : 0;
        in_space = space;
    }
    return words;
}

Result<OrderedJson> rolling(const DocumentAnswers& answers, bool words) {
    if (answers.results.size() != 1 || !answers.results.front().is_number()) {
        return errorf(ErrorKind::kInvalidInput, "the filters leave no log-likelihood");
    }
    const OrderedJson& counted = answers.counted.is_null() ? answers.item.target : answers.counted;
    if (!counted.is_string()) {
        return errorf(ErrorKind::kInvalidInput, "the target is {}, not text", printable(dump_json(counted)));
    }
    const auto& text = counted.get_ref<const std::string&>();
    const std::int64_t count = words ? count_words(text) : static_cast<std::int64_t>(text.size());
    return OrderedJson::array({answers.results.front(), count});
}

Result<OrderedJson> per_word(const DocumentAnswers& answers) {
    return rolling(answers, true);
}
Result<OrderedJson> per_byte(const DocumentAnswers& answers) {
    return rolling(answers, false);
}

// In the order in which lm-evaluation-harness reports them.
constexpr std::array kMetrics = {
    LikelihoodMetric{{"perplexity", "perplexity", false, ValueKind::kNumber}, loglikelihood},
    LikelihoodMetric{{"acc", "mean", true, ValueKind::kNumber}, is_greedy},
    LikelihoodMetric{{"bypass", "bypass", true, ValueKind::kNothing}, nullptr},
};

constexpr std::array kRollingMetrics = {
    LikelihoodMetric{{"word_perplexity", "weighted_perplexity", false, ValueKind::kWeighted}, per_word},
    LikelihoodMetric{{"byte_perplexity", "weighted_perplexity", false, ValueKind::kWeighted}, per_byte},
    LikelihoodMetric{{"bits_per_byte", "bits_per_byte", false, ValueKind::kWeighted}, per_byte},
};

}  // namespace

std::span<const LikelihoodMetric> likelihood_metrics() {
    return kMetrics;
}
std::span<const LikelihoodMetric> rolling_metrics() {
    return kRollingMetrics;
}

Result<std::pair<double, bool>> likelihood_pair(const OrderedJson& answer) {
    if (!answer.is_array() || answer.size() != 2 || !answer[0].is_number() || !answer[1].is_boolean()) {
        return errorf(ErrorKind::kInvalidInput, "the filters leave {}, not [log-likelihood, greedy]",
                      printable(dump_json(answer)));
    }
    return std::pair(answer[0].get<double>(), answer[1].get<bool>());
}

}  // namespace dwubit
