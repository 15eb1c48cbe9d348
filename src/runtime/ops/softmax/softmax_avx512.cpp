#include "runtime/ops/kernels.h"
#include "runtime/ops/softmax/softmax_inl.h"

namespace dwubit {

float softmax_block_f32_avx512(float* scores, std::int64_t n, float* running_max, float* running_sum) {
    return softmax_block_row(scores, n, running_max, running_sum);
}

float log_sum_exp_f32_avx512(const float* x, std::int64_t n) {
    return log_sum_exp_row(x, n);
}

}  // namespace dwubit
