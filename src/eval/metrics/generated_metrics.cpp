#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/arguments.h"
#include "eval/metrics/metric_kinds.h"
#include "eval/metrics/regex.h"
#include "eval/metrics/text.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

bool is_ascii_punctuation(char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

// type(answer)(gold)
Result<OrderedJson> as_type_of(const OrderedJson& answer, const OrderedJson& gold) {
    const auto wrong = [&] {
        return errorf(ErrorKind::kInvalidInput, "the target {} cannot be compared with the answer {}",
                      printable(dump_json(gold)), printable(dump_json(answer)));
    };
    if (python_type(answer) == python_type(gold)) return gold;
    if (answer.is_string()) {
        DWUBIT_ASSIGN(std::string text, python_text(gold));
        return OrderedJson(std::move(text));
    }
    if (!answer.is_number_integer()) return wrong();
    if (gold.is_boolean()) return OrderedJson(gold.get<bool>() ? 1 : 0);
    if (!gold.is_string()) return wrong();
    const std::string_view digits = strip_space(gold.get_ref<const std::string&>());
    const bool negative = digits.starts_with('-');
    if (!is_digits(digits.substr(negative ? 1 : 0)) || digits.size() > 18) return wrong();
    const std::int64_t value = std::stoll(std::string(digits));
    return OrderedJson(value);
}

// Both sides of exact_match go through it.
class Simplify {
public:
    static Result<Simplify> create(const OrderedJson& values) {
        Arguments arguments(values);
        Simplify simplify;
        DWUBIT_ASSIGN(const std::vector<std::string> patterns, arguments.texts("regexes_to_ignore"));
        for (const std::string& pattern : patterns) {
            DWUBIT_ASSIGN(Regex regex, Regex::compile(pattern));
            simplify.ignored_.push_back(std::make_shared<const Regex>(std::move(regex)));
        }
        DWUBIT_ASSIGN(simplify.case_, arguments.boolean("ignore_case", false));
        DWUBIT_ASSIGN(simplify.punctuation_, arguments.boolean("ignore_punctuation", false));
        DWUBIT_ASSIGN(simplify.numbers_, arguments.boolean("ignore_numbers", false));
        arguments.find("hf_evaluate");  // the Hub's metric of this name computes the same
        DWUBIT_TRY(arguments.finish());
        return simplify;
    }

    Result<OrderedJson> operator()(const OrderedJson& value) const {
        const bool idle = ignored_.empty() && !case_ && !punctuation_ && !numbers_;
        if (idle) return value;
        if (!value.is_string()) {
            return errorf(ErrorKind::kInvalidInput, "its arguments are for text, but a value is {}",
                          printable(dump_json(value)));
        }
        std::string text = value.get<std::string>();
        for (const auto& regex : ignored_) {
            DWUBIT_ASSIGN(text, regex->replace_all(text, ""));
        }
        if (case_) text = tmpl::to_lower(text);
        if (punctuation_) std::erase_if(text, is_ascii_punctuation);
        if (numbers_) std::erase_if(text, [](char c) { return c >= '0' && c <= '9'; });
        return OrderedJson(std::move(text));
    }

private:
    std::vector<std::shared_ptr<const Regex>> ignored_;
    bool case_ = false;
    bool punctuation_ = false;
    bool numbers_ = false;
};

// The share of answers that equal gold (one answer mostly; more behind take_first_k); with several targets 1 if any
// equals.
Result<OrderedJson> exact_match(const Simplify& simplify, const GeneratedAnswer& answer) {
    const OrderedJson answers = answer.answer.is_array() ? answer.answer : OrderedJson::array({answer.answer});
    const OrderedJson golds = answer.multiple_target ? answer.gold : OrderedJson::array({answer.gold});
    if (answers.empty() || (answer.multiple_target && answer.answer.is_array())) {
        return errorf(ErrorKind::kInvalidInput, "the filters leave {}, not one answer",
                      printable(dump_json(answer.answer)))
            .with_hint("end the filters with take_first");
    }
    double equal = 0;
    for (const OrderedJson& one : answers) {
        DWUBIT_ASSIGN(const OrderedJson simple, simplify(one));
        for (const OrderedJson& gold : golds) {
            DWUBIT_ASSIGN(const OrderedJson wanted, simplify(gold));
            equal += wanted.is_string() == simple.is_string() && python_equal(simple, wanted) ? 1 : 0;
        }
    }
    if (answer.multiple_target) return OrderedJson(equal > 0 ? 1.0 : 0.0);
    return OrderedJson(equal / static_cast<double>(answers.size()));
}

Result<GeneratedValue> make_exact_match(const OrderedJson& arguments) {
    DWUBIT_ASSIGN(const Simplify simplify, Simplify::create(arguments));
    return GeneratedValue([simplify](const GeneratedAnswer& answer) { return exact_match(simplify, answer); });
}

// For aggregations over the whole task.
Result<GeneratedValue> make_pair(const OrderedJson&) {
    return GeneratedValue([](const GeneratedAnswer& answer) -> Result<OrderedJson> {
        return OrderedJson::array({answer.gold, answer.answer});
    });
}

Result<GeneratedValue> make_nothing(const OrderedJson&) {
    return GeneratedValue([](const GeneratedAnswer&) -> Result<OrderedJson> { return OrderedJson(); });
}

constexpr std::array kMetrics = {
    GeneratedMetric{{"exact_match", "mean", true, ValueKind::kNumber}, make_exact_match},
    GeneratedMetric{{"bleu", "bleu", true, ValueKind::kTexts}, make_pair},
    GeneratedMetric{{"chrf", "chrf", true, ValueKind::kTexts}, make_pair},
    GeneratedMetric{{"chrf++", "chrf++", true, ValueKind::kTexts}, make_pair},
    GeneratedMetric{{"ter", "ter", false, ValueKind::kTexts}, make_pair},
    GeneratedMetric{{"f1", "f1", true, ValueKind::kLabels}, make_pair},
    GeneratedMetric{{"mcc", "matthews_corrcoef", true, ValueKind::kLabels}, make_pair},
    GeneratedMetric{{"bypass", "bypass", true, ValueKind::kNothing}, make_nothing},
};

}  // namespace

std::span<const GeneratedMetric> generated_metrics() {
    return kMetrics;
}

Result<GeneratedAnswer> generated_answer(const DocumentAnswers& answers, const TaskConfig& config,
                                         bool multiple_target) {
    if (answers.results.size() != 1) {
        return errorf(ErrorKind::kInternal, "{} answers of one request", answers.results.size());
    }
    GeneratedAnswer out{answers.item.target, answers.results.front(), false};
    if (config.doc_to_choice.kind != FieldSource::Kind::kNone) {
        const auto& choices = answers.item.choices;
        const bool fits = out.gold.is_number_integer() && out.gold.get<std::int64_t>() >= 0 &&
                          out.gold.get<std::int64_t>() < static_cast<std::int64_t>(choices.size());
        if (!fits) {
            return errorf(ErrorKind::kInvalidInput, "the target is {}, which is no index of the {} choices",
                          printable(dump_json(out.gold)), choices.size());
        }
        out.gold = choices[out.gold.get<std::size_t>()];
        return out;
    }
    out.multiple_target = multiple_target;
    if (multiple_target) {
        if (!out.gold.is_array()) out.gold = OrderedJson::array({out.gold});
        return out;
    }
    const auto bypass = [](const MetricConfig& metric) { return metric.name == "bypass"; };
    if (out.answer.is_array() || std::any_of(config.metrics.begin(), config.metrics.end(), bypass)) return out;
    DWUBIT_ASSIGN(out.gold, as_type_of(out.answer, out.gold));
    return out;
}

}  // namespace dwubit
