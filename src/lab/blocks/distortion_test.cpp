#include "lab/blocks/distortion.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lab/blocks/test_matrices.h"

namespace dwubit::lab {
namespace {

TEST(Distortion, OfNothingLostIsZero) {
    const at::Tensor weight = testing::gaussian(700, 20, 31);  // more rows than one block
    const Distortion distortion = measure_distortion(weight, weight, testing::correlated_hessian(20, 50, 32));
    EXPECT_EQ(distortion.relative_proxy, 0);
    EXPECT_EQ(distortion.relative_frobenius, 0);
    EXPECT_EQ(distortion.sign_flips, 0);
    EXPECT_EQ(distortion.zeroed, 0);
}

TEST(Distortion, RatiosAndSharesByHand) {
    const at::Tensor weight = at::tensor({3.0f, -4.0f, 0.0f, 1.0f}).reshape({1, 4});
    const at::Tensor values = at::tensor({3.0f, 0.0f, 0.0f, -1.0f}).reshape({1, 4});
    const at::Tensor hessian = at::diag(at::tensor({1.0, 2.0, 3.0, 10.0}, at::kDouble));
    const Distortion distortion = measure_distortion(weight, values, hessian);
    EXPECT_DOUBLE_EQ(distortion.relative_proxy, (16 * 2 + 4 * 10) / (9.0 + 16 * 2 + 10));
    EXPECT_DOUBLE_EQ(distortion.relative_frobenius, std::sqrt(20.0 / 26.0));
    EXPECT_DOUBLE_EQ(distortion.sign_flips, 0.25);
    EXPECT_DOUBLE_EQ(distortion.zeroed, 0.25);
}

TEST(Distortion, WithoutAHessianThereIsNoProxy) {
    const at::Tensor weight = testing::gaussian(4, 8, 33);
    EXPECT_TRUE(std::isnan(measure_distortion(weight, weight * 0.5, {}).relative_proxy));
}

}  // namespace
}  // namespace dwubit::lab
