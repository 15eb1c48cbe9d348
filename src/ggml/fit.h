// Least-squares fits of integers times a scale to a few numbers, as llama.cpp's quantizer makes them.
#pragma once

#include <bit>
#include <cstdint>

namespace dwubit::ggml {

constexpr float kLeastGroup = 1e-15f;  // groups below are zero

// To the nearest integer, ties to even, of |x| < 2^22; else what the low bits give.
inline int nearest_int(float x) {
    const auto bits = std::bit_cast<std::int32_t>(x + 12582912.0f);
    return (bits & 0x007fffff) - 0x00400000;
}

// scale * (code - nmax) with codes from 0 to 2 nmax - 1, weights w; returns the scale, whose sign may be either.
// n: how many; x, w: [n]; codes: [n].
float fit_signed(int n, int nmax, const float* x, const float* w, std::uint8_t* codes);

// scale * code with codes from 0 to nmax, for x that are not negative; where one is, its code may be anything.
float fit_unsigned(int n, int nmax, const float* x, const float* w, std::uint8_t* codes);

// scale * code - min with codes from 0 to nmax and min >= 0.
struct ScaleSearch {
    float first;  // tried: scales for which the range of x is nmax + first + step * i codes, i = 0..count
    float step;
    int count;
    bool absolute;  // the least sum of absolute errors counts, not of squares
};
float fit_scale_min(int n, int nmax, const float* x, const float* w, const ScaleSearch& search, std::uint8_t* codes,
                    float* min);

}  // namespace dwubit::ggml
