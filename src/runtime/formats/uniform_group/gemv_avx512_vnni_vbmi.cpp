// uniform_group_gemv_int8x2_avx512_vnni_vbmi, uniform_group_gemv_int8_avx512_vnni_vbmi: codes of 3 bits, which a byte
// permute and a multishift take out of their 24 bytes.
#include "runtime/formats/uniform_group/gemv_int8_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

template <>
inline Planes<3> load_planes<3>(const unsigned char* codes, std::int64_t left) {
    const auto lanes = static_cast<__mmask64>(left >= 24 ? 0xffffff : (1 << left) - 1);
    // Each 8 bytes of the result have the 3 bytes of 8 codes.
    const __m512i places =
        _mm512_setr_epi64(0x020100, 0x050403, 0x080706, 0x0b0a09, 0x0e0d0c, 0x11100f, 0x141312, 0x171615);
    const __m512i shifts = _mm512_set1_epi64(0x15120f0c09060300);
    const __m512i words = _mm512_permutexvar_epi8(places, _mm512_maskz_loadu_epi8(lanes, codes));
    return {{_mm512_and_si512(_mm512_multishift_epi64_epi8(shifts, words), _mm512_set1_epi8(7))}};
}

}  // namespace

void uniform_group_gemv_int8x2_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows,
                                                std::int64_t first, std::int64_t columns, float* y) {
    product_bits<3, true>(*static_cast<const Matrix*>(matrix), static_cast<const unsigned char*>(x), rows, first,
                          columns, y);
}

void uniform_group_gemv_int8_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                              std::int64_t columns, float* y) {
    product_bits<3, false>(*static_cast<const Matrix*>(matrix), static_cast<const unsigned char*>(x), rows, first,
                           columns, y);
}

}  // namespace dwubit::uniform_group
