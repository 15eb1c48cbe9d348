#include "lab/blocks/distortion.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dwubit::lab {
namespace {

// Rows at a time: float64 copies stay small beside the Hessian.
constexpr std::int64_t kRows = 512;

// tr(A H AT)
double quadratic_form(const at::Tensor& a, const at::Tensor& hessian) {
    double sum = 0;
    for (std::int64_t first = 0; first < a.size(0); first += kRows) {
        const at::Tensor rows = a.slice(0, first, std::min(a.size(0), first + kRows)).to(at::kDouble);
        sum += (at::mm(rows, hessian) * rows).sum().item<double>();
    }
    return sum;
}

double ratio(double error, double reference) {
    return error == 0 ? 0.0 : error / reference;
}

}  // namespace

double proxy_loss(const at::Tensor& weight, const at::Tensor& values, const at::Tensor& hessian) {
    double sum = 0;
    for (std::int64_t first = 0; first < weight.size(0); first += kRows) {
        const std::int64_t last = std::min(weight.size(0), first + kRows);
        const at::Tensor error =
            weight.slice(0, first, last).to(at::kDouble) - values.slice(0, first, last).to(at::kDouble);
        sum += quadratic_form(error, hessian);
    }
    return sum;
}

Distortion measure_distortion(const at::Tensor& weight, const at::Tensor& values, const at::Tensor& hessian) {
    Distortion distortion;
    if (hessian.defined()) {
        distortion.relative_proxy = ratio(proxy_loss(weight, values, hessian), quadratic_form(weight, hessian));
    } else {
        distortion.relative_proxy = std::numeric_limits<double>::quiet_NaN();
    }
    const double error = (weight - values).to(at::kDouble).square().sum().item<double>();
    const double norm = weight.to(at::kDouble).square().sum().item<double>();
    distortion.relative_frobenius = std::sqrt(ratio(error, norm));
    const auto count = static_cast<double>(std::max<std::int64_t>(1, weight.numel()));
    distortion.sign_flips = (weight * values < 0).sum().item<double>() / count;
    distortion.zeroed = at::logical_and(weight != 0, values == 0).sum().item<double>() / count;
    return distortion;
}

}  // namespace dwubit::lab
