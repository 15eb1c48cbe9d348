#include <cmath>

#include "runtime/ops/kernels.h"

namespace dwubit {

void swiglu_f32_ref(float* gate, const float* up, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
}

}  // namespace dwubit
