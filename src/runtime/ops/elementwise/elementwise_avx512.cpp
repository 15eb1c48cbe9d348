#include "runtime/ops/elementwise/elementwise_inl.h"
#include "runtime/ops/kernels.h"

namespace dwubit {

void add_f32_avx512(const float* x, float* out, std::int64_t n) {
    add_row(x, out, n);
}

void to_bf16_f32_avx512(const float* x, std::uint16_t* out, std::int64_t n) {
    to_bf16_row(x, out, n);
}

}  // namespace dwubit
