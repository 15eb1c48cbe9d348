// Float32 by OpenBLAS, for builds without oneDNN. OpenBLAS picks its kernels by the processor; DWUBIT_ISA does not
// lower them (OPENBLAS_CORETYPE does).
#include <cblas.h>

#include "runtime/gemm/gemm.h"

namespace dwubit {
namespace {

void single_thread() {
    static const bool done = (openblas_set_num_threads(1), true);
    static_cast<void>(done);
}

void multiply(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
              const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc) {
    single_thread();
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, static_cast<blasint>(m),
                static_cast<blasint>(n), static_cast<blasint>(k), 1.0f, a, static_cast<blasint>(lda), b,
                static_cast<blasint>(ldb), accumulate ? 1.0f : 0.0f, c, static_cast<blasint>(ldc));
}

std::string describe() {
    return openblas_get_config();
}

bool supports(GemmType type, const CpuIsa&) {
    return type == GemmType::kF32;
}

}  // namespace

const GemmBackend* detail::configured_gemm() {
    static constexpr GemmBackend kBackend = {"openblas", describe, supports, multiply, nullptr};
    return &kBackend;
}

}  // namespace dwubit
