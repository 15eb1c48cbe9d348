// Seconds, bytes and progress as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dwubit::cli {

std::string duration_text(double seconds);    // "4.2 s", "3 min 20 s", "2 h 05 min"
std::string bytes_text(std::uint64_t bytes);  // "512 B", "49.3 MB", "3.0 GB"

// "score: 120/400 tokens, ETA 3.2 s" after `seconds`; without what is unknown (`total` 0).
std::string progress_text(std::string_view task, std::int64_t done, std::int64_t total, std::string_view unit,
                          double seconds);

}  // namespace dwubit::cli
