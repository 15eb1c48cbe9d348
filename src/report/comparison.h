// Which models may be compared with each other, and whether they differ by more than noise.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

// Files within this part of the smallest one's bytes are of equal size.
constexpr double kEqualBytes = 0.01;

// Places in Report::models without the base. The smallest file and those of equal size are the first class, the
// smallest of the rest begins the next. Inside a class the order is the study's. Models without bytes are in none.
std::vector<std::vector<std::size_t>> size_classes(const Report& report);

// "A", "B", ..., "Z", "AA", ...
std::string class_letter(std::size_t index);

// What a set of models is ranked by: the KL divergence where all have one, else the perplexity where all have one.
enum class Measure { kNone, kPerplexity, kDivergence };
Measure common_measure(const Report& report, const std::vector<std::size_t>& models);

// The value that is ranked (lower is better) and its standard error.
Number measured(const Model& model, Measure measure);
Number measured_error(const Model& model, Measure measure);

// Whether two models differ by more than noise: by more than 1.96 standard errors of the difference, the errors taken
// as independent. They come from the same text, so that this errs on the side of noise. Empty where an error is
// unknown.
std::optional<bool> differ(const Model& a, const Model& b, Measure measure);

// Both intervals known and without a common point.
bool disjoint(const Number& low_a, const Number& high_a, const Number& low_b, const Number& high_b);

bool is_base(const Report& report, const Model& model);

}  // namespace dwubit::report
