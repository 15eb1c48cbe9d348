// Round to nearest: each group's grid by itself, no calibration. The control that every other method must beat.
#include "lab/methods/method.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/blocks/uniform_codes.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"uniform_group"};

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = uniform_options();
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {
        {"g128", {}}, {"g64", {{"group", 64}}}, {"channel", {{"group", 0}}}};
    return kRecipes;
}

LinearSolution quantize_one(const LinearProblem& problem, const Parameters& parameters, LabContext& context) {
    const std::int64_t rows = problem.weight.size(0);
    const std::int64_t columns = problem.weight.size(1);
    const GridSpec spec = grid_spec(parameters);
    const auto groups = column_groups(columns, parameters.integer("group"));
    UniformCodes found(rows, columns, parameters, problem.weight.device(), {});
    at::Tensor values = at::empty_like(problem.weight);
    parallel_rows(rows, problem.weight.device(), context.pool, [&](std::int64_t first, std::int64_t count) {
        const at::Tensor block = problem.weight.slice(0, first, first + count);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            const at::Tensor targets = block.slice(1, groups[g].first, groups[g].first + groups[g].count).contiguous();
            const GroupGrid grid = fit_grid(targets, {}, spec, problem.name);
            const at::Tensor codes = grid_codes(grid, targets, spec.bits);
            found.set_grid(first, static_cast<std::int64_t>(g), grid);
            found.set_codes(first, groups[g].first, codes);
            values.slice(0, first, first + count)
                .slice(1, groups[g].first, groups[g].first + groups[g].count)
                .copy_(grid_values(grid, codes));
        }
    });
    return {kFormats[0], kUniformVersion, found.codes(), values};
}

std::vector<LinearSolution> quantize(const SiteProblem&, const PreparedSite*, std::span<const LinearProblem> linears,
                                     const Parameters& parameters, LabContext& context) {
    std::vector<LinearSolution> solutions;
    for (const LinearProblem& linear : linears) solutions.push_back(quantize_one(linear, parameters, context));
    return solutions;
}

}  // namespace

extern const Method method_rtn;
const Method method_rtn = {"rtn",
                           "round to nearest, the control",
                           kFormats,
                           /*needs_hessians=*/false,
                           "g128",
                           options,
                           recipes,
                           check_uniform_options,
                           /*prepare=*/nullptr,
                           quantize};

}  // namespace dwubit::lab
