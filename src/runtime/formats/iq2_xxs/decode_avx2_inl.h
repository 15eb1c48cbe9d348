// Points to bytes by one table lookup of eight per point. For the *_avx2.cpp and *_avx512.cpp files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/iq2_xxs/kernels.h"

namespace dwubit::iq2_xxs {
namespace {

inline std::int64_t eight(const std::int8_t (*table)[8], unsigned index) {
    std::int64_t bytes;
    __builtin_memcpy(&bytes, table[index], 8);
    return bytes;
}

inline std::uint32_t word_of(const unsigned char* group) {
    std::uint32_t word;
    __builtin_memcpy(&word, group + 4, sizeof(word));
    return word;
}

// Levels with their signs of point c of each of four groups.
inline __m256i signed_levels(const KernelTables& t, const unsigned char* groups, int c) {
    std::int64_t levels[4];
    std::int64_t signs[4];
    for (int q = 0; q < 4; ++q) {
        levels[q] = eight(t.levels, groups[8 * q + c]);
        signs[q] = eight(t.signs, word_of(groups + 8 * q) >> (7 * c) & 127U);
    }
    return _mm256_sign_epi8(_mm256_set_epi64x(levels[3], levels[2], levels[1], levels[0]),
                            _mm256_set_epi64x(signs[3], signs[2], signs[1], signs[0]));
}

// The 32 signed levels of a group in the order of its columns.
inline __m256i group_levels(const KernelTables& t, const unsigned char* group) {
    const std::uint32_t word = word_of(group);
    const __m256i levels = _mm256_set_epi64x(eight(t.levels, group[3]), eight(t.levels, group[2]),
                                             eight(t.levels, group[1]), eight(t.levels, group[0]));
    return _mm256_sign_epi8(levels,
                            _mm256_set_epi64x(eight(t.signs, word >> 21 & 127U), eight(t.signs, word >> 14 & 127U),
                                              eight(t.signs, word >> 7 & 127U), eight(t.signs, word & 127U)));
}

inline float scale_of(const unsigned char* block) {
    std::uint16_t bits;
    __builtin_memcpy(&bits, block, sizeof(bits));
    return _cvtsh_ss(bits);
}

// d (code + 1/2) / 4 of a group, as the reference has it.
inline float group_scale(float d, const unsigned char* group) {
    return d * (0.5f + static_cast<float>(group[7] >> 4)) * 0.25f;
}

// Of the lanes of four groups, two of 4 bytes for each vector.
inline __m256 lane_scales(const unsigned char* block, int half) {
    const float d = scale_of(block);
    float s[4];
    for (int q = 0; q < 4; ++q) s[q] = group_scale(d, block + 2 + 32 * half + 8 * q);
    return _mm256_set_ps(s[3], s[3], s[2], s[2], s[1], s[1], s[0], s[0]);
}

}  // namespace
}  // namespace dwubit::iq2_xxs
