// What quantizing lost, by the measures that tests, reports and method tables share.
#pragma once

#include <ATen/ATen.h>

namespace dwubit::lab {

// tr((W - Q) H (W - Q)T); weight, values: [out, in]; hessian: [in, in] float64. float64 throughout.
double proxy_loss(const at::Tensor& weight, const at::Tensor& values, const at::Tensor& hessian);

struct Distortion {
    double relative_proxy = 0;  // proxy loss / tr(W H WT), H undamped; NaN without a Hessian or where nothing comes in
    double relative_frobenius = 0;  // |W - Q| / |W|
    double sign_flips = 0;          // share of weights whose sign changed, zeros not counted
    double zeroed = 0;              // share of non-zero weights that became 0
};

// `hessian` may be undefined. W = 0 gives 0 where Q = 0 too.
Distortion measure_distortion(const at::Tensor& weight, const at::Tensor& values, const at::Tensor& hessian);

}  // namespace dwubit::lab
