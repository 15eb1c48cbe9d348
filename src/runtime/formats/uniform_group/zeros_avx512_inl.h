// What a row's groups subtract: offset * scale, 16 groups at once.
#pragma once

#include <immintrin.h>

#include "runtime/formats/uniform_group/one_group_avx2_inl.h"

namespace dwubit::uniform_group {
namespace {

// 64 bits of the stream of zeros from bit `bit` on; reads no byte behind it.
inline std::uint64_t zero_bits(const Matrix& m, std::int64_t bit) {
    const std::int64_t byte = bit / 8;
    const std::int64_t left = m.zero_bytes - byte;
    std::uint64_t low = 0;
    if (left >= 8) {
        __builtin_memcpy(&low, m.zeros + byte, 8);
    } else {
        for (std::int64_t i = 0; i < left; ++i) low |= static_cast<std::uint64_t>(m.zeros[byte + i]) << (8 * i);
    }
    const int shift = static_cast<int>(bit % 8);
    if (shift == 0) return low;
    low >>= shift;
    if (left > 8) low |= static_cast<std::uint64_t>(m.zeros[byte + 8]) << (64 - shift);
    return low;
}

// 16 codes of up to 4 bits as floats.
template <int kBits>
inline __m512 float_codes(std::uint64_t bits) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i words;
    __m512i place;
    if constexpr (kBits == 2) {
        words = _mm512_set1_epi32(static_cast<int>(bits));
        place = lane;
    } else {  // eight codes in each half
        const __m256i low = _mm256_set1_epi32(static_cast<int>(bits));
        const __m256i high = _mm256_set1_epi32(static_cast<int>(bits >> (8 * kBits)));
        words = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
        place = _mm512_and_si512(lane, _mm512_set1_epi32(7));
    }
    const __m512i shifts = _mm512_mullo_epi32(place, _mm512_set1_epi32(kBits));
    return _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srlv_epi32(words, shifts), _mm512_set1_epi32((1 << kBits) - 1)));
}

// The zeros of 16 groups from element `index` of the stream on; those behind the stream are anything.
template <int kBits>
inline __m512 zero_offsets(const Matrix& m, std::int64_t index) {
    if constexpr (kBits == 8) {
        const std::int64_t left = m.zero_bytes - index;
        const auto there = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
        return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(there, m.zeros + index)));
    } else {
        return float_codes<kBits>(zero_bits(m, index * kBits));
    }
}

// The scales of 16 groups from number row * groups + group on; finite behind the last. Masked loads only at the end of
// the matrix: they are slower.
inline __m512 load_scales(const Matrix& m, std::int64_t index) {
    const std::int64_t left = m.out * m.groups - index;
    const unsigned char* const at = m.scales + index * 2;
    if (left >= 16) return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1 << left) - 1), at));
}

// scale * offset of groups [g, g + 16) of a row; finite behind the last.
template <int kBits>
inline __m512 scaled_offsets(const Matrix& m, std::int64_t row, std::int64_t g) {
    const std::int64_t index = row * m.groups + g;
    const __m512 scales = load_scales(m, index);
    const __m512 offsets = m.zeros != nullptr ? zero_offsets<kBits>(m, index) : _mm512_set1_ps(m.mirror_offset);
    return _mm512_mul_ps(scales, offsets);
}

}  // namespace
}  // namespace dwubit::uniform_group
