#include <gtest/gtest.h>

#include <limits>

#include "lab/blocks/test_matrices.h"
#include "lab/methods/test_method.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;
using testing::refusal;
using testing::relative_proxy;

const Method& method() {
    return find_method("quip-sharp");
}

Parameters parameters(const testing::Settings& settings, std::string_view recipe = "e8p") {
    return testing::parameters_of(method(), recipe, settings);
}

std::vector<LinearSolution> solve(const at::Tensor& hessian, const std::vector<LinearProblem>& linears,
                                  const Parameters& resolved, std::uint64_t seed = 7) {
    return testing::solve(method(), hessian, linears, resolved, seed);
}

// Sizes whose matrices are not symmetric on both sides: T and TT are not the same.
TEST(QuipSharp, LosesLittleInTheModelsBasis) {
    const at::Tensor hessian = correlated_hessian(96, 400, 1);
    const std::vector<LinearProblem> linears = {{"a", gaussian(48, 96, 2), 1}, {"b", gaussian(80, 96, 3), 2}};
    std::vector<double> before(2, std::numeric_limits<double>::infinity());
    for (const char* recipe : {"e8p", "e8p-3bit", "e8p-4bit"}) {
        const auto solutions = solve(hessian, linears, parameters({}, recipe));
        for (std::size_t i = 0; i < 2; ++i) {
            const double loss = relative_proxy(linears[i], solutions[i], hessian);
            EXPECT_LT(loss, 0.1) << recipe;
            EXPECT_LT(loss, 0.5 * before[i]) << recipe;
            before[i] = loss;
        }
    }
}

TEST(QuipSharp, OutliersAreSpreadOut) {
    at::Tensor weight = gaussian(64, 128, 4);
    weight[5][7] = 60;
    const at::Tensor hessian = correlated_hessian(128, 500, 5);
    const LinearProblem linear = {"a", weight, 1};
    EXPECT_LT(relative_proxy(linear, solve(hessian, {linear}, parameters({})).at(0), hessian), 0.1);
}

TEST(QuipSharp, SweepsAndTheSearchedScaleLower) {
    const at::Tensor hessian = correlated_hessian(128, 400, 6);
    const LinearProblem linear = {"a", gaussian(128, 128, 7), 1};
    const auto loss = [&](const testing::Settings& settings) {
        return relative_proxy(linear, solve(hessian, {linear}, parameters(settings, "released")).at(0), hessian);
    };
    const double none = loss({{"sweeps", "0"}});
    const double ten = loss({});
    EXPECT_LT(ten, 0.99 * none);
    EXPECT_LT(loss({{"scale", "search"}}), 1.01 * ten);
    EXPECT_GT(loss({{"rho", "0.5"}}), 1.1 * ten);
}

TEST(QuipSharp, StackedLinearsLoseAsMuchAsSingleOnes) {
    const at::Tensor hessian = correlated_hessian(64, 300, 8);
    const std::vector<LinearProblem> linears = {{"a", gaussian(160, 64, 9), 1}, {"b", gaussian(64, 64, 10), 2}};
    const auto together = solve(hessian, linears, parameters({}));
    const auto alone = solve(hessian, linears, parameters({{"stack", "linear"}}));
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_NEAR(relative_proxy(linears[i], together[i], hessian) / relative_proxy(linears[i], alone[i], hessian), 1,
                    1e-3);
        EXPECT_EQ(together[i].details, alone[i].details);
    }
    // One input, one transform; each output its own.
    EXPECT_EQ(together[0].in.fields[0].bytes, together[1].in.fields[0].bytes);
    EXPECT_EQ(together[0].out.fields[0].name, "sign_out");
}

// Up before gate, as QuIP#'s files have it; each linear's own size in the factors of the output.
TEST(QuipSharp, FusedLinearsAreOneMatrix) {
    const at::Tensor hessian = correlated_hessian(64, 300, 8);
    const std::vector<LinearProblem> linears = {{"m.gate_proj", gaussian(160, 64, 9), 1},
                                                {"m.up_proj", gaussian(96, 64, 10) * 0.1, 2}};
    const auto solutions = solve(hessian, linears, parameters({}, "fused"));
    ASSERT_EQ(solutions.size(), 1U);
    EXPECT_EQ(solutions[0].fused, "m.upgate_proj");
    EXPECT_EQ(solutions[0].parts, (std::vector<std::size_t>{1, 0}));
    ThreadPool pool(1);
    const at::Tensor weight = model_basis(solutions[0].values, solutions[0].in, solutions[0].out, pool);
    ASSERT_EQ(weight.size(0), 256);
    EXPECT_LT(measure_distortion(linears[1].weight, weight.slice(0, 0, 96), hessian).relative_proxy, 0.1);
    EXPECT_LT(measure_distortion(linears[0].weight, weight.slice(0, 96, 256), hessian).relative_proxy, 0.1);
    const std::vector<LinearShape> shapes = {{"m.gate_proj", 160, 64, false, {}}, {"m.up_proj", 1, 64, false, {}}};
    EXPECT_NE(refusal([&] { method().check_shapes(shapes, parameters({}, "fused")); }).find("161"), std::string::npos);
}

TEST(QuipSharp, SignsComeFromTheSeed) {
    const at::Tensor hessian = correlated_hessian(64, 300, 11);
    const LinearProblem linear = {"a", gaussian(64, 64, 12), 1};
    const auto signs = [&](std::uint64_t seed) {
        return solve(hessian, {linear}, parameters({}), seed).at(0).in.fields.at(0).bytes;
    };
    EXPECT_EQ(signs(1), signs(1));
    EXPECT_NE(signs(1), signs(2));
}

TEST(QuipSharp, WeightsOfZerosStayZero) {
    const at::Tensor hessian = correlated_hessian(32, 100, 13);
    const LinearProblem linear = {"a", at::zeros({16, 32}), 1};
    EXPECT_EQ(solve(hessian, {linear}, parameters({})).at(0).values.abs().max().item<float>(), 0);
}

TEST(QuipSharp, BadHessiansNameLayerAndSite) {
    const LinearProblem linear = {"a", gaussian(16, 32, 14), 1};
    at::Tensor infinite = correlated_hessian(32, 100, 15);
    infinite[3][3] = std::numeric_limits<double>::infinity();
    at::Tensor negative = correlated_hessian(32, 100, 15);
    negative[3][3] = -1;
    for (const auto& [hessian, what] : {std::pair{infinite, "infinite"}, std::pair{negative, "negative"}}) {
        const std::string text = refusal([&] { solve(hessian, {linear}, parameters({})); });
        EXPECT_NE(text.find("layer 3, site up"), std::string::npos) << text;
        EXPECT_NE(text.find(what), std::string::npos) << text;
    }
}

TEST(QuipSharp, SizesWithoutATransformAreRefusedWithTheNearestOnes) {
    const LinearShape linear = {"model.layers.0.mlp.up_proj", 10920, 64, false, {}};
    const std::string text = refusal([&] { method().check_shapes({&linear, 1}, parameters({})); });
    EXPECT_NE(text.find("outputs of model.layers.0.mlp.up_proj"), std::string::npos) << text;
    EXPECT_NE(text.find("10920"), std::string::npos) << text;
    EXPECT_NE(text.find("nearest"), std::string::npos) << text;
}

TEST(QuipSharp, SettingsThatDoNotGoTogether) {
    EXPECT_NE(refusal([] { parameters({{"bits", "5"}}); }).find("2 to 4"), std::string::npos);
    EXPECT_NE(refusal([] { parameters({{"residual", "3"}}); }).find("one stage"), std::string::npos);
    EXPECT_NE(refusal([] {
                  parameters({{"bits", "3"}, {"residual", "0.5"}});
              }).find("from 1 to 64"),
              std::string::npos);
}

}  // namespace
}  // namespace dwubit::lab
