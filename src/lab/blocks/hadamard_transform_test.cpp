#include "lab/blocks/hadamard_transform.h"

#include <gtest/gtest.h>

#include "lab/blocks/distortion.h"
#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"
#include "runtime/transforms/transform.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

double largest(const at::Tensor& matrix) {
    return matrix.abs().max().item<double>();
}

// The runtime's own transform as a matrix.
at::Tensor runtime_matrix(const std::vector<float>& factors) {
    const auto n = static_cast<std::int64_t>(factors.size());
    const auto bound = unwrap(make_transform(*unwrap(find_transform("rht")), {{"sign", "bit"}}, n, factors));
    const std::vector<double> matrix = transform_matrix(*bound);
    at::Tensor result = at::empty({n, n}, at::kDouble);
    std::copy(matrix.begin(), matrix.end(), result.data_ptr<double>());
    return result;
}

// A power of two, symmetric and non-symmetric orders, order 1.
TEST(HadamardTransform, IsTheRuntimesTransform) {
    for (const std::int64_t n : {1, 2, 64, 12, 40, 56, 96, 104, 172, 200}) {
        const HadamardTransform transform(random_signs(3, 4, n), at::kCPU, "test");
        const at::Tensor matrix = runtime_matrix(transform.signs());
        const at::Tensor eye = at::eye(n, at::kDouble);
        // Row j of the result is T e_j, which is column j of T.
        EXPECT_LT(largest(transform.inputs(eye).t() - matrix), 1e-12) << n;
        EXPECT_LT(largest(transform.inverse(eye) - matrix), 1e-12) << n;
        const at::Tensor x = gaussian(7, n, 5);
        EXPECT_LT(largest(transform.inverse(transform.inputs(x)) - x), 1e-5) << n;
    }
}

TEST(HadamardTransform, KeepsTheProxyLoss) {
    constexpr std::int64_t kColumns = 24;  // order 12: U is not symmetric
    const at::Tensor hessian = correlated_hessian(kColumns, 100, 6);
    const at::Tensor weight = gaussian(5, kColumns, 7);
    const at::Tensor values = gaussian(5, kColumns, 8);
    const HadamardTransform transform(random_signs(9, 0, kColumns), at::kCPU, "test");
    const double before = proxy_loss(weight, values, hessian);
    const double after = proxy_loss(transform.weight(weight.to(at::kDouble)), transform.weight(values.to(at::kDouble)),
                                    hessian_in_basis(hessian, transform));
    EXPECT_NEAR(after / before, 1, 1e-10);
}

TEST(HadamardTransform, SizesWithoutOneAreRefusedByName) {
    try {
        HadamardTransform(std::vector<float>(33, 1.0f), at::kCPU, "model.layers.0.mlp.up_proj");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_NE(failure.error().message.find("33"), std::string::npos) << failure.error().message;
    }
}

}  // namespace
}  // namespace dwubit::lab
