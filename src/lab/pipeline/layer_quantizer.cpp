#include "lab/pipeline/layer_quantizer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/check.h"
#include "base/stop.h"
#include "lab/blocks/distortion.h"
#include "lab/blocks/parallel_rows.h"
#include "lab/failure.h"
#include "lab/hessian/hessian.h"
#include "lab/tensors.h"
#include "lab/to_span.h"
#include "lab/torch_compat.h"

namespace dwubit::lab {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// NaN where there is none.
Json number_or_null(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

at::Tensor load_weight(const QuantizeJob& job, const std::string& module) {
    const TensorView* const tensor = unwrap(job.tensors.require(module + ".weight"));
    return to_tensor(*tensor, job.device, at::kFloat);
}

at::Tensor load_site_hessian(const QuantizeJob& job, std::int64_t layer, Site site) {
    return job.store == nullptr ? at::Tensor() : load_hessian(*job.store, layer, site, job.device);
}

// The packed bytes must mean what the method reported, to the bit.
void check_packed_values(const PackedTensor& packed, const Format& format, const at::Tensor& solution,
                         const std::string& name, ThreadPool& pool) {
    const PackedView view = view_of(packed);
    unwrap(check_packed(format, view, name));
    const auto reader = unwrap(format.bind(view));
    const at::Tensor expected = solution.cpu().contiguous();
    const std::span<const float> values = to_span<float>(expected);
    const std::int64_t columns = packed.shape[1];
    parallel_rows(packed.shape[0], at::kCPU, pool, [&](std::int64_t first, std::int64_t count) {
        std::vector<float> decoded(static_cast<std::size_t>(count * columns));
        reader->dequantize(first, count, decoded.data());
        const auto* const begin = values.data() + first * columns;
        if (!std::equal(decoded.begin(), decoded.end(), begin)) {
            fail(ErrorKind::kInternal, "{}: format {} decodes to other values than the method chose", name, format.id);
        }
    });
}

// "none", or what both sides have: "rht", "rht/none".
std::string transform_name(const UsedTransform& in, const UsedTransform& out) {
    return in.id == out.id ? in.id : in.id + "/" + out.id;
}

// Bits per weight of a transform's buffers.
double transform_bits(const UsedTransform& used, const Shape& shape) {
    std::size_t bytes = 0;
    for (const Field& field : used.fields) bytes += field.bytes.size();
    return 8 * static_cast<double>(bytes) / (static_cast<double>(shape[0]) * static_cast<double>(shape[1]));
}

// A linear's row of the report; `rows` of it lie in the stored matrix.
Json report_of(const QuantizedLinear& stored, const std::string& linear, std::int64_t rows, const Format& format,
               const Distortion& distortion) {
    const Shape& shape = stored.packed.shape;
    BitCount bits = count_bits(format, stored.packed.params, shape);
    const double transforms = transform_bits(stored.in, shape) + transform_bits(stored.out, shape);
    bits.transform += transforms;
    bits.total += transforms;
    Json report = {
        {"name", linear},
        {"format", format.id},
        {"transform", transform_name(stored.in, stored.out)},
        {"shape", {rows, shape[1]}},
        {"bits_per_weight", bits.total},
        {"bits",
         {{"codes", bits.codes}, {"scales", bits.scales}, {"codebook", bits.codebook}, {"transform", bits.transform}}},
        {"relative_proxy", number_or_null(distortion.relative_proxy)},
        {"relative_frobenius", number_or_null(distortion.relative_frobenius)},
        {"sign_flips", distortion.sign_flips},
        {"zeroed", distortion.zeroed}};
    if (linear != stored.name) report["fused"] = stored.name;
    return report;
}

// A seed per linear that does not depend on which layers are quantized, or in what order.
std::uint64_t linear_seed(std::uint64_t seed, std::int64_t layer, std::size_t place) {
    return seed * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(layer) * 16 + place;
}

}  // namespace

std::vector<std::string> site_linears(const ModelConfig& config, std::int64_t layer, Site site) {
    const LayerTensorNames names = layer_tensor_names(config, layer);
    switch (site) {
        case Site::kQkv:
            return {names.q, names.k, names.v};
        case Site::kO:
            return {names.o};
        case Site::kUp:
            return {names.gate, names.up};
        case Site::kDown:
            return {names.down};
    }
    return {};
}

namespace {

// What the linears of a site share when they are packed.
struct SolvedSite {
    const SiteProblem& problem;
    std::span<const LinearProblem> linears;
    double damping = 0;
    double seconds_per_weight = 0;  // that solving took
};

// Packs, checks and measures one solution; `parts`: the linears that it is of.
QuantizedLinear finish_solution(const QuantizeJob& job, const SolvedSite& site, const std::vector<std::size_t>& parts,
                                LinearSolution solution) {
    const auto start = Clock::now();
    const Format& format = *unwrap(find_format(solution.format, solution.version));
    const std::string name = solution.fused.empty() ? site.linears[parts.front()].name : solution.fused;
    QuantizedLinear result{name,
                           {},
                           unwrap(format.pack(solution.codes).context(name)),
                           std::move(solution.in),
                           std::move(solution.out),
                           Json::array()};
    check_packed_values(result.packed, format, solution.values, name, job.context.pool);
    const at::Tensor dense = result.in.map == nullptr && result.out.map == nullptr
                                 ? solution.values
                                 : model_basis(solution.values, result.in, result.out, job.context.pool).to(job.device);
    std::int64_t first = 0;
    for (const std::size_t part : parts) {
        const LinearProblem& linear = site.linears[part];
        const std::int64_t rows = linear.weight.size(0);
        const at::Tensor values = dense.slice(0, first, first + rows);
        const Distortion distortion = measure_distortion(linear.weight, values, site.problem.hessian);
        Json report = report_of(result, linear.name, rows, format, distortion);
        if (!solution.details.empty()) report["details"] = solution.details;
        report["damping"] = site.problem.hessian.defined() ? Json(site.damping) : Json();
        report["seconds"] = site.seconds_per_weight * static_cast<double>(linear.weight.numel()) +
                            seconds_since(start) / static_cast<double>(parts.size());
        result.linears.push_back(linear.name);
        result.reports.push_back(std::move(report));
        first += rows;
    }
    DWUBIT_CHECK(first == dense.size(0));
    return result;
}

void quantize_site(const QuantizeJob& job, std::int64_t layer, Site site, std::vector<QuantizedLinear>& out) {
    const auto start = Clock::now();
    std::vector<LinearProblem> linears;
    std::int64_t weights = 0;
    for (const std::string& module : site_linears(job.config, layer, site)) {
        linears.push_back(
            {module, load_weight(job, module), linear_seed(job.context.seed, layer, out.size() + linears.size())});
        weights += linears.back().weight.numel();
    }
    const SiteProblem problem = {layer, site, load_site_hessian(job, layer, site), &job.config};
    unwrap(check_stop());
    std::unique_ptr<PreparedSite> prepared;
    if (job.method.prepare != nullptr) prepared = job.method.prepare(problem, job.parameters, job.context);
    auto solutions = job.method.quantize(problem, prepared.get(), linears, job.parameters, job.context);
    synchronize(job.device);
    const SolvedSite solved = {problem, linears, prepared ? prepared->damping : 0.0,
                               seconds_since(start) / static_cast<double>(weights)};
    prepared.reset();
    std::size_t next = 0;
    for (LinearSolution& solution : solutions) {
        std::vector<std::size_t> parts = solution.parts;
        if (parts.empty()) parts = {next};
        next += parts.size();
        out.push_back(finish_solution(job, solved, parts, std::move(solution)));
    }
    DWUBIT_CHECK(next == linears.size());
}

}  // namespace

std::vector<QuantizedLinear> quantize_layer(const QuantizeJob& job, std::int64_t layer) {
    std::vector<QuantizedLinear> linears;
    for (const Site site : kSites) {
        unwrap(check_stop());
        quantize_site(job, layer, site, linears);
    }
    return linears;
}

}  // namespace dwubit::lab
