// The two 16-bit float formats of checkpoints, as bit patterns with exact conversions. No arithmetic: widen first.
#pragma once

#include <bit>
#include <cstdint>

namespace dwubit {

struct Bf16 {
    std::uint16_t bits;
};

struct F16 {
    std::uint16_t bits;
};

inline float to_float(float x) {
    return x;
}

inline float to_float(Bf16 x) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

// Round to nearest even; NaN stays NaN (quiet), overflow becomes infinity.
inline Bf16 to_bf16(float x) {
    const auto u = std::bit_cast<std::uint32_t>(x);
    if ((u & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((u >> 16) | 0x40u)};
    return {static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16)};
}

float to_float(F16 x);

// Round to nearest even, with subnormals; NaN stays NaN (quiet), overflow becomes infinity.
F16 to_f16(float x);

}  // namespace dwubit
