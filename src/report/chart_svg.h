// Charts as small static SVG, drawn here: a report is made without a browser and without Python (docs/adr/0009).
#pragma once

#include <cstddef>
#include <string>

#include "report/chart.h"

namespace dwubit::report {

// A file of its own: title, panels, legend, on paper of its own, light or dark as the reader's system is.
std::string chart_svg(const Chart& chart);

// One panel for inside the HTML page, whose styles it uses.
std::string panel_svg(const Chart& chart, const Panel& panel);

// A mark for a legend in the HTML page.
std::string mark_svg(std::size_t style);

}  // namespace dwubit::report
