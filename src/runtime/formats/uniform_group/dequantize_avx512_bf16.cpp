// uniform_group_gemm_bf16_avx512_bf16: rows of codes to bf16.
#include "runtime/formats/uniform_group/codes_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

template <int kBits>
inline void rows(const Matrix& m, std::int64_t first, std::int64_t count, std::uint16_t* out) {
    for (std::int64_t r = 0; r < count; ++r) {
        std::uint16_t* const row = out + r * m.in;
        for_each_sixteen<kBits>(m, first + r,
                                [&](std::int64_t j, std::int64_t n, __m512 codes, __m512 scale, __m512 offset) {
                                    const __m512 values = _mm512_mul_ps(scale, _mm512_sub_ps(codes, offset));
                                    const __m256i bits = __builtin_bit_cast(__m256i, _mm512_cvtneps_pbh(values));
                                    if (m.perm == nullptr) {
                                        _mm256_mask_storeu_epi16(row + j, static_cast<__mmask16>((1u << n) - 1), bits);
                                        return;
                                    }
                                    std::uint16_t sixteen[16];
                                    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sixteen), bits);
                                    for (std::int64_t i = 0; i < n; ++i) row[m.perm[j + i]] = sixteen[i];
                                });
    }
}

}  // namespace

void uniform_group_dequantize_bf16_avx512_bf16(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* const to = static_cast<std::uint16_t*>(out);
    if (m.bits == 2) return rows<2>(m, first, count, to);
    if (m.bits == 3) return rows<3>(m, first, count, to);
    if (m.bits == 4) return rows<4>(m, first, count, to);
    rows<8>(m, first, count, to);
}

}  // namespace dwubit::uniform_group
