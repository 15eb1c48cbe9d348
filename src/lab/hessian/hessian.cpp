#include "lab/hessian/hessian.h"

#include <algorithm>

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {

at::Tensor symmetric_matrix(const Hessian& hessian, at::Device device) {
    const std::int64_t n = hessian.n;
    DWUBIT_CHECK(static_cast<std::int64_t>(hessian.triangle.size()) == n * (n + 1) / 2);
    at::Tensor lower = at::zeros({n, n}, at::kFloat);
    float* const values = lower.data_ptr<float>();
    const float* in = hessian.triangle.data();
    for (std::int64_t row = 0; row < n; in += ++row) std::copy_n(in, row + 1, values + row * n);
    // Mirrored where it will live: the device does it faster, and half the bytes go over the bus.
    at::Tensor matrix = lower.to(device).to(at::kDouble);
    lower.reset();
    constexpr std::int64_t kRows = 1024;  // a block at a time: no second matrix
    for (std::int64_t first = 0; first < n; first += kRows) {
        const std::int64_t last = std::min(n, first + kRows);
        at::Tensor diagonal = matrix.slice(0, first, last).slice(1, first, last);
        diagonal.add_(at::tril(diagonal, -1).t());
        matrix.slice(0, 0, first).slice(1, first, last).copy_(matrix.slice(0, first, last).slice(1, 0, first).t());
    }
    return matrix;
}

at::Tensor load_hessian(const HessianStore& store, std::int64_t layer, Site site, at::Device device) {
    return symmetric_matrix(unwrap(store.load(layer, site)), device);
}

}  // namespace dwubit::lab
