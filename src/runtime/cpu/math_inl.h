// Vectorizable float functions for the *_avx2.cpp and *_avx512.cpp files; written as scalar code that the compiler
// turns into vector code with each file's flags. Everything lies in an anonymous namespace: an inline function with
// linkage would be merged with the copies of other files, and the baseline could end up running AVX-512 code.
//
// Sums use 16 lanes, element i in lane i % 16, added up in a fixed tree: AVX2 and AVX-512 give the same bits.
#pragma once

#include <cstdint>

namespace dwubit {
namespace {

constexpr std::int64_t kLanes = 16;

inline float float_from_bits(std::int32_t bits) {
    return __builtin_bit_cast(float, bits);
}

// e^x, relative error below 3e-7 for x in [-87.3, 88]; clamped outside, so never infinite or zero. NaN stays NaN.
inline float exp_approx(float x) {
    constexpr float kLog2E = 1.44269504088896341f;
    constexpr float kLn2High = 0.693145751953125f;      // 15 leading bits: n * high is exact
    constexpr float kLn2Low = 1.42860682030941723e-6f;  // ln 2 - high
    constexpr float kRound = 12582912.0f;               // 1.5 * 2^23: adding it rounds to an integer
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.0f ? 88.0f : x;
    const float shifted = __builtin_fmaf(x, kLog2E, kRound);
    const float n = shifted - kRound;
    const std::int32_t exponent = __builtin_bit_cast(std::int32_t, shifted) - 0x4b400000;  // n, in [-126, 127]
    float r = __builtin_fmaf(n, -kLn2High, x);
    r = __builtin_fmaf(n, -kLn2Low, r);
    // Taylor's coefficients: on |r| <= ln(2)/2 degree 6 leaves 1.7e-7.
    float p = 1.0f / 720.0f;
    p = __builtin_fmaf(p, r, 1.0f / 120.0f);
    p = __builtin_fmaf(p, r, 1.0f / 24.0f);
    p = __builtin_fmaf(p, r, 1.0f / 6.0f);
    p = __builtin_fmaf(p, r, 0.5f);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);
    return p * float_from_bits((exponent + 127) << 23);
}

// The accumulator of a reduction: element i goes to lane i % 16. A vector type, so that it stays in registers.
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

inline void load_lanes(const float* x, Lanes& lanes) {
    __builtin_memcpy(&lanes, x, sizeof lanes);
}

// The first n < 16 elements; the lanes behind them are `rest`.
inline void load_part(const float* x, std::int64_t n, float rest, Lanes& lanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = j < n ? x[j] : rest;
}

inline float add_lanes(const Lanes& lanes) {
    float s[8];
    for (int i = 0; i < 8; ++i) s[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; ++i) s[i] += s[i + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

inline float sum_row(const float* x, std::int64_t n) {
    Lanes sum = {};
    Lanes part;
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        load_lanes(x + i, part);
        sum += part;
    }
    load_part(x + i, n - i, 0.0f, part);
    sum += part;
    return add_lanes(sum);
}

}  // namespace
}  // namespace dwubit
