#include "duration.h"

#include <fmt/format.h>

#include <algorithm>
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

std::string progress_text(std::string_view task, std::int64_t done, std::int64_t total, std::string_view unit,
                          double seconds) {
    std::string text = fmt::format("{}: {}", task, done);
    if (total > 0) text += fmt::format("/{}", total);
    text += fmt::format(" {}", unit);
    if (total > 0 && done > 0) {
        const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
        text += fmt::format(", ETA {}", duration_text(left));
    }
    return text;
}

}  // namespace dwubit::cli
