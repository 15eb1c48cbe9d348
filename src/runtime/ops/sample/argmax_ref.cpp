#include <cmath>
#include <limits>

#include "runtime/ops/kernels.h"

namespace dwubit {

std::int64_t argmax_f32_ref(const float* x, std::int64_t n) {
    float best = -std::numeric_limits<float>::infinity();
    std::int64_t index = -1;
    for (std::int64_t i = 0; i < n; ++i) {
        if (std::isnan(x[i])) return -2 - i;
        if (x[i] > best) {
            best = x[i];
            index = i;
        }
    }
    return index;
}

}  // namespace dwubit
