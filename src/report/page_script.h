// What the HTML page runs when it has the chart library.
#pragma once

#include <string_view>

namespace dwubit::report {

// Draws each entry of the JSON in #chart-specs ({id, spec}) into the element of that id, in place of its static
// picture. Where that fails the picture stays, and the element's data-error says why.
std::string_view page_script();

}  // namespace dwubit::report
