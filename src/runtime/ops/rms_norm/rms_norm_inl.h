#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline void rms_norm_row(const float* x, const float* weight, float eps, float* out, std::int64_t n) {
    float lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = __builtin_fmaf(x[i + j], x[i + j], lanes[j]);
    }
    for (std::int64_t j = 0; i + j < n; ++j) lanes[j] = __builtin_fmaf(x[i + j], x[i + j], lanes[j]);
    const float scale = 1.0f / __builtin_sqrtf(add_lanes(lanes) / static_cast<float>(n) + eps);
    for (std::int64_t k = 0; k < n; ++k) out[k] = x[k] * scale * weight[k];
}

}  // namespace
}  // namespace dwubit
