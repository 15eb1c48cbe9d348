#include "runtime/ops/kernels.h"

namespace dwubit {

void dot_rows_f32_ref(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                      float* scores) {
    for (std::int64_t j = 0; j < n; ++j) {
        float sum = 0;
        for (std::int64_t d = 0; d < dim; ++d) sum += q[d] * rows[j * stride + d];
        scores[j] = sum;
    }
}

void add_rows_f32_ref(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                      float* out) {
    for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t d = 0; d < dim; ++d) out[d] += weights[j] * rows[j * stride + d];
    }
}

}  // namespace dwubit
