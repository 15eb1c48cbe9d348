#include "lab/blocks/feedback.h"

#include <gtest/gtest.h>

#include "lab/blocks/distortion.h"
#include "lab/blocks/test_matrices.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

// Rounds to whole numbers.
class WholeNumbers final : public ColumnQuantizer {
public:
    void begin_group(std::int64_t, const at::Tensor&) override {}
    void quantize(std::int64_t, const at::Tensor& target, at::Tensor& value) override { at::round_out(value, target); }
};

// GPTQ as its paper states it, with the inverse's Cholesky factor, in float64.
at::Tensor gptq_by_the_paper(const at::Tensor& weight, const at::Tensor& hessian) {
    const at::Tensor inverse = at::linalg_inv(hessian);
    const at::Tensor upper = at::linalg_cholesky(inverse).t();
    at::Tensor rest = weight.to(at::kDouble).clone();
    at::Tensor values = at::zeros_like(rest);
    for (std::int64_t k = 0; k < weight.size(1); ++k) {
        const at::Tensor rounded = at::round(rest.select(1, k));
        const at::Tensor error = (rest.select(1, k) - rounded) / upper[k][k];
        values.select(1, k).copy_(rounded);
        rest.slice(1, k) -= at::outer(error, upper[k].slice(0, k));
    }
    return values;
}

std::vector<ColumnGroup> groups_of(std::int64_t n, std::int64_t size) {
    std::vector<ColumnGroup> groups;
    for (std::int64_t first = 0; first < n; first += size) groups.push_back({first, std::min(size, n - first)});
    return groups;
}

TEST(Feedback, GivesTheColumnsOfThePapersAlgorithm) {
    constexpr std::int64_t kColumns = 300;  // several blocks, the last one short
    const at::Tensor hessian = correlated_hessian(kColumns, 900, 5);
    const at::Tensor weight = gaussian(20, kColumns, 6) * 3;
    const Feedback feedback = make_feedback(hessian, 0, "test");
    const at::Tensor expected = gptq_by_the_paper(weight, hessian);
    for (const std::int64_t group : {32, 128, 300}) {
        WholeNumbers quantizer;
        const at::Tensor values = quantize_columns(weight, feedback, groups_of(kColumns, group), quantizer);
        // float32 against float64: a tie may fall to the other side, and what follows in its row differs too.
        const double same = (values.to(at::kDouble) == expected).to(at::kDouble).mean().item<double>();
        EXPECT_GT(same, 0.98) << "group " << group;
        EXPECT_LT(proxy_loss(weight, values, hessian), 1.02 * proxy_loss(weight, expected.to(at::kFloat), hessian));
    }
}

TEST(Feedback, ProxyLossIsTheWeightedSumOfColumnErrors) {
    const at::Tensor hessian = correlated_hessian(64, 300, 7);
    const at::Tensor weight = gaussian(10, 64, 8) * 2;
    const Feedback feedback = make_feedback(hessian, 0, "test");
    WholeNumbers quantizer;
    const at::Tensor values = quantize_columns(weight, feedback, groups_of(64, 32), quantizer);
    const at::Tensor errors = (weight - values).to(at::kDouble);
    const at::Tensor unit = feedback.matrix.to(at::kDouble) + at::eye(64, at::kDouble);
    const double by_columns = (at::mm(errors, unit).square() * feedback.weights.to(at::kDouble)).sum().item<double>();
    EXPECT_NEAR(by_columns / proxy_loss(weight, values, hessian), 1.0, 1e-5);
}

TEST(Feedback, LosesLessThanRoundingToNearest) {
    const at::Tensor hessian = correlated_hessian(128, 500, 9);
    const at::Tensor weight = gaussian(32, 128, 10) * 2;
    WholeNumbers quantizer;
    const at::Tensor values =
        quantize_columns(weight, make_feedback(hessian, 0.01, "test"), groups_of(128, 64), quantizer);
    EXPECT_LT(proxy_loss(weight, values, hessian), 0.7 * proxy_loss(weight, at::round(weight), hessian));
}

}  // namespace
}  // namespace dwubit::lab
