#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

inline void swiglu_row(float* __restrict gate, const float* __restrict up, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) gate[i] = gate[i] / (1.0f + exp_approx(-gate[i])) * up[i];
}

}  // namespace
}  // namespace dwubit
