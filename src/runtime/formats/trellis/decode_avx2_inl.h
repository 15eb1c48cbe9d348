// The windows of a tile, 8 parts of its stream at once, and what they stand for. For the *_avx2.cpp files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/trellis/hash.h"
#include "runtime/formats/trellis/product_inl.h"

namespace dwubit::trellis {
namespace {

constexpr int kLanes = 8;

// D_j of layout.h for parts 8 half to 8 half + 7: lane l has the 32 bits of the stream from bit 16 (kBits r + j) on.
template <int kBits>
struct Lanes {
    __m256i d[kBits];
};

inline __m256i load_words(const unsigned char* at) {
    return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
}

// The low halves of `high`, and below them the high halves of `low`.
inline __m256i middle(__m256i high, __m256i low) {
    return _mm256_or_si256(_mm256_slli_epi32(high, 16), _mm256_srli_epi32(low, 16));
}

// The lanes of `v` moved down by one; above them `last`.
inline __m256i next_lane(__m256i v, std::uint32_t last) {
    const __m256i moved = _mm256_permutevar8x32_epi32(v, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0));
    return _mm256_blend_epi32(moved, _mm256_set1_epi32(static_cast<int>(last)), 0x80);
}

template <int kBits>
inline Lanes<kBits> load_half(const unsigned char* tile, int half) {
    Lanes<kBits> lanes;
    const int after = half == 0 ? kLanes : 0;  // the part behind these
    if constexpr (kBits == 1) {
        const __m256i first = load_words(tile + half * 16);
        const std::uint32_t last = static_cast<std::uint32_t>(tile[2 * after] | tile[2 * after + 1] << 8);
        lanes.d[0] = _mm256_or_si256(_mm256_slli_epi32(first, 16), next_lane(first, last));
        return lanes;
    } else {
        const auto load = [&](std::int64_t at) {
            return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tile + at + half * 32));
        };
        std::uint32_t last;
        __builtin_memcpy(&last, tile + 4 * after, sizeof(last));
        lanes.d[0] = load(0);
        const __m256i next = next_lane(lanes.d[0], last);
        if constexpr (kBits == 2) {
            lanes.d[1] = middle(lanes.d[0], next);
        } else if constexpr (kBits == 3) {
            const __m256i second = load_words(tile + 64 + half * 16);
            lanes.d[1] = _mm256_or_si256(_mm256_slli_epi32(lanes.d[0], 16), second);
            lanes.d[2] = middle(second, next);
        } else {
            lanes.d[2] = load(64);
            lanes.d[1] = middle(lanes.d[0], lanes.d[2]);
            lanes.d[3] = middle(lanes.d[2], next);
        }
        return lanes;
    }
}

// The states that begin kBit bits behind the begin of each part.
template <int kBits, int kBit>
inline __m256i states(const Lanes<kBits>& lanes) {
    return _mm256_and_si256(_mm256_srli_epi32(lanes.d[kBit / 16], 16 - kBit % 16), _mm256_set1_epi32(0xffff));
}

// Of the hash of each state its bytes summed in pairs, as two 16-bit numbers.
template <Code kCode>
inline __m256i pair_sums(__m256i state) {
    __m256i hash;
    if constexpr (kCode == Code::kMul1) {
        hash = _mm256_mullo_epi32(state, _mm256_set1_epi32(static_cast<int>(kMul1Factor)));
    } else {
        const __m256i product = _mm256_mullo_epi32(state, _mm256_set1_epi32(static_cast<int>(k1MadFactor)));
        hash = _mm256_add_epi32(product, _mm256_set1_epi32(static_cast<int>(k1MadTerm)));
    }
    return _mm256_maddubs_epi16(hash, _mm256_set1_epi8(1));
}

// An f16 in the high half of each lane, before k3InstMask and k3InstBits, as float32.
inline __m256 half_to_float(__m256i high) {
    const __m256i mask = _mm256_set1_epi32(static_cast<int>(0x81ffe000u));
    const __m256i bits = _mm256_set1_epi32(0x3f6c0000);
    return _mm256_castsi256_ps(_mm256_xor_si256(_mm256_and_si256(_mm256_srai_epi32(high, 3), mask), bits));
}

// The values of 8 states of a computed code.
template <Code kCode>
inline __m256 values_of(__m256i state) {
    if constexpr (kCode == Code::k3Inst) {
        const __m256i product = _mm256_mullo_epi32(state, _mm256_set1_epi32(static_cast<int>(k3InstFactor)));
        const __m256i x = _mm256_add_epi32(product, _mm256_set1_epi32(static_cast<int>(k3InstTerm)));
        const __m256 sum = _mm256_add_ps(half_to_float(_mm256_slli_epi32(x, 16)), half_to_float(x));
        return _mm256_cvtph_ps(_mm256_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    } else {
        const __m256i sum = _mm256_madd_epi16(pair_sums<kCode>(state), _mm256_set1_epi16(1));
        if constexpr (kCode == Code::kMul1) {
            const __m256 value = _mm256_cvtepi32_ps(_mm256_add_epi32(sum, _mm256_set1_epi32(kMul1Bias)));
            return _mm256_fmadd_ps(value, _mm256_set1_ps(kMul1Slope), _mm256_set1_ps(kMul1Offset));
        } else {
            // the quotient, correctly rounded
            const __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, _mm256_set1_epi32(kByteSumCentre)));
            const __m256 inverse = _mm256_set1_ps(1 / k1MadDivisor);
            const __m256 guess = _mm256_mul_ps(value, inverse);
            const __m256 rest = _mm256_fnmadd_ps(guess, _mm256_set1_ps(k1MadDivisor), value);
            return _mm256_fmadd_ps(rest, inverse, guess);
        }
    }
}

// Which pairs of Matrix::values the states of HYB stand for.
inline __m256i pair_index(__m256i state) {
    const __m256i hash = _mm256_mullo_epi32(state, _mm256_add_epi32(state, _mm256_set1_epi32(1)));
    return _mm256_and_si256(_mm256_srli_epi32(hash, 6), _mm256_set1_epi32(kPairs - 1));
}

}  // namespace
}  // namespace dwubit::trellis
