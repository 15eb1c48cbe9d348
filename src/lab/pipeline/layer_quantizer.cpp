#include "lab/pipeline/layer_quantizer.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/stop.h"
#include "lab/blocks/distortion.h"
#include "lab/failure.h"
#include "lab/hessian/hessian.h"
#include "lab/tensors.h"
#include "lab/to_span.h"

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

at::Tensor load_site_hessian(const QuantizeJob& job, std::int64_t layer, Site site, std::int64_t in_features) {
    if (job.store == nullptr) return {};
    const HessianRecord* const record = job.store->find(layer, site);
    if (record == nullptr) {
        fail(ErrorKind::kNotFound, "{} has no Hessian of layer {}, site {}", job.store->folder().string(), layer,
             site_name(site));
    }
    if (record->n != in_features) {
        fail(ErrorKind::kInvalidInput,
             "{}: the Hessian of layer {}, site {} is for {} inputs, the model's linears have {}",
             job.store->folder().string(), layer, site_name(site), record->n, in_features);
    }
    return load_hessian(*job.store, layer, site, job.device);
}

// The packed bytes must mean what the method reported, to the bit.
void check_packed_values(const PackedTensor& packed, const Format& format, const LinearSolution& solution,
                         const std::string& name) {
    const PackedView view = view_of(packed);
    unwrap(check_packed(format, view, name));
    const auto reader = unwrap(format.bind(view));
    const at::Tensor expected = solution.values.cpu().contiguous();
    const std::span<const float> values = to_span<float>(expected);
    const std::int64_t rows = packed.shape[0];
    const std::int64_t columns = packed.shape[1];
    constexpr std::int64_t kRows = 256;
    std::vector<float> decoded(static_cast<std::size_t>(std::min(rows, kRows) * columns));
    for (std::int64_t first = 0; first < rows; first += kRows) {
        const std::int64_t count = std::min(kRows, rows - first);
        reader->dequantize(first, count, decoded.data());
        const auto part =
            values.subspan(static_cast<std::size_t>(first * columns), static_cast<std::size_t>(count * columns));
        if (!std::equal(part.begin(), part.end(), decoded.begin())) {
            fail(ErrorKind::kInternal, "{}: format {} decodes to other values than the method chose", name, format.id);
        }
    }
}

Json report_of(const std::string& name, const Format& format, const PackedTensor& packed, const Distortion& distortion,
               double damping, bool has_hessian, double seconds) {
    const BitCount bits = count_bits(format, packed.params, packed.shape);
    return {
        {"name", name},
        {"format", format.id},
        {"transform", "none"},
        {"shape", packed.shape},
        {"bits_per_weight", bits.total},
        {"bits",
         {{"codes", bits.codes}, {"scales", bits.scales}, {"codebook", bits.codebook}, {"transform", bits.transform}}},
        {"relative_proxy", number_or_null(distortion.relative_proxy)},
        {"relative_frobenius", distortion.relative_frobenius},
        {"sign_flips", distortion.sign_flips},
        {"zeroed", distortion.zeroed},
        {"damping", has_hessian ? Json(damping) : Json()},
        {"seconds", seconds}};
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

std::vector<QuantizedLinear> quantize_layer(const QuantizeJob& job, std::int64_t layer) {
    std::vector<QuantizedLinear> linears;
    for (const Site site : kSites) {
        const auto start = Clock::now();
        const std::vector<std::string> modules = site_linears(job.config, layer, site);
        const TensorView* const first = unwrap(job.tensors.require(modules.front() + ".weight"));
        const SiteProblem problem = {layer, site, load_site_hessian(job, layer, site, first->shape[1])};
        std::unique_ptr<PreparedSite> prepared;
        if (job.method.prepare != nullptr) prepared = job.method.prepare(problem, job.parameters, job.context);
        const double shared = seconds_since(start) / static_cast<double>(modules.size());
        for (const std::string& module : modules) {
            unwrap(check_stop());
            const auto begin = Clock::now();
            const at::Tensor weight = load_weight(job, module);
            const LinearProblem linear = {module, weight, problem, prepared.get(),
                                          linear_seed(job.context.seed, layer, linears.size())};
            const LinearSolution solution = job.method.quantize(linear, job.parameters, job.context);
            const Format& format = *unwrap(find_format(solution.format, solution.version));
            PackedTensor packed = unwrap(format.pack(solution.codes).context(module));
            check_packed_values(packed, format, solution, module);
            const Distortion distortion = measure_distortion(weight, solution.values, problem.hessian);
            const double damping = prepared ? prepared->damping : 0.0;
            Json report = report_of(module, format, packed, distortion, damping, problem.hessian.defined(),
                                    shared + seconds_since(begin));
            linears.push_back({module, std::move(packed), std::move(report)});
        }
    }
    return linears;
}

}  // namespace dwubit::lab
