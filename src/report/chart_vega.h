// Charts as Vega-Lite, for the HTML page's chart library.
#pragma once

#include "json/json.h"
#include "report/chart.h"

namespace dwubit::report {

// One view, as wide as the box it is put into.
Json panel_vega(const Chart& chart, const Panel& panel);

}  // namespace dwubit::report
