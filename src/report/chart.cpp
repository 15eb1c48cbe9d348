#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

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
    std::string valid = replace_invalid_utf8(text);
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
    // Far enough from the ends of double for the air and for differences; what lies beyond is drawn at the axis' end.
    const double bound = axis.logarithmic ? 250 : 1e300;
    double low = std::clamp(on_scale(axis, *least), -bound, bound);
    double high = std::clamp(on_scale(axis, *most), -bound, bound);
    const double largest = std::max(std::abs(low), std::abs(high));
    const double around = largest > 0 ? largest : 1;
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
    const auto to_x = [&](double value) { return width * place_on(chart.x, value); };
    const auto to_y = [&](double value) { return height * (1 - place_on(chart.y, value)); };
    std::vector<Box> taken;
    for (const Series& series : panel.series) {
        const Point& point = series.points.front();
        const double x = to_x(point.x);
        const double y = to_y(point.y);
        taken.push_back({x - 6, y - 6, x + 6, y + 6});
        if (point.x_low && point.x_high) taken.push_back({to_x(*point.x_low), y - 1, to_x(*point.x_high), y + 1});
        if (point.y_low && point.y_high) taken.push_back({x - 1, to_y(*point.y_high), x + 1, to_y(*point.y_low)});
    }
    if (chart.level) taken.push_back({0, to_y(*chart.level) - 1, width, to_y(*chart.level) + 1});
    std::vector<Label> labels;
    for (const Series& series : panel.series) {
        const double x = to_x(series.points.front().x);
        const double y = to_y(series.points.front().y);
        const std::string text = shortened(series.label);
        const bool room = x + kBeside + text_width(text) <= width;
        Label chosen{text, room ? kBeside : -kBeside, 0, room};
        double nearest = std::numeric_limits<double>::infinity();
        for (const double dy : {0, 12, -12, 18, -18, 26, -26, 36, -36, 48, -48, 62, -62}) {
            for (const double dx : {kBeside, -kBeside, 4.0, -4.0, 30.0, -30.0}) {
                const Label label{text, dx, dy, dx > 0};
                const Box box = label_box(x, y, label);
                const bool inside = box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height;
                const double away = std::hypot(dx, dy);
                if (!inside || away >= nearest) continue;
                if (std::any_of(taken.begin(), taken.end(), [&](const Box& other) { return box.meets(other); }))
                    continue;
                chosen = label;
                nearest = away;
            }
        }
        taken.push_back(label_box(x, y, chosen));
        labels.push_back(std::move(chosen));
    }
    return labels;
}

}  // namespace dwubit::report
