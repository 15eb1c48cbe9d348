// Hessians of the store as tensors.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "hessians/hessian_store.h"

namespace dwubit::lab {

// The full symmetric matrix [n, n] float64 of a lower triangle, on the CPU.
at::Tensor symmetric_matrix(const Hessian& hessian);

// H of one site in the model's own basis: [n, n] float64, on the CPU. Throws Failure (missing, damaged, not finite).
at::Tensor load_hessian(const HessianStore& store, std::int64_t layer, Site site);

}  // namespace dwubit::lab
