// Axes, labels, and the two forms of one chart.
#include "report/chart.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "report/chart_svg.h"
#include "report/chart_vega.h"

namespace dwubit::report {
namespace {

std::vector<std::string> texts(const Axis& axis, std::size_t about) {
    std::vector<std::string> found;
    for (const Tick& tick : axis_ticks(axis, about)) found.push_back(tick.text);
    return found;
}

using Texts = std::vector<std::string>;

TEST(Chart, Ticks) {
    Axis axis;
    axis.low = 12.9;
    axis.high = 15.2;
    EXPECT_EQ(texts(axis, 5), Texts({"13.0", "13.5", "14.0", "14.5", "15.0"}));
    axis.low = -0.3;
    axis.high = 1.1;
    axis.percent = true;
    EXPECT_EQ(texts(axis, 4), Texts({"0\u00a0%", "50\u00a0%", "100\u00a0%"}));
    axis = {"", false, false, true, -0.4, 3.4};
    EXPECT_EQ(texts(axis, 10), Texts({"0", "1", "2", "3"}));
    axis = {"", true, false, false, 0.9, 110};
    EXPECT_EQ(texts(axis, 8), Texts({"1", "2", "5", "10", "20", "50", "100"}));
}

TEST(Chart, AxisFitsItsValues) {
    Axis axis;
    fit_axis(axis, {5, 5, 5});
    EXPECT_LT(axis.low, 5);
    EXPECT_GT(axis.high, 5);
    fit_axis(axis, {0, 0});
    EXPECT_LT(axis.low, axis.high);
    fit_axis(axis, {1, 1000}, 4);
    EXPECT_TRUE(axis.logarithmic);
    EXPECT_GT(axis.low, 0);
    fit_axis(axis, {0, 1000}, 4);  // no logarithm of zero
    EXPECT_FALSE(axis.logarithmic);
    fit_axis(axis, {1e-310, 1e308}, 4);
    EXPECT_TRUE(axis.logarithmic && axis.low > 0 && std::isfinite(axis.high));
    EXPECT_LT(axis_ticks(axis, 6).size(), 20U);
    fit_axis(axis, {-1.7e308, 1.7e308});
    EXPECT_TRUE(std::isfinite(axis.low) && std::isfinite(axis.high) && axis.low < axis.high);
    EXPECT_DOUBLE_EQ(place_on(axis, 0), 0.5);
    EXPECT_FALSE(axis_ticks(axis, 5).empty());
    EXPECT_LT(axis_ticks(axis, 5).size(), 20U);
}

TEST(Chart, PlaceOnAxis) {
    Axis axis;
    axis.low = 1;
    axis.high = 100;
    axis.logarithmic = true;
    EXPECT_DOUBLE_EQ(place_on(axis, 10), 0.5);
    EXPECT_DOUBLE_EQ(place_on(axis, 1e9), 1);
    EXPECT_DOUBLE_EQ(place_on(axis, -3), 0);
}

Chart crowded(std::size_t methods) {
    Chart chart;
    chart.name = "x";
    chart.title = "a <title>";
    chart.facts = {"fact"};
    chart.level = 0.5;
    Panel panel;
    for (std::size_t i = 0; i < methods; ++i) {
        Point point;
        point.x = 0.5 + 0.001 * static_cast<double>(i);
        point.y = 0.5;
        point.y_low = 0.4;
        point.y_high = 0.6;
        point.facts = {"<b>"};
        panel.series.push_back({"method-" + std::to_string(i), i, {point}});
    }
    chart.panels.push_back(std::move(panel));
    return chart;
}

TEST(Chart, LabelsKeepApart) {
    const Chart chart = crowded(12);
    const auto labels = place_labels(chart, chart.panels[0], 600, 320);
    ASSERT_EQ(labels.size(), 12U);
    for (std::size_t a = 0; a < labels.size(); ++a) {
        for (std::size_t b = a + 1; b < labels.size(); ++b) {
            const auto left_of = [&](std::size_t i) {
                const double x = 600 * chart.panels[0].series[i].points[0].x + labels[i].dx;
                return labels[i].right ? x : x - text_width(labels[i].text);
            };
            const bool beside = left_of(a) + text_width(labels[a].text) <= left_of(b) + 1e-9 ||
                                left_of(b) + text_width(labels[b].text) <= left_of(a) + 1e-9;
            EXPECT_TRUE(beside || std::abs(labels[a].dy - labels[b].dy) >= 12) << a << " and " << b;
        }
    }
}

TEST(Chart, LongNamesAreShortened) {
    Chart chart = crowded(1);
    chart.panels[0].series[0].label = std::string(30, 'x') + "ż";
    EXPECT_EQ(place_labels(chart, chart.panels[0], 600, 320)[0].text, std::string(24, 'x') + "…");
}

TEST(Chart, SvgHoldsMarksBarsAndLabels) {
    const std::string svg = chart_svg(crowded(3));
    EXPECT_EQ(svg.find("<title>a"), std::string::npos);
    EXPECT_NE(svg.find("a &lt;title&gt;"), std::string::npos);
    EXPECT_NE(svg.find("<title>method-1: fact &lt;b&gt;</title>"), std::string::npos);
    EXPECT_NE(svg.find(">method-2</text>"), std::string::npos);
    EXPECT_NE(svg.find("class=\"level\""), std::string::npos);
}

TEST(Chart, VegaHoldsTheSamePoints) {
    const Chart chart = crowded(3);
    const Json spec = panel_vega(chart, chart.panels[0]);
    ASSERT_EQ(spec.at("data").at("values").size(), 3U);
    EXPECT_EQ(spec.at("data").at("values")[1].at("series"), "method-1");
    EXPECT_EQ(spec.at("data").at("values")[1].at("y_low"), 0.4);
    EXPECT_EQ(spec.at("width"), "container");
    std::set<std::string> marks;
    for (const Json& layer : spec.at("layer")) marks.insert(layer.at("mark").at("type").get<std::string>());
    EXPECT_EQ(marks, std::set<std::string>({"point", "rule", "text"}));
}

TEST(Chart, StylesDiffer) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (std::size_t i = 0; i < 30; ++i) EXPECT_TRUE(seen.emplace(style_color(i), style_shape(i)).second) << i;
}

}  // namespace
}  // namespace dwubit::report
