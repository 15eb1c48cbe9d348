// uniform_group_gemv_int8x2_avx512_vnni, uniform_group_gemv_int8_avx512_vnni: codes of 2, 4 and 8 bits.
#include "runtime/formats/uniform_group/arrange_inl.h"
#include "runtime/formats/uniform_group/gemv_int8_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

template <int kBits>
inline Planes<kBits> load_planes(const unsigned char* codes, std::int64_t left) {
    Planes<kBits> p;
    const __m512i bytes =
        left >= 64 ? _mm512_loadu_si512(codes) : _mm512_maskz_loadu_epi8((__mmask64{1} << left) - 1, codes);
    if constexpr (kBits == 8) {
        p.plane[0] = bytes;
    } else if constexpr (kBits == 4) {
        const __m512i mask = _mm512_set1_epi8(15);
        p.plane[0] = _mm512_and_si512(bytes, mask);
        p.plane[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
    } else {
        const __m512i mask = _mm512_set1_epi8(3);
        p.plane[0] = _mm512_and_si512(bytes, mask);
        p.plane[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 2), mask);
        p.plane[2] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
        p.plane[3] = _mm512_and_si512(_mm512_srli_epi16(bytes, 6), mask);
    }
    return p;
}

template <bool kResidual>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product_bits<2, kResidual>(m, bytes, rows, first, columns, y);
    if (m.bits == 4) return product_bits<4, kResidual>(m, bytes, rows, first, columns, y);
    product_bits<8, kResidual>(m, bytes, rows, first, columns, y);
}

}  // namespace

void arrange_int8x2_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_any<true>(matrix, x, out);
}

void arrange_int8_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_any<false>(matrix, x, out);
}

void uniform_group_gemv_int8x2_avx512_vnni(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                           std::int64_t columns, float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void uniform_group_gemv_int8_avx512_vnni(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                         std::int64_t columns, float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::uniform_group
