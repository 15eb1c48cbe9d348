// The codes of a chunk as four vectors of bytes, by table lookups in registers (VBMI). For the *_avx512_*vbmi.cpp
// files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/e8p/kernels.h"

namespace dwubit::e8p {
namespace {

struct Registers {
    __m512i words[8];    // KernelTables::words
    __m512i magnitudes;  // 2, 6, 10 by the low two bits of the index
    __m256i odd;         // KernelTables::odd
    __m256i bit;         // 1 << (i % 8)
    __m512i sign_bit;    // the same of 64
    __m512i shifts[4];   // multishift: the eight 2-bit fields of word c of a lane of 8 bytes
    __m512i codes[4];    // permute: byte 4 q + c to bytes [8 q, 8 q + 8)
};

inline Registers load_registers(const KernelTables& t) {
    alignas(64) std::uint8_t bytes[64];
    Registers r;
    for (int i = 0; i < 8; ++i) r.words[i] = _mm512_load_si512(t.words + 32 * i);
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(2 + 4 * (i % 4));
    r.magnitudes = _mm512_load_si512(bytes);
    for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(1 << (i % 8));
    r.sign_bit = _mm512_load_si512(bytes);
    r.bit = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes));
    r.odd = _mm256_load_si256(reinterpret_cast<const __m256i*>(t.odd));
    for (int c = 0; c < 4; ++c) {
        for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(16 * c + 2 * (i % 8));
        r.shifts[c] = _mm512_load_si512(bytes);
        for (int i = 0; i < 64; ++i) bytes[i] = static_cast<std::uint8_t>(i / 8 * 4 + c);
        r.codes[c] = _mm512_load_si512(bytes);
    }
    return r;
}

// Entry a of 256 words for each of 32 bytes a.
inline __m512i look_up(const Registers& r, __m256i a) {
    const __m512i index = _mm512_cvtepu8_epi16(a);
    const __mmask32 bit6 = _mm512_movepi16_mask(_mm512_slli_epi16(index, 9));
    const __mmask32 bit7 = _mm512_movepi16_mask(_mm512_slli_epi16(index, 8));
    const __m512i w0 = _mm512_permutex2var_epi16(r.words[0], index, r.words[1]);
    const __m512i w1 = _mm512_permutex2var_epi16(r.words[2], index, r.words[3]);
    const __m512i w2 = _mm512_permutex2var_epi16(r.words[4], index, r.words[5]);
    const __m512i w3 = _mm512_permutex2var_epi16(r.words[6], index, r.words[7]);
    return _mm512_mask_blend_epi16(bit7, _mm512_mask_blend_epi16(bit6, w0, w1), _mm512_mask_blend_epi16(bit6, w2, w3));
}

// Four times the values of up to 32 codes plus kOffset, in the order of kernels.h; those behind `count` are of code 0.
inline void decode_chunk(const Registers& r, const unsigned char* rows, const unsigned char* signs, __mmask32 count,
                         __m512i* out) {
    const __m256i a = _mm256_maskz_loadu_epi8(count, rows);
    __m256i s = _mm256_maskz_loadu_epi8(count, signs);
    const __m512i words = look_up(r, a);
    // parity of each byte of s in its bit 0
    __m256i parity = _mm256_xor_si256(s, _mm256_srli_epi16(s, 4));
    parity = _mm256_xor_si256(parity, _mm256_srli_epi16(parity, 2));
    parity = _mm256_xor_si256(parity, _mm256_srli_epi16(parity, 1));
    parity = _mm256_and_si256(parity, _mm256_set1_epi8(1));
    s = _mm256_xor_si256(s, parity);
    // permutes of 32 bytes read the low five bits of an index
    const __m256i odd = _mm256_permutexvar_epi8(_mm256_srli_epi16(a, 3), r.odd);
    const __mmask32 is_odd = _mm256_test_epi8_mask(odd, _mm256_permutexvar_epi8(a, r.bit));
    s = _mm256_mask_add_epi8(s, is_odd, s, _mm256_set1_epi8(static_cast<char>(0x80)));  // flips the last sign
    const __m256i base = _mm256_sub_epi8(_mm256_set1_epi8(kOffset + 1), _mm256_add_epi8(parity, parity));
    const __m512i s_wide = _mm512_castsi256_si512(s);
    const __m512i base_wide = _mm512_castsi256_si512(base);
    for (int c = 0; c < 4; ++c) {
        // only the low two bits of each byte are of the field; the table repeats for the others
        const __m512i magnitude =
            _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(r.shifts[c], words), r.magnitudes);
        const __mmask64 negative = _mm512_test_epi8_mask(_mm512_permutexvar_epi8(r.codes[c], s_wide), r.sign_bit);
        const __m512i offset = _mm512_permutexvar_epi8(r.codes[c], base_wide);
        out[c] = _mm512_mask_sub_epi8(_mm512_add_epi8(offset, magnitude), negative, offset, magnitude);
    }
}

// Twice the values of up to 32 points of the second stage at 3 bits, plus kOffset.
inline void decode_points(const KernelTables& t, const unsigned char* points, __mmask32 count, __m512i* out) {
    const __m256i index = _mm256_maskz_loadu_epi8(count, points);
    alignas(32) std::uint8_t bytes[32];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), index);
    const __m512i offset = _mm512_set1_epi8(kOffset);
    for (int c = 0; c < 4; ++c) {
        alignas(64) std::int64_t codes[8];
        for (int q = 0; q < 8; ++q) __builtin_memcpy(&codes[q], t.points[bytes[4 * q + c]], 8);
        out[c] = _mm512_add_epi8(_mm512_load_si512(codes), offset);
    }
}

}  // namespace
}  // namespace dwubit::e8p
