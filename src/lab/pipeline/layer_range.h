// --layers: which layers a command works on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dwubit::lab {

// "0,3-5" -> {true, false, false, true, true, true, ...} of `layers` entries; unset = all. Throws a usage Failure for
// anything else: not numbers, a range that runs backwards, a layer that the model does not have or that is named twice.
std::vector<bool> parse_layers(const std::optional<std::string>& text, std::int64_t layers);

}  // namespace dwubit::lab
