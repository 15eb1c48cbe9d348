#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

// Readable on white and on near-black, in pairs for those who see two colours alike; shapes help the rest.
constexpr std::array<std::string_view, 10> kColors = {"#3b7dd8", "#d9730d", "#2e9e5b", "#d64550", "#9461d9",
                                                      "#159a9c", "#d0569b", "#9a8a1f", "#7d8797", "#a9674b"};
constexpr std::array<std::string_view, 6> kShapes = {"circle",  "square", "triangle-up",
                                                     "diamond", "cross",  "triangle-down"};
constexpr double kLetter = 6.8;  // pixels, of 12-pixel text
constexpr double kLabelHeight = 14;
constexpr std::size_t kLabelLetters = 24;
constexpr double kAir = 0.06;  // of the axis, beyond its outermost values

struct Box {
    double left = 0, top = 0, right = 0, bottom = 0;
    bool meets(const Box& other) const {
        return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }
};

double on_scale(const Axis& axis, double value) {
    return axis.logarithmic ? std::log10(value) : value;
}

double step_near(double raw) {
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0}) {
        if (raw <= factor * power * 1.0001) return factor * power;
    }
    return 10 * power;
}

std::string tick_text(const Axis& axis, double value, double step) {
    if (axis.percent) return percent(value);
    const double size = std::max(std::abs(axis.low), std::abs(axis.high));
    if (size >= 1e6 || (axis.logarithmic && (value < 1e-3 || value >= 1e5))) return significant(value, 2);
    const int places = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
    return decimals(value, places);
}

std::vector<Tick> logarithmic_ticks(const Axis& axis, std::size_t about) {
    const double decades = std::log10(axis.high / axis.low);
    std::vector<double> factors = {1, 2, 5};
    if (decades > static_cast<double>(about) / 2) factors = {1};
    if (decades < 0.7) factors = {1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9};
    const double skip = std::max(1.0, std::ceil(decades / static_cast<double>(about)));
    std::vector<Tick> ticks;
    for (double power = std::floor(std::log10(axis.low)); power <= std::log10(axis.high); ++power) {
        if (std::fmod(power, skip) != 0) continue;
        for (const double factor : factors) {
            const double value = factor * std::pow(10.0, power);
            if (value < axis.low * 0.9999 || value > axis.high * 1.0001) continue;
            const double step = std::pow(10.0, power) * (factor == 1.5 ? 0.1 : 1);
            ticks.push_back({value, tick_text(axis, value, step)});
        }
    }
    return ticks;
}

std::string shortened(const std::string& text) {
    const std::string valid = replace_invalid_utf8(text);
    std::size_t at = 0;
    for (std::size_t letters = 0; at < valid.size(); ++letters) {
        if (letters == kLabelLetters) return valid.substr(0, at) + "\u2026";
        at += utf8_length(static_cast<unsigned char>(valid[at]));
    }
    return valid;
}

Box label_box(double x, double y, const Label& label) {
    const double wide = text_width(label.text);
    const double left = label.right ? x + label.dx : x + label.dx - wide;
    return {left, y + label.dy - kLabelHeight / 2, left + wide, y + label.dy + kLabelHeight / 2};
}

}  // namespace

std::string_view style_color(std::size_t style) {
    return kColors[style % kColors.size()];
}

std::string_view style_shape(std::size_t style) {
    return kShapes[style % kShapes.size()];
}

double text_width(std::string_view text) {
    const auto letters = std::count_if(text.begin(), text.end(),
                                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
    return kLetter * static_cast<double>(letters);
}

void fit_axis(Axis& axis, const std::vector<double>& values, double ratio) {
    if (values.empty()) return;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    axis.logarithmic = ratio > 0 && *least > 0 && *most > ratio * *least;
    double low = on_scale(axis, *least);
    double high = on_scale(axis, *most);
    const double around = std::max({std::abs(low), std::abs(high), 1e-12});
    double air = kAir * (high - low);
    if (high - low < 1e-3 * around) air = 0.02 * around;  // one value, or nearly
    low -= air;
    high += air;
    axis.low = axis.logarithmic ? std::pow(10.0, low) : low;
    axis.high = axis.logarithmic ? std::pow(10.0, high) : high;
}

double place_on(const Axis& axis, double value) {
    if (axis.logarithmic && value <= 0) return 0;
    const double low = on_scale(axis, axis.low);
    return std::clamp((on_scale(axis, value) - low) / (on_scale(axis, axis.high) - low), 0.0, 1.0);
}

std::vector<Tick> axis_ticks(const Axis& axis, std::size_t about) {
    if (axis.logarithmic) return logarithmic_ticks(axis, about);
    double step = step_near((axis.high - axis.low) / static_cast<double>(about));
    if (axis.whole) step = std::max(1.0, step);
    std::vector<Tick> ticks;
    for (double count = std::ceil(axis.low / step - 1e-9); count * step <= axis.high + 1e-9 * step; ++count) {
        ticks.push_back({count * step, tick_text(axis, count * step, axis.percent ? step * 100 : step)});
    }
    return ticks;
}

std::vector<Series> all_series(const Chart& chart) {
    std::vector<Series> found;
    for (const Panel& panel : chart.panels) {
        for (const Series& series : panel.series) {
            const bool known =
                std::any_of(found.begin(), found.end(), [&](const Series& s) { return s.style == series.style; });
            if (!known) found.push_back({series.label, series.style, {}});
        }
    }
    std::sort(found.begin(), found.end(), [](const Series& a, const Series& b) { return a.style < b.style; });
    return found;
}

std::vector<Label> place_labels(const Chart& chart, const Panel& panel, double width, double height) {
    constexpr double kBeside = 10;
    std::vector<Box> taken;
    std::vector<std::pair<double, double>> points;
    for (const Series& series : panel.series) {
        const Point& point = series.points.front();
        const double x = width * place_on(chart.x, point.x);
        const double y = height * (1 - place_on(chart.y, point.y));
        points.emplace_back(x, y);
        taken.push_back({x - 6, y - 6, x + 6, y + 6});
    }
    std::vector<Label> labels;
    for (std::size_t i = 0; i < points.size(); ++i) {
        const auto [x, y] = points[i];
        const std::string text = shortened(panel.series[i].label);
        Label chosen{text, kBeside, 0, x + kBeside + text_width(text) <= width};
        if (!chosen.right) chosen.dx = -kBeside;
        bool found = false;
        for (const double away : {0, 12, -12, 18, -18, 26, -26, 36, -36, 48, -48, 62, -62}) {
            for (const bool right : {true, false}) {
                const Label label{text, right ? kBeside : -kBeside, away, right};
                const Box box = label_box(x, y, label);
                const bool inside = box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
                const bool free =
                    std::none_of(taken.begin(), taken.end(), [&](const Box& other) { return box.meets(other); });
                if (found || !inside || !free) continue;
                chosen = label;
                found = true;
            }
        }
        taken.push_back(label_box(x, y, chosen));
        labels.push_back(std::move(chosen));
    }
    return labels;
}

}  // namespace dwubit::report
