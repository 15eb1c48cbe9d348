#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline float row_maximum(const float* x, std::int64_t n) {
    Lanes maximum;
    Lanes part;
    std::int64_t i = 0;
    load_part(x, n < kLanes ? n : kLanes, x[0], maximum);
    for (; i + kLanes <= n; i += kLanes) {
        load_lanes(x + i, part);
        maximum = part > maximum ? part : maximum;
    }
    load_part(x + i, n - i, x[0], part);
    maximum = part > maximum ? part : maximum;
    float result = maximum[0];
    for (int j = 1; j < kLanes; ++j) result = maximum[j] > result ? maximum[j] : result;
    return result;
}

inline float softmax_block_row(float* __restrict scores, std::int64_t n, float* __restrict running_max,
                               float* __restrict running_sum) {
    const float before = *running_max;
    const float block = row_maximum(scores, n);
    const float maximum = block > before ? block : before;
    const bool first = before == -__builtin_inff();
    const float correction = first ? 0.0f : exp_approx(before - maximum);
    Lanes sum = {};
    Lanes part;
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::int64_t j = 0; j < kLanes; ++j) scores[i + j] = exp_approx(scores[i + j] - maximum);
        load_lanes(scores + i, part);
        sum += part;
    }
    for (std::int64_t j = i; j < n; ++j) scores[j] = exp_approx(scores[j] - maximum);
    load_part(scores + i, n - i, 0.0f, part);
    sum += part;
    *running_max = maximum;
    *running_sum = __builtin_fmaf(*running_sum, correction, add_lanes(sum));
    return correction;
}

inline float log_sum_exp_row(const float* x, std::int64_t n) {
    constexpr std::int64_t kBlock = 256;  // exponentials of a block lie on the stack while they are added up
    float block[kBlock];
    const float maximum = row_maximum(x, n);
    float sum = 0;
    for (std::int64_t first = 0; first < n; first += kBlock) {
        const std::int64_t count = n - first < kBlock ? n - first : kBlock;
        for (std::int64_t i = 0; i < count; ++i) block[i] = exp_approx(x[first + i] - maximum);
        sum += sum_row(block, count);
    }
    return maximum + __builtin_logf(sum);
}

}  // namespace
}  // namespace dwubit
