#include "report/chart_vega.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace dwubit::report {
namespace {

constexpr double kAxisHeight = 46;  // pixels: ticks and title below a picture, which count as its height
constexpr double kNarrow = 250;     // pixels: labels that keep apart on a phone keep apart on a wide page

// One row for every point. Intervals end where the axes do, as marks outside would be drawn over them.
Json rows_of(const Chart& chart, const Panel& panel) {
    const auto bounded = [](const Axis& axis, const Number& value) {
        return value ? Json(std::clamp(*value, axis.low, axis.high)) : Json();
    };
    const std::vector<Label> labels =
        chart.joined ? std::vector<Label>() : place_labels(chart, panel, kNarrow, kPictureHeight);
    Json rows = Json::array();
    for (std::size_t s = 0; s < panel.series.size(); ++s) {
        const Series& series = panel.series[s];
        for (const Point& point : series.points) {
            Json row = {{"series", series.label},
                        {"x", bounded(chart.x, point.x)},
                        {"y", bounded(chart.y, point.y)},
                        {"x_low", bounded(chart.x, point.x_low)},
                        {"x_high", bounded(chart.x, point.x_high)},
                        {"y_low", bounded(chart.y, point.y_low)},
                        {"y_high", bounded(chart.y, point.y_high)}};
            for (std::size_t f = 0; f < point.facts.size(); ++f) row[fmt::format("fact{}", f)] = point.facts[f];
            if (!labels.empty()) {
                row["label"] = labels[s].text;
                row["dx"] = labels[s].dx;
                row["dy"] = labels[s].dy;
                row["align"] = labels[s].right ? "left" : "right";
            }
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

Json encoding_of(const Axis& axis, std::string_view field, std::size_t ticks) {
    Json values = Json::array();
    for (const Tick& tick : axis_ticks(axis, ticks)) values.push_back(tick.value);
    Json vega_axis = {{"values", values}, {"tickCount", ticks}};
    if (axis.percent) vega_axis["format"] = ".0%";
    if (axis.whole) vega_axis["format"] = "d";
    Json scale = {{"type", axis.logarithmic ? "log" : "linear"}, {"domain", {axis.low, axis.high}}, {"nice", false}};
    if (!axis.logarithmic) scale["zero"] = false;
    return {{"field", field},
            {"type", "quantitative"},
            {"title", axis.title},
            {"axis", std::move(vega_axis)},
            {"scale", std::move(scale)}};
}

Json series_scale(const Panel& panel, std::string_view (*of)(std::size_t)) {
    Json domain = Json::array();
    Json range = Json::array();
    for (const Series& series : panel.series) {
        domain.push_back(series.label);
        range.push_back(of(series.style));
    }
    return {{"field", "series"},
            {"type", "nominal"},
            {"legend", nullptr},
            {"scale", {{"domain", domain}, {"range", range}}}};
}

Json tooltip_of(const Chart& chart) {
    Json fields = Json::array();
    fields.push_back({{"field", "series"}, {"type", "nominal"}, {"title", "method"}});
    for (std::size_t f = 0; f < chart.facts.size(); ++f) {
        fields.push_back({{"field", fmt::format("fact{}", f)}, {"type", "nominal"}, {"title", chart.facts[f]}});
    }
    return fields;
}

Json reference_layers(const Chart& chart) {
    const Json dashes = {{"type", "rule"}, {"color", "currentColor"}, {"opacity", 0.6}, {"strokeDash", {4, 4}}};
    Json layers = Json::array();
    if (chart.level && *chart.level >= chart.y.low && *chart.level <= chart.y.high) {
        Json values = Json::array();
        values.push_back({{"y", *chart.level}});
        layers.push_back({{"data", {{"values", values}}},
                          {"mark", dashes},
                          {"encoding", {{"y", {{"field", "y"}, {"type", "quantitative"}}}}}});
    }
    const double low = std::max(chart.x.low, chart.y.low);
    const double high = std::min(chart.x.high, chart.y.high);
    if (chart.diagonal && low < high) {
        Json mark = dashes;
        mark["type"] = "line";
        Json values = Json::array();
        values.push_back({{"x", low}, {"y", low}});
        values.push_back({{"x", high}, {"y", high}});
        layers.push_back(
            {{"data", {{"values", values}}},
             {"mark", mark},
             {"encoding",
              {{"x", {{"field", "x"}, {"type", "quantitative"}}}, {"y", {{"field", "y"}, {"type", "quantitative"}}}}}});
    }
    return layers;
}

bool has_intervals(const Panel& panel, Number Point::*low) {
    for (const Series& series : panel.series) {
        for (const Point& point : series.points) {
            if ((point.*low).has_value()) return true;
        }
    }
    return false;
}

}  // namespace

Json panel_vega(const Chart& chart, const Panel& panel) {
    const bool single = chart.panels.size() == 1;
    Json x = encoding_of(chart.x, "x", single ? 6 : 4);
    Json y = encoding_of(chart.y, "y", single ? 6 : 4);
    if (!single) y["title"] = nullptr;
    const Json color = series_scale(panel, style_color);
    Json layers = reference_layers(chart);
    const Json bar = {{"type", "rule"}, {"strokeWidth", 1.5}, {"opacity", 0.65}};
    if (has_intervals(panel, &Point::y_low)) {
        Json low = y;
        low["field"] = "y_low";
        const Json high = {{"field", "y_high"}};
        layers.push_back({{"mark", bar}, {"encoding", {{"x", x}, {"y", low}, {"y2", high}, {"color", color}}}});
    }
    if (has_intervals(panel, &Point::x_low)) {
        Json low = x;
        low["field"] = "x_low";
        const Json high = {{"field", "x_high"}};
        layers.push_back({{"mark", bar}, {"encoding", {{"y", y}, {"x", low}, {"x2", high}, {"color", color}}}});
    }
    const Json faded = {{"condition", {{"param", "pick"}, {"value", 1}}}, {"value", 0.15}};
    if (chart.joined) {
        layers.push_back({{"mark", {{"type", "line"}, {"strokeWidth", 1.5}}},
                          {"encoding", {{"x", x}, {"y", y}, {"color", color}, {"opacity", faded}}}});
    }
    Json points = {{"mark", {{"type", "point"}, {"filled", true}, {"size", chart.joined ? 30 : 80}, {"opacity", 1}}},
                   {"encoding",
                    {{"x", x},
                     {"y", y},
                     {"color", color},
                     {"shape", series_scale(panel, style_shape)},
                     {"tooltip", tooltip_of(chart)}}}};
    if (chart.joined) {
        const Json select = {
            {"type", "point"}, {"fields", Json::array({"series"})}, {"on", "pointerover"}, {"clear", "pointerout"}};
        points["params"] = Json::array({{{"name", "pick"}, {"select", select}}});
        points["encoding"]["opacity"] = faded;
    }
    layers.push_back(std::move(points));
    if (!chart.joined) {
        layers.push_back(
            {{"mark",
              {{"type", "text"},
               {"fontSize", 12},
               {"baseline", "middle"},
               {"dx", {{"expr", "datum.dx"}}},
               {"dy", {{"expr", "datum.dy"}}},
               {"align", {{"expr", "datum.align"}}}}},
             {"encoding",
              {{"x", x}, {"y", y}, {"color", color}, {"text", {{"field", "label"}, {"type", "nominal"}}}}}});
    }
    return {{"description", single ? chart.title : chart.title + ": " + panel.title},
            {"width", "container"},
            {"height", kAxisHeight + (single ? kPictureHeight : kPanelHeight)},
            {"background", nullptr},
            {"data", {{"values", rows_of(chart, panel)}}},
            {"layer", std::move(layers)}};
}

}  // namespace dwubit::report
