#include "lab/blocks/ldlq.h"

#include <gtest/gtest.h>

#include "lab/blocks/distortion.h"
#include "lab/blocks/test_matrices.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

// Whole numbers; the code of a row is the sum of its block's. Tiles of `rows` rows take their values together in name
// only.
class WholeNumbers final : public BlockQuantizer {
public:
    explicit WholeNumbers(std::int64_t columns, std::int64_t rows = 1) : columns_(columns), rows_(rows) {}
    std::int64_t columns() const override { return columns_; }
    std::int64_t rows() const override { return rows_; }
    void quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const override {
        at::round_out(value, target);
        codes.copy_(value.sum(0, /*keepdim=*/true).to(at::kInt));
    }

private:
    std::int64_t columns_;
    std::int64_t rows_;
};

// The method as it is written down, one row after the other, in float64 and from the inverse of nothing: L by solving
// for each block's columns.
at::Tensor plain_ldlq(const at::Tensor& weight, const at::Tensor& hessian, std::int64_t block) {
    const std::int64_t n = hessian.size(0);
    const at::Tensor factor = at::linalg_cholesky(hessian);
    at::Tensor lower = at::eye(n, at::kDouble);
    for (std::int64_t first = 0; first < n; first += block) {
        const std::int64_t end = std::min(n, first + block);
        const at::Tensor corner = factor.slice(0, first, end).slice(1, first, end);
        lower.slice(0, end)
            .slice(1, first, end)
            .copy_(at::mm(factor.slice(0, end).slice(1, first, end), at::linalg_inv(corner)));
    }
    const at::Tensor source = weight.to(at::kDouble);
    at::Tensor values = source.clone();
    for (std::int64_t first = (n - 1) / block * block; first >= 0; first -= block) {
        const std::int64_t end = std::min(n, first + block);
        at::Tensor target = source.slice(1, first, end).clone();
        for (std::int64_t j = end; j < n; ++j) {
            const at::Tensor error = source.select(1, j) - values.select(1, j);
            target += at::outer(error, lower[j].slice(0, first, end));
        }
        values.slice(1, first, end).copy_(at::round(target));
    }
    return values;
}

at::Tensor damped(const at::Tensor& hessian, double damping) {
    return hessian + damping * hessian.diagonal().mean() * at::eye(hessian.size(0), at::kDouble);
}

TEST(Ldlq, GivesTheBlocksOfThePlainAlgorithm) {
    for (const auto& [n, block] :
         {std::pair{300, 8}, std::pair{160, 16}, std::pair{20, 8}, std::pair{7, 8}, std::pair{130, 48}}) {
        const at::Tensor hessian = correlated_hessian(n, 3 * n, 5);
        const at::Tensor weight = gaussian(20, n, 6) * 3;
        const BlockFeedback feedback = make_block_feedback(hessian.clone(), block, 0.01, false, "test");
        const BlockSolution solution = quantize_blocks(weight, feedback, WholeNumbers(block), 0);
        const at::Tensor expected = plain_ldlq(weight, damped(hessian, 0.01), block);
        // float32 against float64: a tie may fall to the other side, and what follows in its row differs too.
        const double same = (solution.values.to(at::kDouble) == expected).to(at::kDouble).mean().item<double>();
        EXPECT_GT(same, 0.98) << n << ", blocks of " << block;
        EXPECT_EQ(solution.codes.size(0), (n + block - 1) / block);
        // The codes are those of the values.
        const at::Tensor first = solution.values.slice(1, 0, std::min(n, block)).sum(1).to(at::kInt);
        EXPECT_TRUE(at::equal(solution.codes[0][0], first));
    }
}

TEST(Ldlq, IdentityIsPlainRounding) {
    const at::Tensor weight = gaussian(9, 40, 11) * 3;
    const BlockFeedback feedback = make_block_feedback(at::eye(40, at::kDouble), 8, 0.01, true, "test");
    EXPECT_TRUE(at::equal(quantize_blocks(weight, feedback, WholeNumbers(8), 3).values, at::round(weight)));
}

TEST(Ldlq, LossesAreThoseOfTheDampedHessian) {
    for (const std::int64_t n : {64, 67, 1300}) {
        const at::Tensor hessian = correlated_hessian(n, 2 * n, 7);
        const at::Tensor errors = gaussian(10, n, 8);
        const BlockFeedback feedback = make_block_feedback(hessian.clone(), 8, 0.01, true, "test");
        const at::Tensor losses = block_losses(errors.t().contiguous(), feedback);
        const at::Tensor exact = errors.to(at::kDouble);
        const at::Tensor expected = (at::mm(exact, damped(hessian, 0.01)) * exact).sum(1);
        EXPECT_LT(((losses - expected) / expected).abs().max().item<double>(), 1e-4) << n;
    }
}

TEST(Ldlq, LosesLessThanRoundingAndSweepsLoseLessYet) {
    for (const std::int64_t n : {256, 100}) {
        const at::Tensor hessian = correlated_hessian(n, 3 * n, 9);
        const at::Tensor weight = gaussian(32, n, 10) * 2;
        const BlockFeedback feedback = make_block_feedback(hessian.clone(), 8, 0.01, true, "test");
        const at::Tensor one_pass = quantize_blocks(weight, feedback, WholeNumbers(8), 0).values;
        const BlockSolution swept = quantize_blocks(weight, feedback, WholeNumbers(8), 10);
        const at::Tensor h = damped(hessian, 0.01);
        EXPECT_LT(proxy_loss(weight, one_pass, h), 0.85 * proxy_loss(weight, at::round(weight), h));
        EXPECT_LT(proxy_loss(weight, swept.values, h), 0.99 * proxy_loss(weight, one_pass, h));
        EXPECT_GE(swept.sweeps, 1);
        // Row by row none is worse.
        for (std::int64_t r = 0; r < 32; ++r) {
            const at::Tensor row = weight.slice(0, r, r + 1);
            EXPECT_LE(proxy_loss(row, swept.values.slice(0, r, r + 1), h),
                      (1 + 1e-5) * proxy_loss(row, one_pass.slice(0, r, r + 1), h));
        }
    }
}

// Where no block can move without raising the loss, a sweep changes nothing.
TEST(Ldlq, SweepsOfOneColumnReachTheMinimumOfEachCoordinate) {
    const at::Tensor hessian = correlated_hessian(40, 200, 12);
    const at::Tensor weight = gaussian(6, 40, 13) * 2;
    const BlockFeedback feedback = make_block_feedback(hessian.clone(), 1, 0.01, true, "test");
    const at::Tensor values = quantize_blocks(weight, feedback, WholeNumbers(1), 100).values;
    const at::Tensor h = damped(hessian, 0.01);
    const double loss = proxy_loss(weight, values, h);
    for (std::int64_t r = 0; r < 6; ++r) {
        for (std::int64_t c = 0; c < 40; ++c) {
            for (const float step : {-1.0f, 1.0f}) {
                at::Tensor moved = values.clone();
                moved[r][c] += step;
                EXPECT_GE(proxy_loss(weight, moved, h), loss * (1 - 1e-6));
            }
        }
    }
}

TEST(Ldlq, TilesKeepTheirBestIterateTogether) {
    const at::Tensor hessian = correlated_hessian(64, 200, 14);
    const at::Tensor weight = gaussian(21, 64, 15) * 2;
    const BlockFeedback feedback = make_block_feedback(hessian.clone(), 16, 0.01, true, "test");
    const at::Tensor h = damped(hessian, 0.01);
    const at::Tensor one_pass = quantize_blocks(weight, feedback, WholeNumbers(16), 0).values;
    const at::Tensor swept = quantize_blocks(weight, feedback, WholeNumbers(16, 16), 4).values;
    for (const auto& [first, end] : {std::pair{0, 16}, std::pair{16, 21}}) {
        const at::Tensor rows = weight.slice(0, first, end);
        EXPECT_LE(proxy_loss(rows, swept.slice(0, first, end), h),
                  (1 + 1e-5) * proxy_loss(rows, one_pass.slice(0, first, end), h));
    }
}

TEST(Ldlq, HessianOfZerosIsPlainRounding) {
    const at::Tensor weight = gaussian(5, 24, 16) * 3;
    const BlockFeedback feedback = make_block_feedback(at::zeros({24, 24}, at::kDouble), 8, 0.01, true, "test");
    EXPECT_TRUE(at::equal(quantize_blocks(weight, feedback, WholeNumbers(8), 2).values, at::round(weight)));
}

}  // namespace
}  // namespace dwubit::lab
