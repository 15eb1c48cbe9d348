#include "lab/blocks/grid.h"

#include <gtest/gtest.h>

#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

using testing::gaussian;

// |x - y|^2 / |x|^2 of groups of 128 standard normal numbers.
double gaussian_distortion(const GridSpec& spec) {
    const at::Tensor x = gaussian(2048, 128, 11);
    const GroupGrid grid = fit_grid(x, {}, spec, "test");
    const at::Tensor y = grid_values(grid, grid_codes(grid, x, spec.bits));
    return ((x - y).square().sum() / x.square().sum()).item<double>();
}

// The figures for Gaussian groups of 128: known per rule, independent of this code.
TEST(Grid, DistortionOfGaussianGroupsIsTheKnownOne) {
    EXPECT_NEAR(gaussian_distortion({GridKind::kZero, ScaleRule::kAbsmax, 2}), 0.302, 0.009);
    EXPECT_NEAR(gaussian_distortion({GridKind::kZero, ScaleRule::kMinmax, 2}), 0.253, 0.008);
    EXPECT_NEAR(gaussian_distortion({GridKind::kZero, ScaleRule::kSearch, 2}), 0.1335, 0.004);
    EXPECT_NEAR(gaussian_distortion({GridKind::kMirror, ScaleRule::kSearch, 2}), 0.116, 0.003);
}

TEST(Grid, SearchIsNeverWorseThanTheFullRange) {
    for (const int bits : {2, 3, 4, 8}) {
        EXPECT_LE(gaussian_distortion({GridKind::kZero, ScaleRule::kSearch, bits}),
                  gaussian_distortion({GridKind::kZero, ScaleRule::kMinmax, bits}));
        EXPECT_LE(gaussian_distortion({GridKind::kMirror, ScaleRule::kSearch, bits}),
                  gaussian_distortion({GridKind::kMirror, ScaleRule::kAbsmax, bits}));
    }
}

TEST(Grid, SearchFindsALatticeThatTheNumbersLieOn) {
    // Values of one grid: scale 0.25, zero 1, codes 0..3.
    const at::Tensor codes = at::tensor({0, 1, 2, 3, 3, 2, 1, 0}, at::kFloat).repeat({1, 4});
    const at::Tensor x = (codes - 1) * 0.25;
    const GroupGrid grid = fit_grid(x, {}, {GridKind::kZero, ScaleRule::kSearch, 2}, "test");
    EXPECT_TRUE(at::equal(grid_values(grid, grid_codes(grid, x, 2)), x));
}

TEST(Grid, WeightsDecideWhatIsKept) {
    at::Tensor x = at::full({1, 32}, 0.1f);
    x[0][0] = 4.0f;
    const GridSpec spec = {GridKind::kMirror, ScaleRule::kSearch, 2};
    at::Tensor weights = at::full({32}, 1e-4f);
    weights[0] = 1.0f;
    const GroupGrid outlier = fit_grid(x, weights, spec, "test");
    EXPECT_NEAR(grid_values(outlier, grid_codes(outlier, x, 2))[0][0].item<float>(), 4.0f, 0.01f);
}

TEST(Grid, GroupsOfZerosAndScalesOfFloat16) {
    const GridSpec spec = {GridKind::kMirror, ScaleRule::kSearch, 2};
    const GroupGrid zeros = fit_grid(at::zeros({3, 32}), {}, spec, "test");
    EXPECT_TRUE(at::equal(grid_values(zeros, grid_codes(zeros, at::zeros({3, 32}), 2)), at::zeros({3, 32})));
    const GroupGrid grid = fit_grid(gaussian(16, 64, 12), {}, spec, "test");
    EXPECT_TRUE(at::equal(grid.scale, grid.scale.to(at::kHalf).to(at::kFloat)));
}

TEST(Grid, AWeightThatNeedsALargerScaleThanFloat16IsNamed) {
    try {
        fit_grid(at::full({1, 32}, 1e6f), {}, {GridKind::kMirror, ScaleRule::kAbsmax, 2}, "model.layers.0.o_proj");
        FAIL();
    } catch (const Failure& failure) {
        EXPECT_NE(failure.error().message.find("model.layers.0.o_proj"), std::string::npos);
    }
}

}  // namespace
}  // namespace dwubit::lab
