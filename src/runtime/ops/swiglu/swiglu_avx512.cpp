#include "runtime/ops/kernels.h"
#include "runtime/ops/swiglu/swiglu_inl.h"

namespace dwubit {

void swiglu_f32_avx512(float* gate, const float* up, std::int64_t n) {
    swiglu_row(gate, up, n);
}

}  // namespace dwubit
