#include <immintrin.h>

#include "runtime/ops/convert/convert_inl.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void from_bf16_f32_avx2(const std::uint16_t* x, float* out, std::int64_t n) {
    from_bf16_row(x, out, n);
}

void from_f16_f32_avx2(const std::uint16_t* x, float* out, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
    }
    for (; i < n; ++i) out[i] = _cvtsh_ss(x[i]);
}

void to_f16_f32_avx2(const float* x, std::uint16_t* out, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m128i part = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), part);
    }
    for (; i < n; ++i) out[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT);
}

void from_int8_f32_avx2(const std::int8_t* x, float scale, float* out, std::int64_t n) {
    from_int8_row(x, scale, out, n);
}

float to_int8_f32_avx2(const float* x, std::int8_t* out, std::int64_t n) {
    return to_int8_row(x, out, n);
}

}  // namespace dwubit
