#include <immintrin.h>

#include "runtime/gemm/dense_gemv.h"
#include "runtime/gemm/dense_gemv_inl.h"

namespace dwubit {
namespace {

// 32 columns per step, pairs of them in one dot product.
struct Pairs {
    using Weight = std::uint16_t;
    using Input = std::uint16_t;
    using Sum = __m512;
    static constexpr std::int64_t kStep = 32;
    static constexpr int kSums = 16;
    static Sum zero() { return _mm512_setzero_ps(); }
    static float total(Sum sum) { return _mm512_reduce_add_ps(sum); }
    static __m512i load(const Weight* w) { return _mm512_loadu_si512(w); }
    static __m512i load_part(const Weight* w, std::int64_t n) { return _mm512_maskz_loadu_epi16(lanes(n), w); }
    static Sum fma(__m512i w, const Input* x, Sum sum) { return dot(w, _mm512_loadu_si512(x), sum); }
    static Sum fma_part(__m512i w, const Input* x, std::int64_t n, Sum sum) {
        return dot(w, _mm512_maskz_loadu_epi16(lanes(n), x), sum);
    }

private:
    static __mmask32 lanes(std::int64_t n) { return (std::uint32_t{1} << n) - 1; }
    static Sum dot(__m512i w, __m512i x, Sum sum) {
        return _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, w), __builtin_bit_cast(__m512bh, x));
    }
};

}  // namespace

void dense_gemv_bf16_bf16_avx512_bf16(const void* w, std::int64_t k, const void* x, std::int64_t rows,
                                      std::int64_t columns, float* y) {
    dense_gemv<Pairs>(w, k, x, rows, columns, y);
}

}  // namespace dwubit
