// How the HTML page looks, light and dark, wide and narrow.
#pragma once

#include <string_view>

namespace dwubit::report {

std::string_view page_style();

}  // namespace dwubit::report
