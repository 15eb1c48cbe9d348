// The chart library for the HTML page: Vega, Vega-Lite and Vega-Embed as one JavaScript file, which the build embeds.
#pragma once

#include <string_view>

namespace dwubit::report {

// Empty in a build without it (-DDWUBIT_CHARTS=OFF, or tools/get_charts.sh had no network).
std::string_view chart_bundle();

}  // namespace dwubit::report
