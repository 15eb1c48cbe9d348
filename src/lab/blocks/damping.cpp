#include "lab/blocks/damping.h"

#include <algorithm>

#include "base/check.h"
#include "lab/failure.h"

namespace dwubit::lab {

void check_hessian(const at::Tensor& hessian, const std::string& where) {
    if (!at::isfinite(hessian).all().item<bool>()) {
        fail(ErrorKind::kInvalidInput, "{}: the Hessian has NaN or infinite elements", where);
    }
    if (hessian.size(0) > 0 && hessian.diagonal().min().item<double>() < 0) {
        fail(ErrorKind::kInvalidInput, "{}: the Hessian has a negative diagonal element", where);
    }
}

DampedCholesky damped_cholesky(const at::Tensor& hessian, double damping, const std::string& where) {
    DWUBIT_CHECK(hessian.dim() == 2 && hessian.size(0) == hessian.size(1) && hessian.scalar_type() == at::kDouble);
    const std::int64_t n = hessian.size(0);
    const at::Tensor diagonal = hessian.diagonal();
    check_hessian(hessian, where);
    const double mean = n > 0 ? diagonal.mean().item<double>() : 0.0;
    if (mean == 0) return {at::eye(n, hessian.options()), 0.0, 1};
    constexpr double kMost = 1.0;
    const at::Tensor undamped = diagonal.clone();
    for (int attempt = 1;; ++attempt) {
        // Only the diagonal is changed, for as long as the factorisation takes: no copy of a large matrix.
        hessian.diagonal().copy_(undamped + damping * mean);
        const auto [factor, info] = at::linalg_cholesky_ex(hessian);
        hessian.diagonal().copy_(undamped);
        // A factor that is all but singular would blow the feedback up: its smallest pivot must stand out of the
        // rounding.
        if (info.item<int>() == 0 && at::isfinite(factor).all().item<bool>() &&
            factor.diagonal().min().item<double>() > 1e-7 * std::sqrt(mean)) {
            return {factor, damping, attempt};
        }
        if (damping >= kMost) {
            fail(ErrorKind::kInvalidInput,
                 "{}: the Hessian is not positive definite, not even damped by {} of its mean", where, damping);
        }
        damping = std::min(kMost, std::max(2 * damping, 1e-4));
    }
}

}  // namespace dwubit::lab
