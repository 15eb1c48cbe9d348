#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline void rms_norm_row(const float* x, const float* weight, float eps, float* out, std::int64_t n) {
    Lanes squares = {};
    Lanes part;
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        load_lanes(x + i, part);
        squares += part * part;
    }
    load_part(x + i, n - i, 0.0f, part);
    squares += part * part;
    const float scale = 1.0f / __builtin_sqrtf(add_lanes(squares) / static_cast<float>(n) + eps);
    for (std::int64_t k = 0; k < n; ++k) out[k] = x[k] * scale * weight[k];
}

}  // namespace
}  // namespace dwubit
