#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline void from_bf16_row(const std::uint16_t* __restrict x, float* __restrict out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = __builtin_bit_cast(float, static_cast<std::uint32_t>(x[i]) << 16);
}

inline void from_int8_row(const std::int8_t* __restrict x, float scale, float* __restrict out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(x[i]);
}

inline float to_int8_row(const float* __restrict x, std::int8_t* __restrict out, std::int64_t n) {
    Lanes magnitudes = {};
    Lanes part;
    std::int64_t k = 0;
    for (; k + kLanes <= n; k += kLanes) {
        load_lanes(x + k, part);
        part = part < 0.0f ? -part : part;
        magnitudes = part > magnitudes ? part : magnitudes;
    }
    load_part(x + k, n - k, 0.0f, part);
    part = part < 0.0f ? -part : part;
    magnitudes = part > magnitudes ? part : magnitudes;
    float largest = 0;
    for (std::int64_t j = 0; j < kLanes; ++j) largest = magnitudes[j] > largest ? magnitudes[j] : largest;
    // Adding 1.5 * 2^23 rounds to nearest even and leaves the integer in the low bits. The bounds catch a reciprocal
    // that rounding made too large.
    constexpr float kRound = 12582912.0f;
    const float inverse = largest > 0 ? 127.0f / largest : 0.0f;
    for (std::int64_t i = 0; i < n; ++i) {
        float scaled = x[i] * inverse;
        scaled = scaled > 127.0f ? 127.0f : scaled;
        scaled = scaled < -127.0f ? -127.0f : scaled;
        out[i] = static_cast<std::int8_t>(__builtin_bit_cast(std::int32_t, scaled + kRound) - 0x4b400000);
    }
    return largest / 127.0f;
}

}  // namespace
}  // namespace dwubit
