// QuIP# (Tseng, Chee, Sun, Kuleshov, De Sa: arXiv 2402.04396): weights are made incoherent by randomized Hadamard
// transforms on both sides, then rounded eight at a time to the E8P codebook, each block with the errors of the others
// fed back. README.md has the equations and where this differs.
#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/float16.h"
#include "lab/blocks/damping.h"
#include "lab/blocks/e8p_quantizer.h"
#include "lab/blocks/hadamard_transform.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/blocks/scale_search.h"
#include "lab/failure.h"
#include "lab/methods/method.h"
#include "lab/to_span.h"
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
        choice_option(
            "fuse", {"no", "yes"},
            "q, k, v and up, gate are stored as one matrix with one output transform, as QuIP#'s files have it"),
        choice_option("stack", {"site", "linear"},
                      "linears with one input are encoded in one go, or one after the other: a matter of speed")};
    return kOptions;
}

std::span<const RecipeSpec> recipes() {
    static const std::vector<RecipeSpec> kRecipes = {{"e8p", {}},
                                                     {"fused", {{"fuse", "yes"}}},
                                                     {"released", {{"fuse", "yes"}, {"scale", "fixed"}}},
                                                     {"e8p-3bit", {{"bits", 3}}},
                                                     {"e8p-4bit", {{"bits", 4}}}};
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

void check_size(std::int64_t n, const std::string& what) {
    unwrap(require_hadamard_size(n).context(what));
}

bool fuses(std::size_t linears, const Parameters& parameters) {
    return linears > 1 && parameters.choice("fuse") == "yes";
}

void check_shapes(std::span<const LinearShape> linears, const Parameters& parameters) {
    std::int64_t rows = 0;
    for (const LinearShape& linear : linears) {
        check_size(linear.in, fmt::format("inputs of {}", linear.module));
        if (!fuses(linears.size(), parameters)) check_size(linear.out, fmt::format("outputs of {}", linear.module));
        rows += linear.out;
    }
    if (!fuses(linears.size(), parameters)) return;
    check_size(rows, fmt::format("outputs of {} and those fused with it", linears.front().module));
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

// A matrix that will be stored: a linear, or several fused.
struct Stored {
    std::string name;
    std::uint64_t seed = 0;
    at::Tensor weight;               // [out, in]; of fused linears each divided by its factor
    std::vector<std::int64_t> rows;  // of its linears
    std::vector<float> factors;      // of its linears
    std::vector<std::size_t> parts;  // the linears' numbers in the site, where fused
};

Stored store_alone(const LinearProblem& linear) {
    return {linear.name, linear.seed, linear.weight, {linear.weight.size(0)}, {1.0f}, {}};
}

float rms_of(const at::Tensor& weight) {
    return static_cast<float>(std::sqrt(weight.square().mean(at::kDouble).item<double>()));
}

// In the order of QuIP#'s files: q, k, v; up before gate. Each linear is divided by its size relative to the largest,
// as the factors of the output transform hold it (float16).
Stored fuse(Site site, std::span<const LinearProblem> linears) {
    Stored stored;
    const std::string& first = linears.front().name;
    stored.name = first.substr(0, first.rfind('.') + 1) + (site == Site::kQkv ? "qkv_proj" : "upgate_proj");
    stored.seed = linears.front().seed;
    for (std::size_t i = 0; i < linears.size(); ++i) stored.parts.push_back(i);
    if (site == Site::kUp) std::reverse(stored.parts.begin(), stored.parts.end());
    float largest = 0;
    for (const LinearProblem& linear : linears) largest = std::max(largest, rms_of(linear.weight));
    std::vector<at::Tensor> parts;
    for (const std::size_t part : stored.parts) {
        const at::Tensor& weight = linears[part].weight;
        const float ratio = largest == 0 ? 0.0f : to_float(to_f16(rms_of(weight) / largest));
        const float factor = ratio == 0 ? 1.0f : ratio;
        stored.factors.push_back(factor);
        stored.rows.push_back(weight.size(0));
        parts.push_back(weight / factor);
    }
    stored.weight = at::cat(parts);
    return stored;
}

// A matrix in the basis of its transforms, and what it is divided by.
struct Incoherent {
    std::vector<float> factors;  // of the output transform
    at::Tensor weight;           // [out, in]
    float rms = 0;
    double rho = 0;
    float scale = 0;  // 0 where the weight is
};

Incoherent make_incoherent(const Stored& stored, const HadamardTransform& in) {
    Incoherent result;
    const at::Device device = stored.weight.device();
    const HadamardTransform out(random_signs(stored.seed, kOutputStream, stored.weight.size(0)), device, stored.name);
    result.weight = out.inputs(in.weight(stored.weight).t()).t().contiguous();
    result.rms = rms_of(result.weight);
    result.factors = out.signs();
    auto factor = result.factors.begin();
    for (std::size_t i = 0; i < stored.rows.size(); ++i) {
        for (std::int64_t r = 0; r < stored.rows[i]; ++r) *factor++ *= stored.factors[i];
    }
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
    // The loss of sample rows after one pass, for each rho; all of them below each other in one go.
    std::vector<double> losses_of(const at::Tensor& sample, float rms, const std::vector<double>& rhos) const {
        std::vector<at::Tensor> scaled;
        for (const double rho : rhos) scaled.push_back(sample / (rms / rho));
        const at::Tensor targets = at::cat(scaled);
        at::Tensor losses = at::empty({targets.size(0)}, targets.options().dtype(at::kDouble));
        parallel_rows(targets.size(0), device_, context_.pool, [&](std::int64_t first, std::int64_t count) {
            const at::Tensor part = targets.slice(0, first, first + count);
            const BlockSolution found = quantize_blocks(part, prepared_.feedback, quantizer_, 0);
            const at::Tensor errors = (part - found.values).t().contiguous();
            losses.slice(0, first, first + count).copy_(block_losses(errors, prepared_.feedback));
        });
        const at::Tensor sums = losses.view({static_cast<std::int64_t>(rhos.size()), sample.size(0)}).sum(1).cpu();
        std::vector<double> result;
        for (std::size_t i = 0; i < rhos.size(); ++i) {
            const double scale = rms / rhos[i];
            result.push_back(sums.data_ptr<double>()[i] * scale * scale);
        }
        return result;
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

LinearSolution make_solution(const Stored& stored, const Incoherent& incoherent, const Prepared& prepared,
                             const at::Tensor& values, const at::Tensor& codes, const Parameters& parameters) {
    LinearSolution solution;
    solution.format = kFormats[0];
    solution.version = kFormatVersion;
    solution.values = values * incoherent.scale;
    solution.codes = make_codes(codes, values.size(1), incoherent.scale, parameters);
    const bool fused = !stored.parts.empty();
    solution.in =
        use_transform(kTransform, {{"sign", "bit"}}, values.size(1), Side::kIn, prepared.in.signs(), stored.name);
    solution.out = use_transform(kTransform, {{"sign", fused ? "f16" : "bit"}}, values.size(0), Side::kOut,
                                 incoherent.factors, stored.name);
    solution.details = {{"scale", incoherent.scale}, {"rho", incoherent.rho}};
    if (fused) solution.fused = stored.name;
    solution.parts = stored.parts;
    return solution;
}

// Encodes matrices with one input below each other.
void quantize_stack(const Prepared& prepared, std::span<const Stored> matrices, const Encoder& encoder,
                    const Parameters& parameters, std::vector<LinearSolution>& solutions) {
    std::vector<Incoherent> incoherent;
    std::vector<at::Tensor> scaled;
    for (const Stored& stored : matrices) {
        Incoherent& made = incoherent.emplace_back(make_incoherent(stored, prepared.in));
        encoder.choose_scale(made);
        scaled.push_back(made.scale == 0 ? made.weight : made.weight / made.scale);
        made.weight.reset();
    }
    at::Tensor weights = scaled.size() == 1 ? scaled.front() : at::cat(scaled);
    scaled.clear();
    const BlockSolution found = encoder.encode(weights);
    weights.reset();
    if (!at::isfinite(found.values).all().item<bool>()) {
        fail(ErrorKind::kInternal, "{}: rounding gave values that are not finite", matrices.front().name);
    }
    std::int64_t first = 0;
    for (std::size_t i = 0; i < matrices.size(); ++i) {
        const std::int64_t end = first + matrices[i].weight.size(0);
        solutions.push_back(make_solution(matrices[i], incoherent[i], prepared, found.values.slice(0, first, end),
                                          found.codes.slice(2, first, end), parameters));
        first = end;
    }
}

std::vector<LinearSolution> quantize(const SiteProblem& site, const PreparedSite* prepared_site,
                                     std::span<const LinearProblem> linears, const Parameters& parameters,
                                     LabContext& context) {
    const auto& prepared = static_cast<const Prepared&>(*prepared_site);
    const Encoder encoder(prepared, parameters, linears.front().weight.device(), context);
    std::vector<Stored> matrices;
    if (fuses(linears.size(), parameters)) {
        matrices.push_back(fuse(site.site, linears));
    } else {
        for (const LinearProblem& linear : linears) matrices.push_back(store_alone(linear));
    }
    std::vector<LinearSolution> solutions;
    const std::span<const Stored> all(matrices);
    const std::size_t step = parameters.choice("stack") == "site" ? all.size() : 1;
    for (std::size_t i = 0; i < all.size(); i += step) {
        quantize_stack(prepared, all.subspan(i, step), encoder, parameters, solutions);
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
                                  check_shapes};

}  // namespace dwubit::lab
