#include <gtest/gtest.h>

#include <limits>

#include "lab/blocks/test_matrices.h"
#include "lab/kernels/hyb_table.h"
#include "lab/methods/test_method.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;
using testing::refusal;
using testing::relative_proxy;

const Method& method() {
    return find_method("qtip");
}

Parameters parameters(std::string_view recipe, const testing::Settings& settings = {}) {
    return testing::parameters_of(method(), recipe, settings);
}

std::vector<LinearSolution> solve(const at::Tensor& hessian, const std::vector<LinearProblem>& linears,
                                  const Parameters& resolved, std::uint64_t seed = 7) {
    return testing::solve(method(), hessian, linears, resolved, seed);
}

// Sizes whose matrices are not symmetric on both sides: T and TT are not the same. Each bit more takes the loss to
// about a quarter.
TEST(Qtip, LosesLittleInTheModelsBasis) {
    const at::Tensor hessian = correlated_hessian(96, 400, 1);
    const std::vector<LinearProblem> linears = {{"a", gaussian(48, 96, 2), 1}, {"b", gaussian(80, 96, 3), 2}};
    std::vector<double> before(2, std::numeric_limits<double>::infinity());
    for (const char* bits : {"1", "2", "3", "4"}) {
        const auto solutions = solve(hessian, linears, parameters("mul1", {{"bits", bits}}));
        for (std::size_t i = 0; i < 2; ++i) {
            const double loss = relative_proxy(linears[i], solutions[i], hessian);
            EXPECT_LT(loss, 0.3) << bits;
            EXPECT_LT(loss, 0.4 * before[i]) << bits;
            before[i] = loss;
        }
    }
}

// Without anything to feed back: what the codes lose on a Gaussian (HYB some 3 % more), and the lattice of QuIP#.
TEST(Qtip, CodesAreAsGoodAsEachOtherAndBetterThanALattice) {
    const at::Tensor hessian = at::eye(96, at::kDouble);
    const LinearProblem linear = {"a", gaussian(144, 96, 5), 1};
    const auto loss = [&](std::string_view recipe) {
        return relative_proxy(linear, solve(hessian, {linear}, parameters(recipe)).at(0), hessian);
    };
    const double mul1 = loss("mul1");
    EXPECT_NEAR(loss("3inst") / mul1, 1, 0.03);
    EXPECT_NEAR(loss("1mad") / mul1, 1, 0.03);
    EXPECT_NEAR(loss("hyb") / mul1, 1.03, 0.04);
    const Method& lattice = find_method("quip-sharp");
    const auto solutions = testing::solve(lattice, hessian, {linear}, testing::parameters_of(lattice, "e8p"));
    EXPECT_LT(mul1, 0.85 * relative_proxy(linear, solutions.at(0), hessian));
}

TEST(Qtip, ScalesFarFromTheBestLoseAndSearchingFindsIt) {
    const at::Tensor hessian = correlated_hessian(96, 400, 6);
    const LinearProblem linear = {"a", gaussian(96, 96, 7), 1};
    const auto solved = [&](const testing::Settings& settings) {
        return solve(hessian, {linear}, parameters("mul1", settings)).at(0);
    };
    const auto loss = [&](const LinearSolution& solution) { return relative_proxy(linear, solution, hessian); };
    const LinearSolution fixed = solved({});
    EXPECT_EQ(fixed.details["rho"], parameters("mul1").number("rho"));
    EXPECT_GT(loss(solved({{"rho", "0.5"}})), 1.2 * loss(fixed));
    const LinearSolution searched = solved({{"scale", "search"}, {"rho", "0.5"}});
    EXPECT_LT(loss(searched), 1.02 * loss(fixed));
    EXPECT_LE(loss(solved({{"sweeps", "2"}})), loss(fixed));
}

// Up before gate; q, k, v and up, gate need a multiple of 16 together alone.
TEST(Qtip, FusedLinearsAreOneMatrix) {
    const at::Tensor hessian = correlated_hessian(64, 300, 8);
    const std::vector<LinearProblem> linears = {{"m.gate_proj", gaussian(88, 64, 9), 1},
                                                {"m.up_proj", gaussian(40, 64, 10) * 0.1, 2}};
    const auto solutions = solve(hessian, linears, parameters("fused"));
    ASSERT_EQ(solutions.size(), 1U);
    EXPECT_EQ(solutions[0].fused, "m.upgate_proj");
    EXPECT_EQ(solutions[0].parts, (std::vector<std::size_t>{1, 0}));
    EXPECT_EQ(solutions[0].codes.shape, (Shape{128, 64}));
    ThreadPool pool(1);
    const at::Tensor weight = model_basis(solutions[0].values, solutions[0].in, solutions[0].out, pool);
    EXPECT_LT(measure_distortion(linears[1].weight, weight.slice(0, 0, 40), hessian).relative_proxy, 0.1);
    EXPECT_LT(measure_distortion(linears[0].weight, weight.slice(0, 40, 128), hessian).relative_proxy, 0.1);
    const std::vector<LinearShape> shapes = {{"m.gate_proj", 88, 64, false, {}}, {"m.up_proj", 40, 64, false, {}}};
    method().check_shapes(shapes, parameters("fused"));
    EXPECT_NE(refusal([&] { method().check_shapes(shapes, parameters("mul1")); }).find("outputs of m.gate_proj: 88"),
              std::string::npos);
}

TEST(Qtip, StackedLinearsAreThoseOfOneAfterTheOther) {
    const at::Tensor hessian = correlated_hessian(64, 300, 11);
    const std::vector<LinearProblem> linears = {{"a", gaussian(160, 64, 12), 1}, {"b", gaussian(64, 64, 13), 2}};
    const auto together = solve(hessian, linears, parameters("mul1"));
    const auto alone = solve(hessian, linears, parameters("mul1", {{"stack", "linear"}}));
    for (std::size_t i = 0; i < 2; ++i) {
        const double ratio =
            relative_proxy(linears[i], together[i], hessian) / relative_proxy(linears[i], alone[i], hessian);
        EXPECT_NEAR(ratio, 1, 2e-3);
        EXPECT_EQ(together[i].details, alone[i].details);
    }
}

TEST(Qtip, HybBringsItsTable) {
    const at::Tensor hessian = correlated_hessian(32, 100, 14);
    const LinearProblem linear = {"a", gaussian(16, 32, 15), 1};
    const LinearSolution hyb = solve(hessian, {linear}, parameters("released")).at(0);
    ASSERT_NE(hyb.codes.find("codebook.0"), nullptr);
    const auto table = hyb.codes.find("codebook.0")->as<std::uint16_t>();
    EXPECT_TRUE(std::equal(table.begin(), table.end(), hyb_table().begin(), hyb_table().end()));
    EXPECT_EQ(solve(hessian, {linear}, parameters("mul1")).at(0).codes.find("codebook.0"), nullptr);
}

TEST(Qtip, WeightsOfZerosStayZero) {
    const at::Tensor hessian = correlated_hessian(32, 100, 16);
    const LinearProblem linear = {"a", at::zeros({16, 32}), 1};
    EXPECT_EQ(solve(hessian, {linear}, parameters("mul1")).at(0).values.abs().max().item<float>(), 0);
}

TEST(Qtip, ShapesThatDoNotFitAreRefusedByName) {
    const auto text_of = [](std::int64_t out, std::int64_t in) {
        const LinearShape linear = {"model.layers.0.mlp.up_proj", out, in, false, {}};
        return refusal([&] { method().check_shapes({&linear, 1}, parameters("mul1")); });
    };
    const std::string inputs = text_of(64, 20);
    EXPECT_NE(inputs.find("inputs of model.layers.0.mlp.up_proj: 20 is no multiple of 16"), std::string::npos)
        << inputs;
    const std::string outputs = text_of(10920, 64);
    EXPECT_NE(outputs.find("outputs of model.layers.0.mlp.up_proj: 10920"), std::string::npos) << outputs;
    const std::string hadamard = text_of(13 * 11 * 16, 64);
    EXPECT_NE(hadamard.find("no Hadamard matrix"), std::string::npos) << hadamard;
    EXPECT_NE(hadamard.find("outputs of model.layers.0.mlp.up_proj"), std::string::npos) << hadamard;
}

TEST(Qtip, UnknownSettingsAreRefused) {
    EXPECT_NE(refusal([] { parameters("mul1", {{"bits", "5"}}); }).find("1 to 4"), std::string::npos);
    EXPECT_NE(refusal([] { parameters("mul1", {{"code", "mul2"}}); }).find("mul1"), std::string::npos);
}

}  // namespace
}  // namespace dwubit::lab
