#include "duration.h"

#include <fmt/format.h>

#include <cmath>

namespace dwubit::cli {

std::string duration_text(double seconds) {
    if (seconds < 10) return fmt::format("{:.1f} s", seconds);
    const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 1e15)));
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string bytes_text(std::uint64_t bytes) {
    const auto value = static_cast<double>(bytes);
    if (value < 1e3) return fmt::format("{} B", bytes);
    if (value < 1e6) return fmt::format("{:.1f} kB", value / 1e3);
    if (value < 1e9) return fmt::format("{:.1f} MB", value / 1e6);
    return fmt::format("{:.1f} GB", value / 1e9);
}

}  // namespace dwubit::cli
