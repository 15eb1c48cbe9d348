// The least of a loss over one number, such as a matrix's scale.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace dwubit::lab {

struct ScaleRange {
    double low = 0;
    double high = 0;
    std::int64_t points = 0;  // of an even grid from low to high, at least 3
};

// Losses of many values at once, so that a caller may work them out in parallel.
using ScaleLosses = std::function<std::vector<double>(const std::vector<double>& scales)>;

// The best point of the grid, then the vertex of the parabola through it and its neighbours if the loss there is less.
// Deterministic. A loss that is not finite counts as the worst.
double search_scale(const ScaleRange& range, const ScaleLosses& losses);

}  // namespace dwubit::lab
