#include "report/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dwubit::report {
namespace {

constexpr int kMostDecimals = 12;

// U+2212 in place of a leading "-", and no minus before a zero.
std::string with_minus(std::string text) {
    if (text.empty() || text[0] != '-') return text;
    text.erase(0, 1);
    const bool zero = text.find_first_not_of("0.") == std::string::npos;
    return zero ? text : "\u2212" + text;
}

std::string fixed(double value, int places) {
    return with_minus(fmt::format("{:.{}f}", value, std::clamp(places, 0, kMostDecimals)));
}

int exponent_of(double value) {
    return value == 0 ? 0 : static_cast<int>(std::floor(std::log10(std::abs(value))));
}

}  // namespace

const std::string kNone = "\u2013";

std::string significant(double value, int digits) {
    const int exponent = exponent_of(value);
    if (value == 0 || (exponent >= -3 && exponent < 6)) return fixed(value, digits - 1 - exponent);
    return with_minus(fmt::format("{:.{}e}", value, digits - 1));
}

std::string significant(const Number& value, int digits) {
    return value ? significant(*value, digits) : kNone;
}

std::string decimals(double value, int places) {
    return std::abs(value) < 1e6 ? fixed(value, places) : significant(value);
}

std::string decimals(const Number& value, int places) {
    return value ? decimals(*value, places) : kNone;
}

std::string signed_decimals(double value, int places) {
    const std::string text = decimals(value, places);
    const bool zero = text.find_first_not_of("0.") == std::string::npos;
    return value > 0 && !zero ? "+" + text : text;
}

int score_places(const TaskScore& score) {
    double largest = 0;
    for (const Number& value : {score.score, score.low, score.high})
        largest = std::max(largest, std::abs(value.value_or(0)));
    return largest >= 10 ? 1 : 3;
}

std::string with_error(double value, const Number& standard_error) {
    if (!standard_error || *standard_error <= 0) return significant(value, 4);
    const double half = kTwoSided95 * *standard_error;
    if (exponent_of(value) >= 6 || exponent_of(half) < -6 || exponent_of(half) >= 6) {
        return significant(value) + " ± " + significant(half, 2);
    }
    const int places = std::max(0, 1 - exponent_of(half));  // two digits of the error
    return fixed(value, places) + " ± " + fixed(half, places);
}

std::string percent(double part, int places) {
    const double value = 100 * part;
    return decimals(value, places) + "\u00a0%";
}

std::string bytes_text(double bytes) {
    constexpr std::array kUnits = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < kUnits.size()) {
        bytes /= 1000;
        ++unit;
    }
    return (unit == 0 ? fixed(bytes, 0) : significant(bytes, 4)) + "\u00a0" + kUnits[unit];
}

std::string bytes_range(double least, double most) {
    std::string low = bytes_text(least);
    const std::string high = bytes_text(most);
    if (low == high) return low;
    const std::size_t unit = low.rfind("\u00a0");
    const bool same_unit = low.substr(unit) == high.substr(high.rfind("\u00a0"));
    return (same_unit ? low.substr(0, unit) : low) + " to " + high;
}

std::string seconds_text(double seconds) {
    if (seconds < 100) return decimals(seconds, 1) + "\u00a0s";
    if (seconds > 1e9) return significant(seconds) + "\u00a0s";
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    if (whole < 7200) return fmt::format("{}\u00a0min {}\u00a0s", whole / 60, whole % 60);
    return fmt::format("{}\u00a0h {}\u00a0min", whole / 3600, whole % 3600 / 60);
}

std::string interval(const Number& low, const Number& high, int places) {
    if (!low || !high) return "";
    return fmt::format("[{}, {}]", decimals(*low, places), decimals(*high, places));
}

std::string listed(const std::vector<std::string>& names, std::size_t most) {
    std::string text;
    const std::size_t shown = names.size() > most + 1 ? most : names.size();
    for (std::size_t i = 0; i < shown; ++i) {
        const bool last = i + 1 == names.size();
        text += (i == 0 ? "" : last ? " and " : ", ") + names[i];
    }
    return shown < names.size() ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

}  // namespace dwubit::report
