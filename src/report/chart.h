// A chart described once: chart_svg draws it, chart_vega makes Vega-Lite of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "report/report_data.h"

namespace dwubit::report {

struct Axis {
    std::string title;
    bool logarithmic = false;
    bool percent = false;  // 0.5 is written 50 %
    bool whole = false;    // ticks at integers only
    double low = 0;        // of the picture; low < high, both > 0 on a logarithmic axis
    double high = 1;
};

struct Point {
    double x = 0;
    double y = 0;
    Number x_low, x_high, y_low, y_high;  // intervals
    std::vector<std::string> facts;       // as many as Chart::facts
};

// One model's points, in the same colour and shape on every chart.
struct Series {
    std::string label;
    std::size_t style = 0;
    std::vector<Point> points;  // from left to right
};

struct Panel {
    std::string title;
    std::vector<Series> series;
};

struct Chart {
    std::string name;  // of its file
    std::string title;
    std::string caption;
    Axis x, y;
    bool joined = false;    // a series is a line and a legend names it; else each point has its series' name beside it
    bool diagonal = false;  // with the line y = x
    Number level;           // with a horizontal line
    std::vector<std::string> facts;  // what a reader who points at a point is told, titles
    std::vector<Panel> panels;       // never empty; they share the axes
};

std::string_view style_color(std::size_t style);
// "circle", "square", "triangle-up", "diamond", "cross", "triangle-down"
std::string_view style_shape(std::size_t style);

// Makes an axis hold these values: rounded outwards with some air, logarithmic where that is asked for, all values are
// positive and the largest is more than `ratio` times the smallest.
void fit_axis(Axis& axis, const std::vector<double>& values, double ratio = 0);

// Every series of any panel once, without points, in the order of their styles.
std::vector<Series> all_series(const Chart& chart);

// A value's place on the axis from 0 to 1; outside the axis its nearer end.
double place_on(const Axis& axis, double value);

struct Tick {
    double value = 0;
    std::string text;
};

std::vector<Tick> axis_ticks(const Axis& axis, std::size_t about);

// The name of a series beside a point.
struct Label {
    std::string text;  // shortened
    double dx = 0;     // of the text's anchor from the point, in pixels, y downwards
    double dy = 0;
    bool right = true;  // the text begins at its anchor; else it ends there
};

// One for every series' first point, so that no text lies on another, on a point or on a bar in a picture of this many
// pixels, as far as there is room.
std::vector<Label> place_labels(const Chart& chart, const Panel& panel, double width, double height);

// Pixels that text of the charts' size takes, about.
double text_width(std::string_view text);

inline constexpr double kPictureHeight = 320;  // of a chart with one panel, without axes
inline constexpr double kPanelHeight = 120;    // of one of several

}  // namespace dwubit::report
