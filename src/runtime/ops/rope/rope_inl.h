#pragma once

#include <cstdint>

namespace dwubit {
namespace {

inline void rope_row(float* __restrict x, const float* __restrict cosine, const float* __restrict sine,
                     std::int64_t half) {
    float* __restrict y = x + half;
    for (std::int64_t i = 0; i < half; ++i) {
        const float a = x[i];
        const float b = y[i];
        x[i] = a * cosine[i] - b * sine[i];
        y[i] = b * cosine[i] + a * sine[i];
    }
}

}  // namespace
}  // namespace dwubit
