// Numbers as people read them. An empty one is "–".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

extern const std::string kNone;  // "–"

// `digits` significant digits; powers of ten below 0.001 and from a million on. The minus is U+2212.
std::string significant(double value, int digits = 3);
std::string significant(const Number& value, int digits = 3);

// A fixed number of decimals: scores.
std::string decimals(double value, int places = 3);
std::string decimals(const Number& value, int places = 3);

std::string signed_decimals(double value, int places = 3);  // with + or −

// "0.213 ± 0.008": the 95 % interval of a mean with this standard error, the error's decimals for both.
std::string with_error(double value, const Number& standard_error);

std::string percent(double part);          // 0.973 -> "97 %"
std::string bytes_text(double bytes);      // "12.35 MB", 1 MB = 10^6 bytes
std::string seconds_text(double seconds);  // "4.8 s", "12 min 3 s", "3 h 10 min"

// "[0.71, 0.86]", empty without both bounds.
std::string interval(const Number& low, const Number& high, int places = 3);

// "a", "a and b", "a, b and c"; after `most` names "a, b and 3 more".
std::string listed(const std::vector<std::string>& names, std::size_t most = 4);

// "1 task", "3 tasks"
std::string counted(std::size_t count, std::string_view one, std::string_view many);

constexpr double kTwoSided95 = 1.959964;  // standard errors in half of a normal 95 % interval

}  // namespace dwubit::report
