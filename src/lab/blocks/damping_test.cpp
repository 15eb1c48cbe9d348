#include "lab/blocks/damping.h"

#include <gtest/gtest.h>

#include <limits>

#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

TEST(Damping, FactorTimesItsTransposeIsTheDampedMatrix) {
    const at::Tensor hessian = testing::correlated_hessian(40, 200, 1);
    const DampedCholesky cholesky = damped_cholesky(hessian, 0.01, "test");
    const at::Tensor expected = hessian + at::eye(40, at::kDouble) * 0.01 * hessian.diagonal().mean();
    EXPECT_EQ(cholesky.attempts, 1);
    EXPECT_DOUBLE_EQ(cholesky.damping, 0.01);
    EXPECT_TRUE(at::allclose(at::mm(cholesky.factor, cholesky.factor.t()), expected, 1e-12, 1e-12));
}

TEST(Damping, IsRaisedUntilASingularMatrixFactorises) {
    const at::Tensor hessian = testing::correlated_hessian(40, 10, 2);  // rank 10
    const DampedCholesky cholesky = damped_cholesky(hessian, 0, "test");
    EXPECT_GT(cholesky.attempts, 1);
    EXPECT_GT(cholesky.damping, 0);
    EXPECT_LE(cholesky.damping, 0.01);
}

TEST(Damping, OfZerosIsTheIdentity) {
    const DampedCholesky cholesky = damped_cholesky(at::zeros({5, 5}, at::kDouble), 0.01, "test");
    EXPECT_TRUE(at::equal(cholesky.factor, at::eye(5, at::kDouble)));
}

TEST(Damping, DataErrorsAreNamedAndNotDampedAway) {
    const auto message = [](const at::Tensor& hessian) {
        try {
            damped_cholesky(hessian, 0.01, "layer 3, site down");
        } catch (const Failure& failure) {
            EXPECT_EQ(failure.error().kind, ErrorKind::kInvalidInput);
            return failure.error().message;
        }
        return std::string();
    };
    at::Tensor hessian = testing::correlated_hessian(8, 20, 3);
    hessian[1][2] = std::numeric_limits<double>::infinity();
    EXPECT_NE(message(hessian).find("layer 3, site down"), std::string::npos);
    hessian = testing::correlated_hessian(8, 20, 3);
    hessian[4][4] = -1.0;
    EXPECT_NE(message(hessian).find("negative diagonal"), std::string::npos);
    hessian = at::ones({2, 2}, at::kDouble);
    hessian[0][1] = hessian[1][0] = 100.0;
    EXPECT_NE(message(hessian).find("not positive definite"), std::string::npos);
}

}  // namespace
}  // namespace dwubit::lab
