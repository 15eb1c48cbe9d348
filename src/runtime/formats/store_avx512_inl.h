// Dequantized values to float32 or bf16 rows, for the *_avx512*.cpp files of the formats.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace dwubit {
namespace {

// Rounded to nearest even, as to_bf16() does for finite values.
inline __m256i to_bf16(__m512 values) {
    const __m512i bits = _mm512_castps_si512(values);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

inline void store(float* out, __m512 values, __mmask16 columns) {
    _mm512_mask_storeu_ps(out, columns, values);
}

inline void store(std::uint16_t* out, __m512 values, __mmask16 columns) {
    _mm256_mask_storeu_epi16(out, columns, to_bf16(values));
}

}  // namespace
}  // namespace dwubit
