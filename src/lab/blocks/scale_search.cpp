#include "lab/blocks/scale_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace dwubit::lab {

double search_scale(const ScaleRange& range, const ScaleLosses& losses) {
    DWUBIT_CHECK(range.points >= 3 && range.low < range.high);
    const double step = (range.high - range.low) / static_cast<double>(range.points - 1);
    std::vector<double> scales;
    for (std::int64_t i = 0; i < range.points; ++i) scales.push_back(range.low + step * static_cast<double>(i));
    std::vector<double> found = losses(scales);
    DWUBIT_CHECK(found.size() == scales.size());
    for (double& loss : found) {
        if (!std::isfinite(loss)) loss = std::numeric_limits<double>::infinity();
    }
    const auto at = static_cast<std::size_t>(std::min_element(found.begin(), found.end()) - found.begin());
    if (at == 0 || at + 1 == found.size()) return scales[at];
    const double before = found[at - 1] - found[at];
    const double after = found[at + 1] - found[at];
    if (!std::isfinite(before + after) || before + after <= 0) return scales[at];
    const double vertex = scales[at] + step * (before - after) / (2 * (before + after));
    return losses({vertex}).at(0) < found[at] ? vertex : scales[at];
}

}  // namespace dwubit::lab
