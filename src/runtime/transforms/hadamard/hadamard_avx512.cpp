#include "runtime/transforms/hadamard/hadamard_inl.h"
#include "runtime/transforms/hadamard/kernels.h"

namespace dwubit {

void scale_f32_avx512(const float* f, float* x, std::int64_t n) {
    scale_lanes(f, x, n);
}

void fwht_f32_avx512(float* x, int log2) {
    fwht_lanes(x, log2);
}

void butterfly_f32_avx512(float* a, float* b, std::int64_t n) {
    butterfly_lanes(a, b, n);
}

void mix_f32_avx512(const float* matrix, int order, const float* x, std::int64_t stride, float* y) {
    mix_lanes<4, 4>(matrix, order, x, stride, y);
}

}  // namespace dwubit
