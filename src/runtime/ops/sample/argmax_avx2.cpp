#include "runtime/ops/kernels.h"
#include "runtime/ops/sample/argmax_inl.h"

namespace dwubit {

std::int64_t argmax_f32_avx2(const float* x, std::int64_t n) {
    return argmax_row(x, n);
}

}  // namespace dwubit
