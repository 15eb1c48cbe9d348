#include <immintrin.h>

#include "runtime/gemm/dense_gemv.h"
#include "runtime/gemm/dense_gemv_inl.h"

namespace dwubit {
namespace {

inline __mmask16 first_lanes(std::int64_t n) {
    return static_cast<__mmask16>(n >= 16 ? 0xffff : (1 << n) - 1);
}

// 32 columns per step, in two vectors of float32.
template <class T>
struct Floats {
    using Weight = T;
    using Input = float;
    using Sum = __m512;
    struct Weights {
        __m512 low, high;
    };
    static constexpr std::int64_t kStep = 32;
    static constexpr int kSums = 8;
    static Sum zero() { return _mm512_setzero_ps(); }
    static float total(Sum sum) { return _mm512_reduce_add_ps(sum); }
    static Weights load(const T* w) { return {T::widen(w), T::widen(w + 16)}; }
    static Weights load_part(const T* w, std::int64_t n) {
        return {T::widen_part(w, first_lanes(n)), n > 16 ? T::widen_part(w + 16, first_lanes(n - 16)) : zero()};
    }
    static Sum fma(const Weights& w, const float* x, Sum sum) {
        sum = _mm512_fmadd_ps(w.low, _mm512_loadu_ps(x), sum);
        return _mm512_fmadd_ps(w.high, _mm512_loadu_ps(x + 16), sum);
    }
    static Sum fma_part(const Weights& w, const float* x, std::int64_t n, Sum sum) {
        sum = _mm512_fmadd_ps(w.low, _mm512_maskz_loadu_ps(first_lanes(n), x), sum);
        if (n <= 16) return sum;
        return _mm512_fmadd_ps(w.high, _mm512_maskz_loadu_ps(first_lanes(n - 16), x + 16), sum);
    }
};

struct Bf16Bits {
    std::uint16_t bits;
    static __m512 from(__m256i bits) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16)); }
    static __m512 widen(const Bf16Bits* w) { return from(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w))); }
    static __m512 widen_part(const Bf16Bits* w, __mmask16 lanes) { return from(_mm256_maskz_loadu_epi16(lanes, w)); }
};

struct F16Bits {
    std::uint16_t bits;
    static __m512 widen(const F16Bits* w) {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)));
    }
    static __m512 widen_part(const F16Bits* w, __mmask16 lanes) {
        return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, w));
    }
};

struct F32Bits {
    std::uint32_t bits;
    static __m512 widen(const F32Bits* w) { return _mm512_loadu_ps(w); }
    static __m512 widen_part(const F32Bits* w, __mmask16 lanes) { return _mm512_maskz_loadu_ps(lanes, w); }
};

}  // namespace

void dense_gemv_bf16_f32_avx512(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                                float* y) {
    dense_gemv<Floats<Bf16Bits>>(w, k, x, rows, columns, y);
}

void dense_gemv_f16_f32_avx512(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                               float* y) {
    dense_gemv<Floats<F16Bits>>(w, k, x, rows, columns, y);
}

void dense_gemv_f32_f32_avx512(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                               float* y) {
    dense_gemv<Floats<F32Bits>>(w, k, x, rows, columns, y);
}

}  // namespace dwubit
