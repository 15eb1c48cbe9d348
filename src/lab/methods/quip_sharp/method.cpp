// QuIP# (Tseng, Chee, Sun, Kuleshov, De Sa: arXiv 2402.04396): weights are made incoherent by randomized Hadamard
// transforms on both sides, then rounded eight at a time to the E8P codebook, each block with the errors of the others
// fed back. README.md has the equations and where this differs.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "lab/blocks/damping.h"
#include "lab/blocks/e8p_quantizer.h"
#include "lab/blocks/hadamard_transform.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/blocks/scale_search.h"
#include "lab/failure.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"
#include "lab/units.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/transforms/hadamard/orders.h"

namespace dwubit::lab {
namespace {

constexpr const char* kFormats[] = {"e8p"};
constexpr int kFormatVersion = 1;
constexpr const char* kTransform = "rht";
constexpr std::int64_t kBlock = 8;
// Streams of random_signs(), apart for inputs (which linears of a site share) and outputs.
constexpr std::uint64_t kInputStream = 1;
constexpr std::uint64_t kOutputStream = 2;

std::span<const OptionSpec> options() {
    static const std::vector<OptionSpec> kOptions = {
        integer_option("bits", 2, 2, 4, "bits per weight: 2, or 3 and 4 by a second codebook for what the first left"),
        choice_option("scale", {"search", "fixed"},
                      "scale of a matrix: by the proxy loss of some of its rows, or rms / rho"),
        number_option("rho", 0.9, 0.5, 2, "scale=fixed: root mean square of the weights that the codebook sees"),
        integer_option("sweeps", 10, 0, 100, "sweeps of coordinate descent after the first pass"),
        number_option("damping", 0.01, 0, 1, "multiple of mean(diag H) added to the diagonal"),
        number_option("residual", 0, 0, 64, "3 and 4 bits: how much finer the second stage is; 0 = 2.04 and 3.45"),
        choice_option("stack", {"site", "linear"},
                      "linears with one input are encoded in one go, or one after the other: a matter of speed")};
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {
        {"e8p", {}}, {"released", {{"scale", "fixed"}}}, {"e8p-3bit", {{"bits", 3}}}, {"e8p-4bit", {{"bits", 4}}}};
    return kRecipes;
}

void validate(const Parameters& parameters) {
    const double residual = parameters.number("residual");
    if (residual == 0) return;
    if (parameters.integer("bits") == 2) fail(ErrorKind::kUsage, "--set residual={}: 2 bits have one stage", residual);
    if (residual < 1) fail(ErrorKind::kUsage, "--set residual={}: must be 0 (the default) or from 1 to 64", residual);
}

double residual_of(const Parameters& parameters) {
    const double asked = parameters.number("residual");
    return asked != 0 ? asked : E8pParams::default_residual(static_cast<int>(parameters.integer("bits")));
}

void check_shape(const LinearShape& linear, const Parameters&) {
    for (const auto& [side, size] : {std::pair{"inputs", linear.in}, std::pair{"outputs", linear.out}}) {
        Result<HadamardSize> found = require_hadamard_size(size);
        if (found.ok()) continue;
        throw Failure(Error(found.error()).add_context(fmt::format("{} of {}", side, linear.module)));
    }
}

struct Prepared final : PreparedSite {
    HadamardTransform in;
    BlockFeedback feedback;

    explicit Prepared(HadamardTransform transform) : in(std::move(transform)) {}
};

std::unique_ptr<PreparedSite> prepare(const SiteProblem& site, const Parameters& parameters, LabContext& context) {
    const std::string where = fmt::format("layer {}, site {}", site.layer, site_name(site.site));
    check_hessian(site.hessian, where);
    const std::uint64_t place = static_cast<std::uint64_t>(site.layer) * 4 + static_cast<std::uint64_t>(site.site);
    HadamardTransform in(random_signs(context.seed + (place << 32), kInputStream, site.hessian.size(0)),
                         site.hessian.device(), where);
    auto prepared = std::make_unique<Prepared>(std::move(in));
    prepared->feedback = make_block_feedback(hessian_in_basis(site.hessian, prepared->in), kBlock,
                                             parameters.number("damping"), /*sweeps=*/true, where);
    prepared->damping = prepared->feedback.damping;
    return prepared;
}

// A linear in the basis of its transforms, and what it is divided by.
struct Incoherent {
    std::vector<float> signs;  // of the output
    at::Tensor weight;         // [out, in]
    float rms = 0;
    double rho = 0;
    float scale = 0;  // 0 where the weight is
};

Incoherent make_incoherent(const LinearProblem& linear, const HadamardTransform& in) {
    Incoherent result;
    const at::Device device = linear.weight.device();
    const HadamardTransform out(random_signs(linear.seed, kOutputStream, linear.weight.size(0)), device, linear.name);
    result.signs = out.signs();
    result.weight = out.inputs(in.weight(linear.weight).t()).t().contiguous();
    result.rms = static_cast<float>(std::sqrt(result.weight.square().mean(at::kDouble).item<double>()));
    return result;
}

// Rows that the scale is searched on, spread over the matrix.
at::Tensor sample_rows(const at::Tensor& weight) {
    constexpr std::int64_t kSample = 128;
    const std::int64_t step = std::max<std::int64_t>(1, weight.size(0) / kSample);
    return weight.slice(0, 0, std::min(weight.size(0), step * kSample), step).contiguous();
}

class Encoder {
public:
    Encoder(const Prepared& prepared, const Parameters& parameters, at::Device device, LabContext& context)
        : prepared_(prepared),
          parameters_(parameters),
          quantizer_(static_cast<int>(parameters.integer("bits")), residual_of(parameters), device),
          device_(device),
          context_(context) {}

    void choose_scale(Incoherent& linear) const {
        linear.rho = parameters_.number("rho");
        if (linear.rms == 0) return;
        if (parameters_.choice("scale") == "search") linear.rho = search_rho(linear);
        linear.scale = linear.rms / static_cast<float>(linear.rho);
    }

    // weights: [rows, in], divided by their scales.
    BlockSolution encode(const at::Tensor& weights) const {
        const std::int64_t rows = weights.size(0);
        const Blocks& blocks = prepared_.feedback.blocks;
        BlockSolution all;
        all.values = at::empty_like(weights);
        all.codes = at::empty({blocks.count(), quantizer_.code_words(), rows}, weights.options().dtype(at::kInt));
        const auto sweeps = static_cast<int>(parameters_.integer("sweeps"));
        parallel_rows(rows, device_, context_.pool, [&](std::int64_t first, std::int64_t count) {
            const at::Tensor part = weights.slice(0, first, first + count);
            const BlockSolution found = quantize_blocks(part, prepared_.feedback, quantizer_, sweeps);
            all.values.slice(0, first, first + count).copy_(found.values);
            all.codes.slice(2, first, first + count).copy_(found.codes);
        });
        return all;
    }

private:
    // The loss of sample rows after one pass, for each rho.
    std::vector<double> losses_of(const at::Tensor& sample, float rms, const std::vector<double>& rhos) const {
        std::vector<double> losses(rhos.size());
        const auto unit = [&](std::int64_t i) {
            const auto at = static_cast<std::size_t>(i);
            const double scale = rms / rhos[at];
            const at::Tensor target = sample / scale;
            const BlockSolution found = quantize_blocks(target, prepared_.feedback, quantizer_, 0);
            const at::Tensor errors = (target - found.values).t().contiguous();
            losses[at] = block_losses(errors, prepared_.feedback).sum().item<double>() * scale * scale;
        };
        if (device_.is_cpu()) {
            run_units(context_.pool, static_cast<std::int64_t>(rhos.size()), unit);
        } else {
            for (std::size_t i = 0; i < rhos.size(); ++i) unit(static_cast<std::int64_t>(i));
        }
        return losses;
    }

    double search_rho(const Incoherent& linear) const {
        constexpr ScaleRange kRange = {0.75, 1.15, 9};
        const at::Tensor sample = sample_rows(linear.weight);
        return search_scale(kRange,
                            [&](const std::vector<double>& rhos) { return losses_of(sample, linear.rms, rhos); });
    }

    const Prepared& prepared_;
    const Parameters& parameters_;
    E8pQuantizer quantizer_;
    at::Device device_;
    LabContext& context_;
};

// codes: [blocks, words, rows] int32.
Codes make_codes(const at::Tensor& codes, std::int64_t columns, float scale, const Parameters& parameters) {
    const at::Tensor words = codes.permute({2, 0, 1}).cpu().contiguous();  // [rows, blocks, words]
    const std::span<const std::int32_t> from = to_span<std::int32_t>(words);
    const auto bits = static_cast<int>(parameters.integer("bits"));
    E8pParams params;
    params.bits = bits;
    params.residual = bits > 2 ? residual_of(parameters) : 0;
    const Format& format = *unwrap(find_format(kFormats[0], kFormatVersion));
    Codes result{{words.size(0), columns}, {}, {}};
    result.params = unwrap(format.check_params(to_json(params), result.shape));
    for (const FieldSpec& spec : format.code_fields(result.params, result.shape)) {
        result.fields.push_back(make_field(spec));
    }
    result.find("scales")->as<float>()[0] = scale;
    Field& field = *result.find("codes");
    if (bits == 2) {
        std::transform(from.begin(), from.end(), field.as<std::uint16_t>().begin(),
                       [](std::int32_t code) { return static_cast<std::uint16_t>(code); });
        return result;
    }
    const std::span<std::uint32_t> to = field.as<std::uint32_t>();
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = static_cast<std::uint32_t>(from[2 * i]) << (bits == 3 ? 8 : 16) |
                static_cast<std::uint32_t>(from[2 * i + 1]);
    }
    return result;
}

LinearSolution make_solution(const LinearProblem& problem, const Incoherent& linear, const Prepared& prepared,
                             const at::Tensor& values, const at::Tensor& codes, const Parameters& parameters) {
    LinearSolution solution;
    solution.format = kFormats[0];
    solution.version = kFormatVersion;
    solution.values = values * linear.scale;
    solution.codes = make_codes(codes, values.size(1), linear.scale, parameters);
    const Json params = {{"sign", "bit"}};
    solution.in = use_transform(kTransform, params, values.size(1), Side::kIn, prepared.in.signs(), problem.name);
    solution.out = use_transform(kTransform, params, values.size(0), Side::kOut, linear.signs, problem.name);
    solution.details = {{"scale", linear.scale}, {"rho", linear.rho}};
    return solution;
}

// Encodes some of a site's linears below each other.
void quantize_stack(const Prepared& prepared, std::span<const LinearProblem> linears, const Encoder& encoder,
                    const Parameters& parameters, std::vector<LinearSolution>& solutions) {
    std::vector<Incoherent> incoherent;
    std::vector<at::Tensor> scaled;
    for (const LinearProblem& linear : linears) {
        Incoherent& made = incoherent.emplace_back(make_incoherent(linear, prepared.in));
        encoder.choose_scale(made);
        scaled.push_back(made.scale == 0 ? made.weight : made.weight / made.scale);
        made.weight.reset();
    }
    at::Tensor weights = scaled.size() == 1 ? scaled.front() : at::cat(scaled);
    scaled.clear();
    const BlockSolution found = encoder.encode(weights);
    weights.reset();
    if (!at::isfinite(found.values).all().item<bool>()) {
        fail(ErrorKind::kInternal, "{}: rounding gave values that are not finite", linears.front().name);
    }
    std::int64_t first = 0;
    for (std::size_t i = 0; i < linears.size(); ++i) {
        const std::int64_t end = first + linears[i].weight.size(0);
        solutions.push_back(make_solution(linears[i], incoherent[i], prepared, found.values.slice(0, first, end),
                                          found.codes.slice(2, first, end), parameters));
        first = end;
    }
}

std::vector<LinearSolution> quantize(const SiteProblem&, const PreparedSite* prepared_site,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const auto& prepared = static_cast<const Prepared&>(*prepared_site);
    const Encoder encoder(prepared, parameters, linears.front().weight.device(), context);
    std::vector<LinearSolution> solutions;
    if (parameters.choice("stack") == "site") {
        quantize_stack(prepared, linears, encoder, parameters, solutions);
    } else {
        for (std::size_t i = 0; i < linears.size(); ++i) {
            quantize_stack(prepared, linears.subspan(i, 1), encoder, parameters, solutions);
        }
    }
    return solutions;
}

}  // namespace

extern const Method method_quip_sharp;
const Method method_quip_sharp = {"quip-sharp",
                                  "arXiv 2402.04396",
                                  kFormats,
                                  /*needs_hessians=*/true,
                                  "e8p",
                                  options,
                                  recipes,
                                  validate,
                                  prepare,
                                  quantize,
                                  check_shape};

}  // namespace dwubit::lab
