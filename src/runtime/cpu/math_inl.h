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

// e^x, relative error below 2e-7 for x in [-87.3, 88.7]; clamped outside, so never infinite, zero or NaN-producing.
inline float exp_approx(float x) {
    constexpr float kLog2E = 1.44269504088896341f;
    constexpr float kLn2High = 0.693145751953125f;      // 15 leading bits: n * high is exact
    constexpr float kLn2Low = 1.42860682030941723e-6f;  // ln 2 - high
    constexpr float kRound = 12582912.0f;               // 1.5 * 2^23: adding it rounds to an integer
    x = x < -87.3f ? -87.3f : x;
    x = x > 88.7f ? 88.7f : x;
    const float shifted = __builtin_fmaf(x, kLog2E, kRound);
    const float n = shifted - kRound;
    const std::int32_t exponent = __builtin_bit_cast(std::int32_t, shifted) - 0x4b400000;
    float r = __builtin_fmaf(n, -kLn2High, x);
    r = __builtin_fmaf(n, -kLn2Low, r);
    // Taylor's coefficients are near enough to the minimax ones on |r| <= ln(2)/2 at degree 7.
    float p = 1.0f / 5040.0f;
    p = __builtin_fmaf(p, r, 1.0f / 720.0f);
    p = __builtin_fmaf(p, r, 1.0f / 120.0f);
    p = __builtin_fmaf(p, r, 1.0f / 24.0f);
    p = __builtin_fmaf(p, r, 1.0f / 6.0f);
    p = __builtin_fmaf(p, r, 0.5f);
    p = __builtin_fmaf(p, r, 1.0f);
    p = __builtin_fmaf(p, r, 1.0f);
    // 2^exponent in two factors: exponent 128 alone would overflow to infinity.
    const std::int32_t half = exponent >> 1;
    return p * float_from_bits((half + 127) << 23) * float_from_bits((exponent - half + 127) << 23);
}

inline float add_lanes(const float* lanes) {
    float s[8];
    for (int i = 0; i < 8; ++i) s[i] = lanes[i] + lanes[i + 8];
    for (int i = 0; i < 4; ++i) s[i] += s[i + 4];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

}  // namespace
}  // namespace dwubit
