#include "report/comparison.h"

#include <algorithm>
#include <cmath>

#include "report/numbers.h"

namespace dwubit::report {

std::vector<std::vector<std::size_t>> size_classes(const Report& report) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < report.models.size(); ++i) {
        if (i != report.base && report.models[i].bytes) order.push_back(i);
    }
    const auto bytes = [&](std::size_t i) { return static_cast<double>(*report.models[i].bytes); };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return bytes(a) < bytes(b); });
    std::vector<std::vector<std::size_t>> classes;
    double smallest = 0;
    for (const std::size_t i : order) {
        if (classes.empty() || bytes(i) > smallest * (1 + kEqualBytes)) {
            classes.emplace_back();
            smallest = bytes(i);
        }
        classes.back().push_back(i);
    }
    for (auto& members : classes) std::sort(members.begin(), members.end());
    return classes;
}

std::string class_letter(std::size_t index) {
    std::string letters;
    for (std::size_t rest = index + 1; rest > 0; rest = (rest - 1) / 26) {
        letters.insert(letters.begin(), static_cast<char>('A' + (rest - 1) % 26));
    }
    return letters;
}

Measure common_measure(const Report& report, const std::vector<std::size_t>& models) {
    const auto all_have = [&](Measure measure) {
        return std::all_of(models.begin(), models.end(),
                           [&](std::size_t i) { return measured(report.models[i], measure).has_value(); });
    };
    if (models.empty()) return Measure::kNone;
    if (all_have(Measure::kDivergence)) return Measure::kDivergence;
    return all_have(Measure::kPerplexity) ? Measure::kPerplexity : Measure::kNone;
}

Number measured(const Model& model, Measure measure) {
    switch (measure) {
        case Measure::kDivergence:
            return model.divergence.mean;
        case Measure::kPerplexity:
            return model.perplexity.value;
        case Measure::kNone:
            break;
    }
    return std::nullopt;
}

Number measured_error(const Model& model, Measure measure) {
    switch (measure) {
        case Measure::kDivergence:
            return model.divergence.standard_error;
        case Measure::kPerplexity:
            return model.perplexity.standard_error;
        case Measure::kNone:
            break;
    }
    return std::nullopt;
}

std::optional<bool> differ(const Model& a, const Model& b, Measure measure) {
    const Number first = measured(a, measure);
    const Number second = measured(b, measure);
    const Number first_error = measured_error(a, measure);
    const Number second_error = measured_error(b, measure);
    if (!first || !second) return std::nullopt;
    if (*first == *second) return false;
    if (!first_error || !second_error) return std::nullopt;
    return std::abs(*first - *second) > kTwoSided95 * std::hypot(*first_error, *second_error);
}

bool disjoint(const Number& low_a, const Number& high_a, const Number& low_b, const Number& high_b) {
    return low_a && high_a && low_b && high_b && (*high_a < *low_b || *high_b < *low_a);
}

bool is_base(const Report& report, const Model& model) {
    return &model == &report.models[report.base];
}

}  // namespace dwubit::report
