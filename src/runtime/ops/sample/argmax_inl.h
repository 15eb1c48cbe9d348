#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

// First the maximum, and whether there is a NaN, lane by lane; then the place of either.
inline std::int64_t argmax_row(const float* x, std::int64_t n) {
    using Flags = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));
    Lanes best = Lanes{} - __builtin_inff();
    Flags unordered = {};
    Lanes part;
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        load_lanes(x + i, part);
        best = part > best ? part : best;
        unordered |= part != part;
    }
    load_part(x + i, n - i, -__builtin_inff(), part);
    best = part > best ? part : best;
    unordered |= part != part;
    float maximum = -__builtin_inff();
    bool nan = false;
    for (std::int64_t j = 0; j < kLanes; ++j) {
        maximum = best[j] > maximum ? best[j] : maximum;
        nan = nan || unordered[j] != 0;
    }
    std::int64_t k = 0;
    if (nan) {
        while (x[k] == x[k]) ++k;
        return -2 - k;
    }
    if (maximum == -__builtin_inff()) return -1;
    while (x[k] != maximum) ++k;
    return k;
}

}  // namespace
}  // namespace dwubit
