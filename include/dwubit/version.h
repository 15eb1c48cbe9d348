// The version of the library at hand.
#pragma once

#include <string_view>

namespace dwubit {

// "0.1.0"
std::string_view version();

}  // namespace dwubit
