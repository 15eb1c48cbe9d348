#include "runtime/ops/kernels.h"
#include "runtime/ops/rms_norm/rms_norm_inl.h"

namespace dwubit {

void rms_norm_f32_avx512(const float* x, const float* weight, float eps, float* out, std::int64_t n) {
    rms_norm_row(x, weight, eps, out, n);
}

}  // namespace dwubit
