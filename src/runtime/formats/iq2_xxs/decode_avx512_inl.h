// The weights of a block as four vectors of bytes, by table lookups in registers (VBMI). For the *_avx512_*vbmi.cpp
// files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/iq2_xxs/kernels.h"
#include "runtime/formats/look_up_avx512_inl.h"

namespace dwubit::iq2_xxs {
namespace {

struct Registers {
    __m512i words[8];    // KernelTables::words
    __m512i parity[2];   // KernelTables::parity
    __m512i magnitudes;  // 8, 25, 43 by the low two bits of the index
    __m512i sign_bit;    // 1 << (i % 8)
    __m512i shifts[4];   // multishift: the eight 2-bit fields of word c of a lane of 8 bytes
    __m512i signs;       // multishift: the four fields of seven bits, twice
    __m512i spread[4];   // shuffle: byte c of a lane of 8 bytes to all of them
};

inline Registers load_registers() {
    constexpr std::uint8_t kLevels[4] = {8, 25, 43, 0};
    const KernelTables& t = kernel_tables();
    alignas(64) std::uint8_t bytes[64];
    Registers r;
    for (int i = 0; i < 8; ++i) r.words[i] = _mm512_load_si512(t.words + 32 * i);
    for (int i = 0; i < 2; ++i) r.parity[i] = _mm512_load_si512(t.parity + 64 * i);
    for (int i = 0; i < 64; ++i) bytes[i] = kLevels[i % 4];
    r.magnitudes = _mm512_load_si512(bytes);
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(1 << (i % 8));
    r.sign_bit = _mm512_load_si512(bytes);
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(7 * (i % 4));
    r.signs = _mm512_load_si512(bytes);
    for (int c = 0; c < 4; ++c) {
        for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(16 * c + 2 * (i % 8));
        r.shifts[c] = _mm512_load_si512(bytes);
        for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(i % 16 / 8 * 8 + c);
        r.spread[c] = _mm512_load_si512(bytes);
    }
    return r;
}

// The signed levels of a block plus kOffset, in the order of kernels.h.
inline void decode_block(const Registers& r, __m512i groups, __m512i* out) {
    const __m512i words = look_up_words(r.words, _mm512_cvtepi64_epi32(groups));
    const __m512i seven = _mm512_multishift_epi64_epi8(r.signs, _mm512_srli_epi64(groups, 32));
    // the index is of 7 bits: what stands above is not read
    const __m512i signs = _mm512_permutex2var_epi8(r.parity[0], seven, r.parity[1]);
    const __m512i offset = _mm512_set1_epi8(kOffset);
    for (int c = 0; c < 4; ++c) {
        // only the low two bits of each byte are of the field; the table repeats for the others
        const __m512i magnitude =
            _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(r.shifts[c], words), r.magnitudes);
        const __mmask64 negative = _mm512_test_epi8_mask(_mm512_shuffle_epi8(signs, r.spread[c]), r.sign_bit);
        out[c] = _mm512_mask_sub_epi8(_mm512_add_epi8(offset, magnitude), negative, offset, magnitude);
    }
}

// Of each lane of 4 bytes: what its weights are multiplied with.
inline __m512 lane_scales(const unsigned char* block, __m512i groups) {
    std::uint16_t bits;
    __builtin_memcpy(&bits, block, sizeof(bits));
    const float d = _cvtsh_ss(bits) * 0.25f;
    const __m512i codes = _mm512_srli_epi64(groups, 60);
    const __m512 scales = _mm512_cvtepi32_ps(_mm512_shuffle_epi32(codes, _MM_PERM_CCAA));
    return _mm512_mul_ps(_mm512_add_ps(scales, _mm512_set1_ps(0.5f)), _mm512_set1_ps(d));
}

}  // namespace
}  // namespace dwubit::iq2_xxs
