// The reference: readable loops. Sums run in float over k in order.
#include "base/float16.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {
namespace {

std::string describe() {
    return "reference loops";
}

bool supports(GemmType, const CpuIsa&) {
    return true;
}

template <class T>
void multiply_loops(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const T* a, std::int64_t lda,
                    const T* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc) {
    for (std::int64_t r = 0; r < m; ++r) {
        for (std::int64_t j = 0; j < n; ++j) {
            float sum = accumulate ? c[r * ldc + j] : 0.0f;
            for (std::int64_t i = 0; i < k; ++i) {
                sum += to_float(a[r * lda + i]) * to_float(transpose_b ? b[j * ldb + i] : b[i * ldb + j]);
            }
            c[r * ldc + j] = sum;
        }
    }
}

void multiply_bf16(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const std::uint16_t* a,
                   const std::uint16_t* b, bool accumulate, float* c) {
    static_assert(sizeof(Bf16) == sizeof(std::uint16_t));
    multiply_loops(transpose_b, m, n, k, reinterpret_cast<const Bf16*>(a), k, reinterpret_cast<const Bf16*>(b),
                   transpose_b ? k : n, accumulate, c, n);
}

}  // namespace

const GemmBackend& gemm_ref() {
    static constexpr GemmBackend kBackend = {"ref", describe, supports, multiply_loops<float>, multiply_bf16};
    return kBackend;
}

const GemmBackend& active_gemm() {
    const GemmBackend* configured = detail::configured_gemm();
    return configured == nullptr || active_isa().isa == Isa::kRef ? gemm_ref() : *configured;
}

}  // namespace dwubit
