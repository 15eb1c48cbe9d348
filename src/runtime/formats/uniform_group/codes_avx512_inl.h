// 16 codes of a row as floats, and the values they stand for.
#pragma once

#include <immintrin.h>

#include "runtime/formats/uniform_group/zeros_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

// Codes [0, n) from a byte on, n <= 16; a lane behind them is anything. Reads the bytes of these codes only.
template <int kBits>
inline __m512 load_codes(const unsigned char* at, std::int64_t n) {
    if constexpr (kBits == 8) {
        const auto there = static_cast<__mmask16>((1u << n) - 1);
        return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(there, at)));
    } else {
        std::uint64_t bits = 0;
        if (n == 16) {
            __builtin_memcpy(&bits, at, 2 * kBits);
        } else {
            for (std::int64_t i = 0; i < (n * kBits + 7) / 8; ++i) bits |= static_cast<std::uint64_t>(at[i]) << (8 * i);
        }
        return float_codes<kBits>(bits);
    }
}

// Calls use(first column, n, codes as floats, scale, offset) for all columns of a row, up to 16 at a time, none of
// which cross a group.
template <int kBits, class Use>
inline void for_each_sixteen(const Matrix& m, std::int64_t row, const Use& use) {
    const unsigned char* const codes = m.codes + row * m.row_bytes;
    for (std::int64_t g = 0; g < m.groups; ++g) {
        const std::int64_t index = row * m.groups + g;
        const __m512 scale = _mm512_set1_ps(scale_of(m, index));
        const __m512 offset = _mm512_set1_ps(offset_of<kBits>(m, index));
        const std::int64_t end = m.in < (g + 1) * m.group ? m.in : (g + 1) * m.group;
        for (std::int64_t j = g * m.group; j < end; j += 16) {
            const std::int64_t n = end - j < 16 ? end - j : 16;
            use(j, n, load_codes<kBits>(codes + j * kBits / 8, n), scale, offset);
        }
    }
}

}  // namespace
}  // namespace dwubit::uniform_group
