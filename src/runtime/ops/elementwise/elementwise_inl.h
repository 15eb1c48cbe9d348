#pragma once

#include <cstdint>

namespace dwubit {
namespace {

inline void add_row(const float* __restrict x, float* __restrict out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] += x[i];
}

// to_bf16 of base/float16.h, repeated because an inline function shared with other files must not be compiled here.
inline void to_bf16_row(const float* __restrict x, std::uint16_t* __restrict out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        const auto u = __builtin_bit_cast(std::uint32_t, x[i]);
        const std::uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
        const std::uint32_t quiet = (u >> 16) | 0x40u;
        out[i] = static_cast<std::uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
    }
}

}  // namespace
}  // namespace dwubit
