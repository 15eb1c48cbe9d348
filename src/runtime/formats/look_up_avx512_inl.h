// A table of 256 words in eight registers. For the *_avx512*.cpp files.
#pragma once

#include <immintrin.h>

namespace dwubit {
namespace {

// Entry a of 256 words for each of 32 bytes a.
inline __m512i look_up_words(const __m512i* words, __m256i a) {
    const __m512i index = _mm512_cvtepu8_epi16(a);
    const __mmask32 bit6 = _mm512_movepi16_mask(_mm512_slli_epi16(index, 9));
    const __mmask32 bit7 = _mm512_movepi16_mask(_mm512_slli_epi16(index, 8));
    const __m512i w0 = _mm512_permutex2var_epi16(words[0], index, words[1]);
    const __m512i w1 = _mm512_permutex2var_epi16(words[2], index, words[3]);
    const __m512i w2 = _mm512_permutex2var_epi16(words[4], index, words[5]);
    const __m512i w3 = _mm512_permutex2var_epi16(words[6], index, words[7]);
    return _mm512_mask_blend_epi16(bit7, _mm512_mask_blend_epi16(bit6, w0, w1), _mm512_mask_blend_epi16(bit6, w2, w3));
}

}  // namespace
}  // namespace dwubit
