#include "runtime/ops/kernels.h"
#include "runtime/ops/rope/rope_inl.h"

namespace dwubit {

void rope_f32_avx512(float* x, const float* cosine, const float* sine, std::int64_t half) {
    rope_row(x, cosine, sine, half);
}

}  // namespace dwubit
