// A chart described once: chart_svg draws it, chart_vega makes Vega-Lite of it.
#pragma once

#include <cstddef>
#include <string>
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
    Number x_low, x_high, y_low, y_high;  // intervals, within the axis
    std::string detail;                   // what a reader sees who points at it
};

// One model's points, in one colour and shape on every chart.
struct Series {
    std::string label;
    std::size_t style = 0;
    std::vector<Point> points;
};

struct Line {
    bool diagonal = false;  // y = x, else the horizontal line at `y`
    double y = 0;
    std::string label;
};

// Panels of a chart have the same axes and series.
struct Panel {
    std::string title;
    std::vector<Series> series;
};

struct Chart {
    std::string name;  // of its file
    std::string title;
    std::string caption;
    Axis x, y;
    bool joined = false;    // points of a series are joined by lines; a legend names the series
    bool labelled = false;  // every point has its series' name beside it
    std::vector<Line> lines;
    std::vector<Panel> panels;  // never empty
};

}  // namespace dwubit::report
