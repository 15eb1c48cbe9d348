// What every method of methods.inc keeps to, whatever it does: each one's recipes run over small matrices.
#include <gtest/gtest.h>

#include <set>

#include "lab/blocks/distortion.h"
#include "lab/blocks/test_matrices.h"
#include "lab/failure.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"

namespace dwubit::lab {
namespace {

using testing::correlated_hessian;
using testing::gaussian;

struct Shape2 {
    std::int64_t out;
    std::int64_t in;
};
// More rows than a unit of work, in multiples of 16 as tiles ask for; odd sizes, one row, fewer columns than most
// blocks have.
constexpr Shape2 kShapes[] = {{144, 256}, {33, 160}, {1, 64}, {12, 20}};

struct Outcome {
    at::Tensor weight;
    at::Tensor hessian;
    LinearSolution solution;
};

class MethodConformance : public ::testing::TestWithParam<const Method*> {
protected:
    const Method& method() const { return *GetParam(); }

    Parameters parameters(std::string_view recipe) const {
        Parameters resolved = resolve_parameters(method().id, method().options(), method().recipes(), recipe, {});
        if (method().validate != nullptr) method().validate(resolved);
        return resolved;
    }

    Outcome run(const at::Tensor& weight, const at::Tensor& hessian, std::string_view recipe, int threads) const {
        ThreadPool pool(threads);
        LabContext context{pool, no_progress(), "cpu", 7, [](std::string) {}};
        const Parameters resolved = parameters(recipe);
        const SiteProblem site = {0, Site::kDown, hessian};
        std::unique_ptr<PreparedSite> prepared;
        if (method().prepare != nullptr) prepared = method().prepare(site, resolved, context);
        const LinearProblem problem = {"test.weight", weight, 7};
        auto solutions = method().quantize(site, prepared.get(), {&problem, 1}, resolved, context);
        return {weight, hessian, std::move(solutions.at(0))};
    }

    Outcome run(const Shape2& shape, std::string_view recipe, int threads = 1) const {
        return run(gaussian(shape.out, shape.in, 41), correlated_hessian(shape.in, 3 * shape.in, 42), recipe, threads);
    }

    // Whether the method takes the shape; where it refuses, the message must name the linear.
    bool takes(const Shape2& shape, std::string_view recipe) const {
        if (method().check_shapes == nullptr) return true;
        try {
            const LinearShape linear = {"test.weight", shape.out, shape.in, false, {}};
            method().check_shapes({&linear, 1}, parameters(recipe));
            return true;
        } catch (const Failure& failure) {
            std::string text = failure.error().message;
            for (const std::string& context : failure.error().context) text += context;
            EXPECT_NE(text.find("test.weight"), std::string::npos) << text;
            return false;
        }
    }

    // What the linear does, in the model's basis.
    static at::Tensor weight_of(const LinearSolution& solution) {
        ThreadPool pool(1);
        return model_basis(solution.values, solution.in, solution.out, pool);
    }

    // The bytes that the format makes of the codes.
    static PackedTensor pack(const LinearSolution& solution) {
        return unwrap(unwrap(find_format(solution.format, solution.version))->pack(solution.codes));
    }

    static at::Tensor decode(const LinearSolution& solution) {
        const PackedTensor packed = pack(solution);
        const Format& format = *unwrap(find_format(packed.format, packed.version));
        const PackedView view = dwubit::view_of(packed);
        unwrap(check_packed(format, view, "test"));
        at::Tensor values = at::empty({packed.shape[0], packed.shape[1]}, at::kFloat);
        unwrap(format.bind(view))->dequantize(0, packed.shape[0], values.data_ptr<float>());
        return values;
    }
};

TEST_P(MethodConformance, DescribesItself) {
    std::set<std::string_view> names;
    for (const RecipeSpec& recipe : method().recipes()) {
        EXPECT_TRUE(names.insert(recipe.name).second) << recipe.name;
        EXPECT_NO_THROW(parameters(recipe.name)) << recipe.name;
        for (const auto& [key, value] : recipe.values) {
            EXPECT_TRUE(parameters(recipe.name).json().contains(std::string(key))) << key;
        }
    }
    EXPECT_EQ(names.count(method().default_recipe), 1U);
    for (const OptionSpec& option : method().options()) EXPECT_FALSE(option.help.empty()) << option.key;
    for (const char* format : method().formats) {
        const auto known = formats();
        EXPECT_TRUE(std::any_of(known.begin(), known.end(),
                                [&](const Format* f) { return f->id == std::string_view(format); }));
    }
}

TEST_P(MethodConformance, BytesDecodeToTheReportedValues) {
    for (const RecipeSpec& recipe : method().recipes()) {
        for (const Shape2& shape : kShapes) {
            if (!takes(shape, recipe.name)) continue;
            const Outcome outcome = run(shape, recipe.name);
            EXPECT_TRUE(at::equal(decode(outcome.solution), outcome.solution.values))
                << recipe.name << " [" << shape.out << ", " << shape.in << "]";
        }
    }
}

TEST_P(MethodConformance, TakesTheShapesOfModels) {
    for (const RecipeSpec& recipe : method().recipes()) {
        EXPECT_TRUE(takes(kShapes[0], recipe.name));
        EXPECT_TRUE(takes({14336, 4096}, recipe.name));
        EXPECT_TRUE(takes({576, 1536}, recipe.name));
    }
}

TEST_P(MethodConformance, SameBytesForAnyNumberOfThreads) {
    const PackedTensor one = pack(run(kShapes[0], method().default_recipe, 1).solution);
    const PackedTensor three = pack(run(kShapes[0], method().default_recipe, 3).solution);
    ASSERT_EQ(one.buffers.size(), three.buffers.size());
    for (std::size_t i = 0; i < one.buffers.size(); ++i) EXPECT_EQ(one.buffers[i].bytes, three.buffers[i].bytes);
}

// Several linears of different heights, as q, k and v are.
TEST_P(MethodConformance, SolvesTheLinearsOfASiteInOrder) {
    const at::Tensor hessian = correlated_hessian(96, 300, 45);
    const std::vector<LinearProblem> linears = {{"a", gaussian(48, 96, 46), 1}, {"b", gaussian(144, 96, 47), 2}};
    ThreadPool pool(2);
    LabContext context{pool, no_progress(), "cpu", 7, [](std::string) {}};
    const Parameters resolved = parameters(method().default_recipe);
    const SiteProblem site = {0, Site::kUp, hessian};
    std::unique_ptr<PreparedSite> prepared;
    if (method().prepare != nullptr) prepared = method().prepare(site, resolved, context);
    const auto solutions = method().quantize(site, prepared.get(), linears, resolved, context);
    ASSERT_EQ(solutions.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(solutions[i].codes.shape, (Shape{linears[i].weight.size(0), 96}));
        EXPECT_TRUE(at::equal(decode(solutions[i]), solutions[i].values));
        EXPECT_LT(measure_distortion(linears[i].weight, weight_of(solutions[i]), hessian).relative_proxy, 0.3);
    }
}

// At the method's own bits; a method that uses the Hessian must gain by it.
TEST_P(MethodConformance, IsNoWorseThanRoundingToNearest) {
    const Method& control = find_method("rtn");
    for (const RecipeSpec& recipe : method().recipes()) {
        const Outcome outcome = run(kShapes[0], recipe.name);
        ThreadPool pool(1);
        LabContext context{pool, no_progress(), "cpu", 7, [](std::string) {}};
        const Parameters plain =
            resolve_parameters("rtn", control.options(), control.recipes(), control.default_recipe, {});
        const SiteProblem site = {0, Site::kDown, outcome.hessian};
        const LinearProblem problem = {"test", outcome.weight, 7};
        const LinearSolution nearest = control.quantize(site, nullptr, {&problem, 1}, plain, context).at(0);
        const double loss = proxy_loss(outcome.weight, weight_of(outcome.solution), outcome.hessian);
        const double control_loss = proxy_loss(outcome.weight, nearest.values, outcome.hessian);
        EXPECT_LT(loss, (method().needs_hessians ? 1.0 : 1.3) * control_loss) << recipe.name;
    }
}

TEST_P(MethodConformance, DeadChannelsZeroRowsAndZeroHessians) {
    at::Tensor weight = gaussian(16, 96, 43);
    weight[3].zero_();
    at::Tensor hessian = correlated_hessian(96, 300, 44);
    hessian[10].zero_();
    hessian.select(1, 10).zero_();
    for (const at::Tensor& h : {hessian, at::zeros({96, 96}, at::kDouble)}) {
        const Outcome outcome = run(weight, h, method().default_recipe, 1);
        EXPECT_TRUE(at::isfinite(outcome.solution.values).all().item<bool>());
        EXPECT_TRUE(at::equal(decode(outcome.solution), outcome.solution.values));
        const at::Tensor row = weight_of(outcome.solution)[3];
        if (outcome.solution.out.map == nullptr) {
            EXPECT_EQ(row.abs().max().item<float>(), 0.0f);
        } else {  // the errors of the other rows are spread over it
            EXPECT_LT(row.square().mean().item<float>(), 0.3f);
        }
    }
}

std::string test_name(const ::testing::TestParamInfo<const Method*>& info) {
    std::string name = info.param->id;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(All, MethodConformance, ::testing::ValuesIn(methods().begin(), methods().end()), test_name);

}  // namespace
}  // namespace dwubit::lab
