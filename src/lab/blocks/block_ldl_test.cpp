#include "lab/blocks/block_ldl.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;

double largest(const at::Tensor& matrix) {
    return matrix.abs().max().item<double>();
}

TEST(BlockLdl, MultipliesToTheDampedHessian) {
    for (const auto& [n, block] :
         {std::pair{64, 8}, std::pair{70, 8}, std::pair{5, 8}, std::pair{48, 16}, std::pair{9, 1}}) {
        const at::Tensor hessian = correlated_hessian(n, 4 * n, 3);
        const at::Tensor before = hessian.clone();
        const BlockLdl ldl = block_ldl(hessian, block, 0.01, "test");
        EXPECT_TRUE(at::equal(hessian, before));
        EXPECT_EQ(ldl.damping, 0.01);
        at::Tensor diagonal = at::zeros_like(hessian);
        const Blocks blocks{n, block};
        for (std::int64_t k = 0; k < blocks.count(); ++k) {
            const std::int64_t first = blocks.first(k);
            const std::int64_t width = blocks.end(k) - first;
            diagonal.slice(0, first, first + width)
                .slice(1, first, first + width)
                .copy_(ldl.diagonal[k].slice(0, 0, width).slice(1, 0, width));
            // Nothing on and above the diagonal block.
            EXPECT_EQ(largest(ldl.lower.slice(0, 0, first + width).slice(1, first, first + width)), 0) << n << ' ' << k;
        }
        const at::Tensor unit = ldl.lower + at::eye(n, at::kDouble);
        const at::Tensor damped = hessian + 0.01 * hessian.diagonal().mean() * at::eye(n, at::kDouble);
        EXPECT_LT(largest(at::mm(at::mm(unit, diagonal), unit.t()) - damped), 1e-12 * largest(damped)) << n;
    }
}

TEST(BlockLdl, DiagonalBlocksOfAnyMatrix) {
    const at::Tensor matrix = at::arange(49, at::kDouble).view({7, 7});
    const at::Tensor found = diagonal_blocks(matrix, {7, 3});
    ASSERT_EQ(found.size(0), 3);
    EXPECT_TRUE(at::equal(found[0], matrix.slice(0, 0, 3).slice(1, 0, 3)));
    EXPECT_TRUE(at::equal(found[1], matrix.slice(0, 3, 6).slice(1, 3, 6)));
    at::Tensor last = at::eye(3, at::kDouble);
    last[0][0] = 48;
    EXPECT_TRUE(at::equal(found[2], last));
}

TEST(BlockLdl, DampsUntilItSucceeds) {
    // Rank 1, asked for no damping.
    const at::Tensor ones = at::ones({16, 16}, at::kDouble);
    const BlockLdl ldl = block_ldl(ones, 8, 0, "test");
    EXPECT_GT(ldl.damping, 0);
    EXPECT_TRUE(at::isfinite(ldl.lower).all().item<bool>());
}

TEST(BlockLdl, HessianOfZerosGivesNoFeedback) {
    const BlockLdl ldl = block_ldl(at::zeros({20, 20}, at::kDouble), 8, 0.01, "test");
    EXPECT_EQ(largest(ldl.lower), 0);
    EXPECT_EQ(ldl.damping, 0);
}

TEST(BlockLdl, InfinityIsAnErrorOfTheDataThatNamesThePlace) {
    at::Tensor hessian = correlated_hessian(16, 40, 3);
    hessian[3][4] = std::numeric_limits<double>::infinity();
    try {
        block_ldl(hessian, 8, 0.01, "layer 3, site down");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.error().kind, ErrorKind::kInvalidInput);
        EXPECT_NE(failure.error().message.find("layer 3, site down"), std::string::npos);
    }
}

}  // namespace
}  // namespace dwubit::lab
