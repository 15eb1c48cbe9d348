#include <cmath>

#include "runtime/ops/kernels.h"

namespace dwubit {

void rms_norm_f32_ref(const float* x, const float* weight, float eps, float* out, std::int64_t n) {
    double squares = 0;
    for (std::int64_t i = 0; i < n; ++i) squares += static_cast<double>(x[i]) * x[i];
    const auto scale = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(n) + eps));
    for (std::int64_t i = 0; i < n; ++i) out[i] = x[i] * scale * weight[i];
}

}  // namespace dwubit
