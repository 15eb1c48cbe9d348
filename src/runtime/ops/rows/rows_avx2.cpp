#include "runtime/ops/kernels.h"
#include "runtime/ops/rows/rows_inl.h"

namespace dwubit {

void dot_rows_f32_avx2(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                       float* scores) {
    dot_rows_lanes(q, rows, stride, n, dim, scores);
}

void add_rows_f32_avx2(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                       float* out) {
    add_rows_lanes(weights, rows, stride, n, dim, out);
}

}  // namespace dwubit
