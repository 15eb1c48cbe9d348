// Cholesky of a Hessian in float64, with a policy for the ones that are not positive definite.
#pragma once

#include <ATen/ATen.h>

#include <string>

namespace dwubit::lab {

// A Hessian that is not finite, or has a negative diagonal element, is an error of the data that names `where`: more
// damping does not mend it.
void check_hessian(const at::Tensor& hessian, const std::string& where);

struct DampedCholesky {
    at::Tensor factor;   // [n, n] float64, lower: factor factorT = H + damping mean(diag H) I
    double damping = 0;  // multiple of mean(diag H) that it took
    int attempts = 1;    // 1 = the one asked for sufficed
};

// H: [n, n] float64, symmetric; afterwards as it was before. Adds damping * mean(diag H) to the diagonal and
// factorises; where that fails, the damping is doubled, up to 1.0 (from 1e-4 where 0 was asked for). Throws Failure as
// check_hessian(). H = 0 is factorised as the identity (damping 0): nothing is known of the inputs.
DampedCholesky damped_cholesky(const at::Tensor& hessian, double damping, const std::string& where);

}  // namespace dwubit::lab
