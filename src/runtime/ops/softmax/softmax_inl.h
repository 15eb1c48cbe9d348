#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline float row_maximum(const float* x, std::int64_t n) {
    float lanes[kLanes];
    for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = x[j < n ? j : 0];
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    }
    for (std::int64_t j = 0; i + j < n; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    float maximum = lanes[0];
    for (std::int64_t j = 1; j < kLanes; ++j) maximum = lanes[j] > maximum ? lanes[j] : maximum;
    return maximum;
}

// out[i] = exp(x[i] - maximum); returns their sum. out may be x.
inline float exp_minus(const float* x, float maximum, float* out, std::int64_t n) {
    float lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::int64_t j = 0; j < kLanes; ++j) {
            const float e = exp_approx(x[i + j] - maximum);
            out[i + j] = e;
            lanes[j] += e;
        }
    }
    for (std::int64_t j = 0; i + j < n; ++j) {
        const float e = exp_approx(x[i + j] - maximum);
        out[i + j] = e;
        lanes[j] += e;
    }
    return add_lanes(lanes);
}

inline float softmax_block_row(float* scores, std::int64_t n, float* running_max, float* running_sum) {
    const float before = *running_max;
    const float block = row_maximum(scores, n);
    const float maximum = block > before ? block : before;
    const bool first = before == -__builtin_inff();
    const float correction = first ? 0.0f : exp_approx(before - maximum);
    const float sum = exp_minus(scores, maximum, scores, n);
    *running_max = maximum;
    *running_sum = __builtin_fmaf(*running_sum, correction, sum);
    return correction;
}

inline float sum_exp_minus(const float* x, float maximum, std::int64_t n) {
    float lanes[kLanes] = {};
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] += exp_approx(x[i + j] - maximum);
    }
    for (std::int64_t j = 0; i + j < n; ++j) lanes[j] += exp_approx(x[i + j] - maximum);
    return add_lanes(lanes);
}

inline float log_sum_exp_row(const float* x, std::int64_t n) {
    const float maximum = row_maximum(x, n);
    return maximum + __builtin_logf(sum_exp_minus(x, maximum, n));
}

}  // namespace
}  // namespace dwubit
