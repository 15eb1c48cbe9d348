#include "runtime/ops/kernels.h"

namespace dwubit {

void rope_f32_ref(float* x, const float* cosine, const float* sine, std::int64_t half) {
    for (std::int64_t i = 0; i < half; ++i) {
        const float a = x[i];
        const float b = x[i + half];
        x[i] = a * cosine[i] - b * sine[i];
        x[i + half] = b * cosine[i] + a * sine[i];
    }
}

}  // namespace dwubit
