// Random matrices for the tests of the blocks, the same on every machine.
#pragma once

#include <ATen/ATen.h>

#include "base/philox.h"

namespace dwubit::lab::testing {

// [rows, columns] float32, standard normal.
inline at::Tensor gaussian(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
    at::Tensor matrix = at::empty({rows, columns}, at::kFloat);
    Philox random(seed);
    float* const values = matrix.data_ptr<float>();
    for (std::int64_t i = 0; i < rows * columns; ++i) values[i] = random.next_normal();
    return matrix;
}

// A Hessian with correlated features and a wide diagonal, [n, n] float64: of `samples` inputs.
inline at::Tensor correlated_hessian(std::int64_t n, std::int64_t samples, std::uint64_t seed) {
    const at::Tensor mixing = gaussian(n, n, seed) / 8 + at::eye(n);
    const at::Tensor sizes = at::exp(gaussian(1, n, seed + 1));
    const at::Tensor inputs = (at::mm(gaussian(samples, n, seed + 2), mixing) * sizes).to(at::kDouble);
    return at::mm(inputs.t(), inputs) / static_cast<double>(samples);
}

}  // namespace dwubit::lab::testing
