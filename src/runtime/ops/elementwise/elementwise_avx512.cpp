#include <immintrin.h>

#include "runtime/ops/elementwise/elementwise_inl.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void add_f32_avx512(const float* x, float* out, std::int64_t n) {
    add_row(x, out, n);
}

void to_bf16_f32_avx512(const float* x, std::uint16_t* out, std::int64_t n) {
    to_bf16_row(x, out, n);
}

__attribute__((target("avx512bf16"))) void to_bf16_f32_avx512_bf16(const float* x, std::uint16_t* out, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m512bh pair = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + 16), _mm512_loadu_ps(x + i));
        _mm512_storeu_si512(out + i, __builtin_bit_cast(__m512i, pair));
    }
    for (; i < n; i += 16) {
        const auto lanes = static_cast<__mmask16>(n - i >= 16 ? 0xffffu : (1u << (n - i)) - 1u);
        const __m256bh part = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, x + i));
        _mm256_mask_storeu_epi16(out + i, lanes, __builtin_bit_cast(__m256i, part));
    }
}

}  // namespace dwubit
