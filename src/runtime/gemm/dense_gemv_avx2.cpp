#include <immintrin.h>

#include "runtime/gemm/dense_gemv.h"
#include "runtime/gemm/dense_gemv_inl.h"

namespace dwubit {
namespace {

// 16 columns per step, in two vectors of float32. The columns behind the last whole step are put into a step of zeros.
template <class T>
struct Floats {
    using Weight = T;
    using Input = float;
    struct Sum {
        __m256 low, high;
    };
    using Weights = Sum;
    static constexpr std::int64_t kStep = 16;
    static constexpr int kSums = 4;
    static Sum zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
    static float total(const Sum& sum) {
        const __m256 eight = _mm256_add_ps(sum.low, sum.high);
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    static Weights load(const T* w) { return {T::widen(w), T::widen(w + 8)}; }
    static Weights load_part(const T* w, std::int64_t n) {
        T step[kStep] = {};
        __builtin_memcpy(step, w, static_cast<std::size_t>(n) * sizeof(T));
        return load(step);
    }
    static Sum fma(const Weights& w, const float* x, const Sum& sum) {
        return {_mm256_fmadd_ps(w.low, _mm256_loadu_ps(x), sum.low),
                _mm256_fmadd_ps(w.high, _mm256_loadu_ps(x + 8), sum.high)};
    }
    static Sum fma_part(const Weights& w, const float* x, std::int64_t n, const Sum& sum) {
        float step[kStep] = {};
        __builtin_memcpy(step, x, static_cast<std::size_t>(n) * sizeof(float));
        return fma(w, step, sum);
    }
};

struct Bf16Bits {
    std::uint16_t bits;
    static __m256 widen(const Bf16Bits* w) {
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w));
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
};

struct F16Bits {
    std::uint16_t bits;
    static __m256 widen(const F16Bits* w) {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
    }
};

struct F32Bits {
    std::uint32_t bits;
    static __m256 widen(const F32Bits* w) { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
};

}  // namespace

void dense_gemv_bf16_f32_avx2(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                              float* y) {
    dense_gemv<Floats<Bf16Bits>>(w, k, x, rows, columns, y);
}

void dense_gemv_f16_f32_avx2(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                             float* y) {
    dense_gemv<Floats<F16Bits>>(w, k, x, rows, columns, y);
}

void dense_gemv_f32_f32_avx2(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                             float* y) {
    dense_gemv<Floats<F32Bits>>(w, k, x, rows, columns, y);
}

}  // namespace dwubit
