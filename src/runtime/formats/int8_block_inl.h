// How activations become int8, for the kernels of every format: 32 columns share a scale. Plain loops, which the
// compiler turns into vector code with each file's flags; every level gives the same bits.
#pragma once

#include <cstdint>

namespace dwubit {
namespace {

constexpr std::int64_t kInt8Block = 32;         // columns
constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the low bits
constexpr std::int32_t kRoundBits = 0x4b400000;

// The 32 values at x as int8 (`high`) and, with kResidual, 256 times the remainder (`low`); returns the scale.
template <bool kResidual>
inline float round_block(const float* x, std::int8_t* high, std::int8_t* low) {
    std::uint32_t largest = 0;  // of the bits without sign: ordered as the absolute values are
    for (std::int64_t i = 0; i < kInt8Block; ++i) {
        const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x[i]) & 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    const float amax = __builtin_bit_cast(float, largest);
    const float scale = amax / 127.0f;
    const float inverse = amax > 1e-30f ? 127.0f / amax : 0.0f;
    for (std::int64_t i = 0; i < kInt8Block; ++i) {
        const float t = x[i] * inverse;
        const float shifted = t + kRoundToInteger;
        std::int32_t h = __builtin_bit_cast(std::int32_t, shifted) - kRoundBits;
        h = h > 127 ? 127 : h;  // of numbers that are not finite
        h = h < -127 ? -127 : h;
        high[i] = static_cast<std::int8_t>(h);
        if constexpr (kResidual) {
            const float rest = (t - (shifted - kRoundToInteger)) * 256.0f + kRoundToInteger;
            std::int32_t l = __builtin_bit_cast(std::int32_t, rest) - kRoundBits;
            l = l > 127 ? 127 : l;
            l = l < -127 ? -127 : l;
            low[i] = static_cast<std::int8_t>(l);
        }
    }
    return scale;
}

}  // namespace
}  // namespace dwubit
