// Seconds and bytes as people write them.
#pragma once

#include <cstdint>
#include <string>

namespace dwubit::cli {

std::string duration_text(double seconds);    // "4.2 s", "3 min 20 s", "2 h 05 min"
std::string bytes_text(std::uint64_t bytes);  // "512 B", "49.3 MB", "3.0 GB"

}  // namespace dwubit::cli
