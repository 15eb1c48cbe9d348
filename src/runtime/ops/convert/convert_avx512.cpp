#include <immintrin.h>

#include "runtime/ops/convert/convert_inl.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void from_bf16_f32_avx512(const std::uint16_t* x, float* out, std::int64_t n) {
    from_bf16_row(x, out, n);
}

void from_f16_f32_avx512(const std::uint16_t* x, float* out, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i))));
    }
    for (; i < n; ++i) out[i] = _cvtsh_ss(x[i]);
}

void to_f16_f32_avx512(const float* x, std::uint16_t* out, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i part = _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), part);
    }
    for (; i < n; ++i) out[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
}

void from_int8_f32_avx512(const std::int8_t* x, float scale, float* out, std::int64_t n) {
    from_int8_row(x, scale, out, n);
}

float to_int8_f32_avx512(const float* x, std::int8_t* out, std::int64_t n) {
    return to_int8_row(x, out, n);
}

}  // namespace dwubit
