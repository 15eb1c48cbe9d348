#include "lab/blocks/incoherent.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/float16.h"
#include "lab/blocks/damping.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/failure.h"
#include "runtime/transforms/hadamard/orders.h"

namespace dwubit::lab {
namespace {

constexpr const char* kTransform = "rht";
// Streams of random_signs(), apart for inputs (which linears of a site share) and outputs.
constexpr std::uint64_t kInputStream = 1;
constexpr std::uint64_t kOutputStream = 2;

void check_size(std::int64_t n, const std::string& what) {
    unwrap(require_hadamard_size(n).context(what));
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
at::Tensor sample_of(const at::Tensor& weight, std::int64_t rows) {
    const std::int64_t step = std::max<std::int64_t>(1, weight.size(0) / rows);
    return weight.slice(0, 0, std::min(weight.size(0), step * rows), step).contiguous();
}

class Encoder {
public:
    Encoder(const IncoherentSite& site, const IncoherentRounding& rounding, const Parameters& parameters,
            at::Device device, LabContext& context)
        : site_(site), rounding_(rounding), parameters_(parameters), device_(device), context_(context) {}

    void choose_scale(Incoherent& linear) const {
        linear.rho = parameters_.number("rho");
        if (linear.rms == 0) return;
        if (parameters_.choice("scale") == "search") linear.rho = search_rho(linear);
        linear.scale = linear.rms / static_cast<float>(linear.rho * rounding_.unit);
    }

    // weights: [rows, in], divided by their scales.
    BlockSolution encode(const at::Tensor& weights) const {
        const std::int64_t rows = weights.size(0);
        const Blocks& blocks = site_.feedback.blocks;
        BlockSolution all;
        all.values = at::empty_like(weights);
        all.codes =
            at::empty({blocks.count(), rounding_.quantizer.code_words(), rows}, weights.options().dtype(at::kInt));
        const auto sweeps = static_cast<int>(parameters_.integer("sweeps"));
        parallel_rows(rows, device_, context_.pool, [&](std::int64_t first, std::int64_t count) {
            const at::Tensor part = weights.slice(0, first, first + count);
            const BlockSolution found = quantize_blocks(part, site_.feedback, rounding_.quantizer, sweeps);
            all.values.slice(0, first, first + count).copy_(found.values);
            all.codes.slice(2, first, first + count).copy_(found.codes);
        });
        return all;
    }

private:
    // The loss of sample rows after one pass, for each rho; all of them below each other in one go.
    std::vector<double> losses_of(const at::Tensor& sample, float rms, const std::vector<double>& rhos) const {
        std::vector<at::Tensor> scaled;
        for (const double rho : rhos) scaled.push_back(sample / (rms / (rho * rounding_.unit)));
        const at::Tensor targets = at::cat(scaled);
        at::Tensor losses = at::empty({targets.size(0)}, targets.options().dtype(at::kDouble));
        parallel_rows(targets.size(0), device_, context_.pool, [&](std::int64_t first, std::int64_t count) {
            const at::Tensor part = targets.slice(0, first, first + count);
            const BlockSolution found = quantize_blocks(part, site_.feedback, rounding_.quantizer, 0);
            const at::Tensor errors = (part - found.values).t().contiguous();
            losses.slice(0, first, first + count).copy_(block_losses(errors, site_.feedback));
        });
        const at::Tensor sums = losses.view({static_cast<std::int64_t>(rhos.size()), sample.size(0)}).sum(1).cpu();
        std::vector<double> result;
        for (std::size_t i = 0; i < rhos.size(); ++i) {
            const double scale = rms / (rhos[i] * rounding_.unit);
            result.push_back(sums.data_ptr<double>()[i] * scale * scale);
        }
        return result;
    }

    double search_rho(const Incoherent& linear) const {
        const at::Tensor sample = sample_of(linear.weight, rounding_.sample_rows);
        return search_scale(rounding_.rhos,
                            [&](const std::vector<double>& rhos) { return losses_of(sample, linear.rms, rhos); });
    }

    const IncoherentSite& site_;
    const IncoherentRounding& rounding_;
    const Parameters& parameters_;
    at::Device device_;
    LabContext& context_;
};

LinearSolution make_solution(const Stored& stored, const Incoherent& incoherent, const HadamardTransform& in,
                             const IncoherentRounding& rounding, const at::Tensor& values, const at::Tensor& codes) {
    LinearSolution solution;
    solution.format = rounding.format;
    solution.version = rounding.version;
    solution.values = values * incoherent.scale;
    solution.codes = rounding.make_codes(codes, values.size(1), incoherent.scale);
    const bool fused = !stored.parts.empty();
    solution.in = use_transform(kTransform, {{"sign", "bit"}}, values.size(1), Side::kIn, in.signs(), stored.name);
    solution.out = use_transform(kTransform, {{"sign", fused ? "f16" : "bit"}}, values.size(0), Side::kOut,
                                 incoherent.factors, stored.name);
    solution.details = {{"scale", incoherent.scale}, {"rho", incoherent.rho}};
    if (fused) solution.fused = stored.name;
    solution.parts = stored.parts;
    return solution;
}

// Encodes matrices with one input below each other.
void quantize_stack(const IncoherentSite& site, std::span<const Stored> matrices, const Encoder& encoder,
                    const IncoherentRounding& rounding, std::vector<LinearSolution>& solutions) {
    std::vector<Incoherent> incoherent;
    std::vector<at::Tensor> scaled;
    for (const Stored& stored : matrices) {
        DWUBIT_CHECK(stored.weight.size(0) % rounding.quantizer.rows() == 0);
        Incoherent& made = incoherent.emplace_back(make_incoherent(stored, site.in));
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
        solutions.push_back(make_solution(matrices[i], incoherent[i], site.in, rounding,
                                          found.values.slice(0, first, end), found.codes.slice(2, first, end)));
        first = end;
    }
}

}  // namespace

void add_incoherent_options(std::vector<OptionSpec>& options, const IncoherentDefaults& defaults) {
    std::vector<std::string_view> scales = {"search", "fixed"};
    if (!defaults.search) std::swap(scales.front(), scales.back());
    options.push_back(choice_option("scale", std::move(scales),
                                    "scale of a matrix: by the proxy loss of some of its rows, or by rho"));
    options.push_back(number_option("rho", defaults.rho, 0.5, 2, defaults.rho_help));
    options.push_back(
        integer_option("sweeps", defaults.sweeps, 0, 100, "sweeps of coordinate descent after the first pass"));
    options.push_back(number_option("damping", 0.01, 0, 1, "multiple of mean(diag H) added to the diagonal"));
    options.push_back(
        choice_option("fuse", {"no", "yes"},
                      "q, k, v and up, gate are stored as one matrix with one output transform, as QuIP#'s files do"));
    options.push_back(
        choice_option("stack", {"site", "linear"},
                      "linears with one input are encoded in one go, or one after the other: a matter of speed"));
}

bool fuses(std::size_t linears, const Parameters& parameters) {
    return linears > 1 && parameters.choice("fuse") == "yes";
}

std::vector<StoredShape> stored_shapes(std::span<const LinearShape> linears, const Parameters& parameters) {
    std::vector<StoredShape> shapes;
    if (fuses(linears.size(), parameters)) {
        StoredShape all{fmt::format("outputs of {} and those fused with it", linears.front().module), 0};
        for (const LinearShape& linear : linears) all.rows += linear.out;
        shapes.push_back(std::move(all));
        return shapes;
    }
    for (const LinearShape& linear : linears)
        shapes.push_back({fmt::format("outputs of {}", linear.module), linear.out});
    return shapes;
}

void check_incoherent_shapes(std::span<const LinearShape> linears, const Parameters& parameters) {
    for (const LinearShape& linear : linears) check_size(linear.in, fmt::format("inputs of {}", linear.module));
    for (const StoredShape& shape : stored_shapes(linears, parameters)) check_size(shape.rows, shape.outputs);
}

std::unique_ptr<PreparedSite> prepare_incoherent(const SiteProblem& site, std::int64_t block,
                                                 const Parameters& parameters, LabContext& context) {
    const std::string where = fmt::format("layer {}, site {}", site.layer, site_name(site.site));
    check_hessian(site.hessian, where);
    const std::uint64_t place = static_cast<std::uint64_t>(site.layer) * 4 + static_cast<std::uint64_t>(site.site);
    HadamardTransform in(random_signs(context.seed + (place << 32), kInputStream, site.hessian.size(0)),
                         site.hessian.device(), where);
    auto prepared = std::make_unique<IncoherentSite>(std::move(in));
    const bool losses = parameters.integer("sweeps") > 0 || parameters.choice("scale") == "search";
    prepared->feedback = make_block_feedback(hessian_in_basis(site.hessian, prepared->in), block,
                                             parameters.number("damping"), losses, where);
    prepared->damping = prepared->feedback.damping;
    return prepared;
}

std::vector<LinearSolution> quantize_incoherent(const SiteProblem& site, const PreparedSite& prepared,
                                                std::span<const LinearProblem> linears,
                                                const IncoherentRounding& rounding, const Parameters& parameters,
                                                LabContext& context) {
    const auto& shared = static_cast<const IncoherentSite&>(prepared);
    const Encoder encoder(shared, rounding, parameters, linears.front().weight.device(), context);
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
        quantize_stack(shared, all.subspan(i, step), encoder, rounding, solutions);
    }
    return solutions;
}

}  // namespace dwubit::lab
