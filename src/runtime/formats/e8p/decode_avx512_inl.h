// The codes of a chunk as four vectors of bytes, by table lookups in registers (VBMI). For the *_avx512_*vbmi.cpp
// files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/e8p/kernels.h"
#include "runtime/formats/look_up_avx512_inl.h"

namespace dwubit::e8p {
namespace {

struct Registers {
    __m512i words[8];    // KernelTables::words
    __m512i magnitudes;  // 2, 6, 10 by the low two bits of the index
    __m256i odd;         // KernelTables::odd
    __m256i bit;         // 1 << (i % 8)
    __m512i sign_bit;    // the same of 64
    __m512i shifts[4];   // multishift: the eight 2-bit fields of word c of a lane of 8 bytes
    __m512i codes[4];    // permute: the byte of vector c's code q to bytes [8 q, 8 q + 8)
    __m512i place;       // permute: that code's word to word 4 q + c; of Order::kColumns
};

// Which code is code q of vector c: 4 q + c, as kernels.h has it, or 8 c + q, so that columns follow each other.
enum class Order { kLanes, kColumns };

template <Order kOrder>
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
        for (int i = 0; i < 64; ++i) {
            bytes[i] = static_cast<std::uint8_t>(kOrder == Order::kLanes ? i / 8 * 4 + c : 8 * c + i / 8);
        }
        r.codes[c] = _mm512_load_si512(bytes);
    }
    alignas(64) std::uint16_t places[32];
    for (int i = 0; i < 32; ++i) places[i] = static_cast<std::uint16_t>(i % 4 * 8 + i / 4);
    r.place = _mm512_load_si512(places);
    return r;
}

// Four times the values of up to 32 codes plus kOffset, in the order of kernels.h; those behind `count` are of code 0.
template <Order kOrder>
inline void decode_chunk(const Registers& r, const unsigned char* rows, const unsigned char* signs, __mmask32 count,
                         __m512i* out) {
    const __m256i a = _mm256_maskz_loadu_epi8(count, rows);
    __m256i s = _mm256_maskz_loadu_epi8(count, signs);
    __m512i words = look_up_words(r.words, a);
    if constexpr (kOrder == Order::kColumns) words = _mm512_permutexvar_epi16(r.place, words);
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

inline std::int64_t point_bytes(const KernelTables& t, std::uint8_t point) {
    std::int64_t bytes;
    __builtin_memcpy(&bytes, t.points[point], 8);
    return bytes;
}

// Twice the values of up to 32 points of the second stage at 3 bits, plus kOffset.
template <Order kOrder>
inline void decode_points(const KernelTables& t, const unsigned char* points, std::int64_t count, __m512i* out) {
    std::uint8_t list[kChunkCodes] = {};
    for (std::int64_t i = 0; i < count; ++i) list[i] = points[i];
    constexpr int kStep = kOrder == Order::kLanes ? 4 : 1;
    for (int c = 0; c < 4; ++c) {
        const std::uint8_t* const p = list + (kOrder == Order::kLanes ? c : 8 * c);
        const __m512i values =
            _mm512_set_epi64(point_bytes(t, p[7 * kStep]), point_bytes(t, p[6 * kStep]), point_bytes(t, p[5 * kStep]),
                             point_bytes(t, p[4 * kStep]), point_bytes(t, p[3 * kStep]), point_bytes(t, p[2 * kStep]),
                             point_bytes(t, p[kStep]), point_bytes(t, p[0]));
        out[c] = _mm512_add_epi8(values, _mm512_set1_epi8(kOffset));
    }
}

}  // namespace
}  // namespace dwubit::e8p
