#include "lab/blocks/input_transform.h"

#include <gtest/gtest.h>

#include "lab/blocks/distortion.h"
#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

// The rule: the proxy loss is the same number in either basis.
void expect_same_loss(const InputTransform& transform) {
    const std::int64_t n = transform.size();
    const at::Tensor hessian = correlated_hessian(n, 3 * n, 21);
    const at::Tensor weight = gaussian(12, n, 22).to(at::kDouble);
    const at::Tensor values = at::round(weight * 2) / 2;
    const double here = proxy_loss(weight, values, hessian);
    const double there =
        proxy_loss(transform.weight(weight), transform.weight(values), hessian_in_basis(hessian, transform));
    EXPECT_NEAR(there / here, 1.0, 1e-10);
}

TEST(InputTransform, FoldingANormKeepsTheProxyLoss) {
    expect_same_loss(DiagonalTransform::fold_norm(at::exp(gaussian(1, 48, 23)).squeeze(0), "norm"));
}

TEST(InputTransform, AnOrthogonalMatrixKeepsTheProxyLoss) {
    const at::Tensor q = std::get<0>(at::linalg_qr(gaussian(48, 48, 24).to(at::kDouble)));
    expect_same_loss(OrthogonalTransform(q, "rotation"));
}

TEST(InputTransform, InputsAndWeightUndoEachOther) {
    const at::Tensor q = std::get<0>(at::linalg_qr(gaussian(16, 16, 25).to(at::kDouble)));
    const OrthogonalTransform transform(q, "rotation");
    const at::Tensor x = gaussian(5, 16, 26).to(at::kDouble);
    const at::Tensor w = gaussian(7, 16, 27).to(at::kDouble);
    EXPECT_TRUE(at::allclose(at::mm(transform.inputs(x), transform.weight(w).t()), at::mm(x, w.t()), 1e-12, 1e-12));
    // The Hessian of transformed inputs is the transformed Hessian; q is not symmetric, so a transposed one would show.
    const at::Tensor moved = transform.inputs(x);
    EXPECT_TRUE(at::allclose(at::mm(moved.t(), moved), hessian_in_basis(at::mm(x.t(), x), transform), 1e-12, 1e-12));
}

TEST(InputTransform, WhatCannotBeInvertedIsRefusedByName) {
    at::Tensor gain = at::ones({4});
    gain[2] = 0;
    try {
        DiagonalTransform::fold_norm(gain, "model.norm");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_NE(failure.error().message.find("model.norm: channel 2"), std::string::npos);
    }
    EXPECT_THROW(OrthogonalTransform(at::ones({3, 3}), "rotation"), Failure);
}

}  // namespace
}  // namespace dwubit::lab
