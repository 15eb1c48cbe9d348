#include "base/float16.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void add_f32_ref(const float* x, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] += x[i];
}

void to_bf16_f32_ref(const float* x, std::uint16_t* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = to_bf16(x[i]).bits;
}

}  // namespace dwubit
