#include "lab/hessian/hessian.h"

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {

at::Tensor symmetric_matrix(const Hessian& hessian) {
    const std::int64_t n = hessian.n;
    DWUBIT_CHECK(static_cast<std::int64_t>(hessian.triangle.size()) == n * (n + 1) / 2);
    at::Tensor matrix = at::empty({n, n}, at::kDouble);
    auto* const values = matrix.data_ptr<double>();
    const float* in = hessian.triangle.data();
    for (std::int64_t row = 0; row < n; ++row) {
        for (std::int64_t column = 0; column <= row; ++column) {
            values[row * n + column] = values[column * n + row] = static_cast<double>(*in++);
        }
    }
    return matrix;
}

at::Tensor load_hessian(const HessianStore& store, std::int64_t layer, Site site) {
    return symmetric_matrix(unwrap(store.load(layer, site)));
}

}  // namespace dwubit::lab
