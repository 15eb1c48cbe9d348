#include <algorithm>
#include <cmath>

#include "runtime/ops/kernels.h"

namespace dwubit {

float softmax_block_f32_ref(float* scores, std::int64_t n, float* running_max, float* running_sum) {
    const float before = *running_max;
    const float maximum = std::max(before, *std::max_element(scores, scores + n));
    const float correction = std::exp(before - maximum);  // 0 for the first block
    float sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        scores[i] = std::exp(scores[i] - maximum);
        sum += scores[i];
    }
    *running_max = maximum;
    *running_sum = *running_sum * correction + sum;
    return correction;
}

float log_sum_exp_f32_ref(const float* x, std::int64_t n) {
    const float maximum = *std::max_element(x, x + n);
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - maximum);
    return static_cast<float>(maximum + std::log(sum));
}

}  // namespace dwubit
