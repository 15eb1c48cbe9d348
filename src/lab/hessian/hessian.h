// Hessians of the store as tensors.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "hessians/hessian_store.h"

namespace dwubit::lab {

// The full symmetric matrix [n, n] float64 of a lower triangle.
at::Tensor symmetric_matrix(const Hessian& hessian, at::Device device = at::kCPU);

// H of one site in the model's own basis: [n, n] float64. Throws Failure (missing, damaged, not finite).
at::Tensor load_hessian(const HessianStore& store, std::int64_t layer, Site site, at::Device device = at::kCPU);

}  // namespace dwubit::lab
