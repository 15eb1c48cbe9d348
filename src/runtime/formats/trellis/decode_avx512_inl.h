// The windows of a tile, 16 parts of its stream at once, and what they stand for. For the *_avx512*.cpp files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/trellis/hash.h"
#include "runtime/formats/trellis/product_inl.h"

namespace dwubit::trellis {
namespace {

// D_j of layout.h: lane r has the 32 bits of the stream from bit 16 (kBits r + j) on.
template <int kBits>
struct Lanes {
    __m512i d[kBits];
};

inline __m512i next_lane(__m512i v) {
    return _mm512_alignr_epi32(v, v, 1);
}

// The low halves of `high`, and below them the high halves of `low`.
inline __m512i middle(__m512i high, __m512i low) {
    return _mm512_or_si512(_mm512_slli_epi32(high, 16), _mm512_srli_epi32(low, 16));
}

inline __m512i load_words(const unsigned char* at) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
}

template <int kBits>
inline Lanes<kBits> load_tile(const unsigned char* tile) {
    Lanes<kBits> lanes;
    if constexpr (kBits == 1) {
        const __m512i first = load_words(tile);
        lanes.d[0] = _mm512_or_si512(_mm512_slli_epi32(first, 16), next_lane(first));
        return lanes;
    } else {
        lanes.d[0] = _mm512_loadu_si512(tile);
        const __m512i next = next_lane(lanes.d[0]);
        if constexpr (kBits == 2) {
            lanes.d[1] = middle(lanes.d[0], next);
        } else if constexpr (kBits == 3) {
            const __m512i second = load_words(tile + 64);
            lanes.d[1] = _mm512_or_si512(_mm512_slli_epi32(lanes.d[0], 16), second);
            lanes.d[2] = middle(second, next);
        } else {
            lanes.d[2] = _mm512_loadu_si512(tile + 64);
            lanes.d[1] = middle(lanes.d[0], lanes.d[2]);
            lanes.d[3] = middle(lanes.d[2], next);
        }
        return lanes;
    }
}

// The states that begin kBit bits behind the begin of each part.
template <int kBits, int kBit>
inline __m512i states(const Lanes<kBits>& lanes) {
    return _mm512_and_si512(_mm512_srli_epi32(lanes.d[kBit / 16], 16 - kBit % 16), _mm512_set1_epi32(0xffff));
}

// The hash whose bytes are summed.
template <Code kCode>
inline __m512i hash_bytes(__m512i state) {
    if constexpr (kCode == Code::kMul1) {
        return _mm512_mullo_epi32(state, _mm512_set1_epi32(static_cast<int>(kMul1Factor)));
    } else {
        const __m512i product = _mm512_mullo_epi32(state, _mm512_set1_epi32(static_cast<int>(k1MadFactor)));
        return _mm512_add_epi32(product, _mm512_set1_epi32(static_cast<int>(k1MadTerm)));
    }
}

// An f16 in the high half of each lane, before k3InstMask and k3InstBits, as float32.
inline __m512 half_to_float(__m512i high) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x81ffe000u));
    const __m512i bits = _mm512_set1_epi32(0x3f6c0000);
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_srai_epi32(high, 3), mask, bits, 0x6a));
}

// The values of 16 states of a computed code.
template <Code kCode>
inline __m512 values_of(__m512i state) {
    if constexpr (kCode == Code::k3Inst) {
        const __m512i product = _mm512_mullo_epi32(state, _mm512_set1_epi32(static_cast<int>(k3InstFactor)));
        const __m512i x = _mm512_add_epi32(product, _mm512_set1_epi32(static_cast<int>(k3InstTerm)));
        const __m512 sum = _mm512_add_ps(half_to_float(_mm512_slli_epi32(x, 16)), half_to_float(x));
        return _mm512_cvtph_ps(_mm512_cvtps_ph(sum, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    } else {
        const __m512i pairs = _mm512_maddubs_epi16(hash_bytes<kCode>(state), _mm512_set1_epi8(1));
        const __m512i sum = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
        if constexpr (kCode == Code::kMul1) {
            const __m512 value = _mm512_cvtepi32_ps(_mm512_add_epi32(sum, _mm512_set1_epi32(kMul1Bias)));
            return _mm512_fmadd_ps(value, _mm512_set1_ps(kMul1Slope), _mm512_set1_ps(kMul1Offset));
        } else {
            // the quotient, correctly rounded
            const __m512 value = _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, _mm512_set1_epi32(kByteSumCentre)));
            const __m512 inverse = _mm512_set1_ps(1 / k1MadDivisor);
            const __m512 guess = _mm512_mul_ps(value, inverse);
            const __m512 rest = _mm512_fnmadd_ps(guess, _mm512_set1_ps(k1MadDivisor), value);
            return _mm512_fmadd_ps(rest, inverse, guess);
        }
    }
}

// Which pairs of Matrix::values the states of HYB stand for.
inline __m512i pair_index(__m512i state) {
    const __m512i hash = _mm512_mullo_epi32(state, _mm512_add_epi32(state, _mm512_set1_epi32(1)));
    return _mm512_and_si512(_mm512_srli_epi32(hash, 6), _mm512_set1_epi32(kPairs - 1));
}

}  // namespace
}  // namespace dwubit::trellis
