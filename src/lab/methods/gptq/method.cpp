// GPTQ (Frantar, Ashkboos, Hoefler, Alistarh: arXiv 2210.17323): columns are rounded one after the other, and each
// one's error is fed back into those that follow (blocks/feedback.h). README.md has the equations and where this
// differs.
#include <algorithm>
#include <optional>

#include "lab/blocks/feedback.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/blocks/uniform_codes.h"
#include "lab/failure.h"
#include "lab/methods/method.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"uniform_group"};

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = [] {
        std::vector<OptionSpec> list = uniform_options();
        list.push_back(
            choice_option("order", {"group", "natural", "activation"},
                          "columns by diag H: inside groups and groups among each other; as they stand; all of "
                          "them (stores a permutation)"));
        list.push_back(number_option("damping", 0.01, 0, 1, "multiple of mean(diag H) added to the diagonal"));
        return list;
    }();
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {
        {"g128", {}}, {"g64", {{"group", 64}}}, {"channel", {{"group", 0}}}};
    return kRecipes;
}

// The order of a site's columns, and its factor in that order.
struct Prepared final : PreparedSite {
    at::Tensor order;                  // [in] int64: column k of the solver is input channel order[k]
    std::vector<ColumnGroup> groups;   // of the solver's columns
    std::vector<std::int64_t> stored;  // stored index of each of these groups
    bool permuted = false;             // stored columns are in the solver's order
    Feedback feedback;
};

at::Tensor descending(const at::Tensor& values) {
    return std::get<1>(at::sort(values, /*stable=*/true, /*dim=*/0, /*descending=*/true));
}

// Groups by their largest diagonal element, columns of each by theirs.
void order_by_group(const at::Tensor& diagonal, Prepared& prepared) {
    std::vector<std::pair<double, std::size_t>> ranked;
    for (std::size_t g = 0; g < prepared.groups.size(); ++g) {
        const ColumnGroup& group = prepared.groups[g];
        ranked.emplace_back(-diagonal.slice(0, group.first, group.first + group.count).max().item<double>(), g);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<at::Tensor> parts;
    std::vector<ColumnGroup> groups;
    std::int64_t first = 0;
    for (const auto& [size, g] : ranked) {
        const ColumnGroup& group = prepared.groups[g];
        parts.push_back(descending(diagonal.slice(0, group.first, group.first + group.count)) + group.first);
        groups.push_back({first, group.count});
        prepared.stored.push_back(static_cast<std::int64_t>(g));
        first += group.count;
    }
    prepared.order = at::cat(parts);
    prepared.groups = std::move(groups);
}

std::unique_ptr<PreparedSite> prepare(const SiteProblem& site, const Parameters& parameters, LabContext&) {
    auto prepared = std::make_unique<Prepared>();
    const std::int64_t n = site.hessian.size(0);
    const at::Tensor diagonal = site.hessian.diagonal();
    prepared->groups = column_groups(n, parameters.integer("group"));
    const std::string order = parameters.choice("order");
    if (order == "group") {
        order_by_group(diagonal, *prepared);
    } else {
        for (std::size_t g = 0; g < prepared->groups.size(); ++g)
            prepared->stored.push_back(static_cast<std::int64_t>(g));
        const bool natural = order == "natural";
        prepared->order = natural ? at::arange(n, diagonal.options().dtype(at::kLong)) : descending(diagonal);
        // One group holds every column in any order: nothing needs to be stored.
        prepared->permuted = !natural && prepared->groups.size() > 1;
    }
    at::Tensor permuted = site.hessian.index_select(0, prepared->order).index_select(1, prepared->order);
    prepared->feedback = make_feedback(std::move(permuted), parameters.number("damping"),
                                       fmt::format("layer {}, site {}", site.layer, site_name(site.site)));
    prepared->damping = prepared->feedback.damping;
    return prepared;
}

// Rounds the columns of one block of rows and notes the codes.
class GroupRounder final : public ColumnQuantizer {
public:
    GroupRounder(std::string where, const Prepared& prepared, const GridSpec& spec, std::int64_t first_row,
                 UniformCodes& found)
        : where_(std::move(where)), prepared_(prepared), spec_(spec), first_row_(first_row), found_(found) {}

    void begin_group(std::int64_t group, const at::Tensor& targets) override {
        const ColumnGroup& columns = prepared_.groups[static_cast<std::size_t>(group)];
        const at::Tensor weights = prepared_.feedback.weights.slice(0, columns.first, columns.first + columns.count);
        const GroupGrid grid = fit_grid(targets.contiguous(), weights, spec_, where_);
        found_.set_grid(first_row_, prepared_.stored[static_cast<std::size_t>(group)], grid);
        rounder_.emplace(grid, spec_.bits);
        if (!codes_.defined()) codes_ = at::empty({prepared_.order.size(0), targets.size(0)}, targets.options());
    }

    void quantize(std::int64_t column, const at::Tensor& target, at::Tensor& value) override {
        at::Tensor codes = codes_.select(0, column);
        rounder_->round(target, codes, value);
    }

    // Hands the codes over, at the end.
    void finish() {
        if (prepared_.permuted) {
            found_.set_codes(first_row_, 0, codes_.t());
        } else {
            found_.set_codes(first_row_, prepared_.order, codes_.t());
        }
    }

private:
    std::string where_;
    const Prepared& prepared_;
    const GridSpec& spec_;
    std::int64_t first_row_;
    UniformCodes& found_;
    std::optional<ColumnRounder> rounder_;
    at::Tensor codes_;  // [in, rows] float32, columns in the solver's order
};

// The linears of a site below each other: one pass over the columns they share.
std::vector<LinearSolution> quantize(const SiteProblem& site, const PreparedSite* prepared_site,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const auto& prepared = static_cast<const Prepared&>(*prepared_site);
    const GridSpec spec = grid_spec(parameters);
    std::vector<at::Tensor> weights;
    for (const LinearProblem& linear : linears) weights.push_back(linear.weight);
    const at::Tensor weight = weights.size() == 1 ? weights.front() : at::cat(weights);
    UniformCodes found(weight.size(0), weight.size(1), parameters, weight.device(),
                       prepared.permuted ? prepared.order : at::Tensor());
    const at::Tensor values = at::empty_like(weight);
    parallel_rows(weight.size(0), weight.device(), context.pool, [&](std::int64_t first, std::int64_t count) {
        const at::Tensor block = weight.slice(0, first, first + count).index_select(1, prepared.order);
        GroupRounder rounder(fmt::format("layer {}, site {}", site.layer, site_name(site.site)), prepared, spec, first,
                             found);
        const at::Tensor rounded = quantize_columns(block, prepared.feedback, prepared.groups, rounder);
        rounder.finish();
        at::Tensor target = values.slice(0, first, first + count);
        target.index_copy_(1, prepared.order, rounded);
    });
    std::vector<LinearSolution> solutions;
    std::int64_t first = 0;
    for (const LinearProblem& linear : linears) {
        const std::int64_t rows = linear.weight.size(0);
        solutions.push_back(
            {kFormats[0], kUniformVersion, found.codes(first, rows), values.slice(0, first, first + rows)});
        first += rows;
    }
    return solutions;
}

}  // namespace

extern const Method method_gptq;
const Method method_gptq = {"gptq",
                            "arXiv 2210.17323",
                            kFormats,
                            /*needs_hessians=*/true,
                            "g128",
                            options,
                            recipes,
                            check_uniform_options,
                            prepare,
                            quantize};

}  // namespace dwubit::lab
