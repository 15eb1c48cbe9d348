// Dense matrix products for one thread: the only place that knows which library does them.
//
// Parallelism is the caller's: it splits its problem into units that depend on shapes only and runs each unit on one
// thread (base/thread_pool.h), so that results do not depend on the number of threads. The library's own threads are
// kept at one inside these calls.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cpu/isa.h"

namespace dwubit {

// What the multiplications see. kBf16: both factors rounded to bf16, float32 sums.
enum class GemmType { kF32, kBf16 };

struct GemmBackend {
    const char* name;  // "onednn", "openblas", "ref"
    // The library and the instruction set it runs, for reports: "oneDNN 2.6.3 avx512_core_amx".
    std::string (*describe)();
    bool (*supports)(GemmType type, const CpuIsa& isa);
    // C = A B (+ C if accumulate): A [m, k], B [k, n], or [n, k] if transpose_b; row-major with row strides.
    void (*multiply)(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
                     const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc);
    // The same for factors in bf16 bits, all three without gaps between rows. nullptr if !supports(kBf16). Shapes
    // should come from a small set: a library may prepare code for each.
    void (*multiply_bf16)(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const std::uint16_t* a,
                          const std::uint16_t* b, bool accumulate, float* c);
};

// Plain loops, float32 and bf16, any processor.
const GemmBackend& gemm_ref();

// What this build was configured with for the processor at hand: oneDNN, else OpenBLAS, else gemm_ref(). DWUBIT_ISA=ref
// gives gemm_ref(); a lower level also lowers the library's.
const GemmBackend& active_gemm();

namespace detail {
// Defined by the one backend file that CMake chose; nullptr when there is none.
const GemmBackend* configured_gemm();
}  // namespace detail

}  // namespace dwubit
