#include "lab/pipeline/quantize.h"

#include <chrono>
#include <cmath>
#include <ctime>

#include "base/atomic_file.h"
#include "base/output_folder.h"
#include "base/sha256.h"
#include "base/stop.h"
#include "checkpoint/model_folder.h"
#include "dwubit/version.h"
#include "lab/failure.h"
#include "lab/pipeline/layer_range.h"
#include "lab/pipeline/model_card.h"
#include "lab/pipeline/model_writer.h"
#include "lab/torch_compat.h"
#include "runtime/cpu/isa.h"

namespace dwubit::lab {
namespace {

using Clock = std::chrono::steady_clock;

struct Source {
    HfDir directory;
    ModelConfig config;
    std::string sha256;
};

Source open_source(const std::filesystem::path& path, ThreadPool& pool) {
    Source source;
    source.directory = unwrap(open_hf_dir(path));
    const HfDir& directory = source.directory;
    if (unwrap(read_quantization_config(directory.config)).has_value()) {
        throw Failure(errorf(ErrorKind::kUnsupported, "{} is quantized already", path.string())
                          .with_hint("quantize the model it was made from, or export it --to dense first"));
    }
    const Json* const generation = directory.generation_config ? &*directory.generation_config : nullptr;
    source.config = unwrap(read_model_config(directory.config, generation));
    unwrap(check_tensors(source.config, directory.tensors).context("model " + path.string()));
    unwrap(check_weights_finite(directory.tensors, pool).context("model " + path.string()));
    source.sha256 = unwrap(model_sha256(directory, pool));
    return source;
}

std::optional<HessianStore> open_store(const QuantizeRequest& request, const Method& method, const Source& source,
                                       const LabContext& context) {
    if (!request.hessians) {
        if (!method.needs_hessians) return std::nullopt;
        throw Failure(errorf(ErrorKind::kUsage, "--method {} needs --hessians DIR", method.id)
                          .with_hint("dwubit calibrate MODEL --data TEXT -o DIR makes them"));
    }
    HessianStore store = unwrap(HessianStore::open(*request.hessians));
    const std::string& made_for = store.fingerprint().model;
    if (made_for.empty()) {
        context.warn(fmt::format("{} does not say which model it is of (imported)", request.hessians->string()));
    } else if (made_for != source.sha256) {
        throw Failure(errorf(ErrorKind::kInvalidInput, "{} is of another model: sha256 {}..., and {} has {}...",
                             request.hessians->string(), made_for.substr(0, 12), request.model.string(),
                             source.sha256.substr(0, 12))
                          .with_hint("dwubit calibrate this model"));
    }
    return store;
}

struct Means {
    Json proxy;      // null without Hessians
    Json frobenius;  // null where nothing was quantized
};

Means mean_losses(const Json& tensors) {
    double proxy = 0;
    double frobenius = 0;
    std::size_t with_proxy = 0;
    for (const Json& tensor : tensors) {
        frobenius += tensor.at("relative_frobenius").get<double>();
        if (tensor.at("relative_proxy").is_null()) continue;
        proxy += tensor.at("relative_proxy").get<double>();
        ++with_proxy;
    }
    const auto count = static_cast<double>(tensors.size());
    return {with_proxy > 0 ? Json(proxy / static_cast<double>(with_proxy)) : Json(),
            tensors.empty() ? Json() : Json(frobenius / count)};
}

double bits(std::uint64_t bytes, std::uint64_t weights) {
    return weights == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
}

std::uint64_t parameter_count(const HfDir& directory) {
    std::uint64_t count = 0;
    for (const auto& [name, tensor] : directory.tensors.tensors())
        count += tensor.bytes.size() / dtype_size(tensor.dtype);
    return count;
}

// A generated token reads every weight once, but of the embedding one row (all of it where it is the head too).
std::uint64_t bytes_per_token(const Source& source, std::uint64_t tensor_bytes) {
    if (source.config.tied_embeddings) return tensor_bytes;
    const std::string name = global_tensor_names(source.config).embedding + ".weight";
    const std::uint64_t embedding = unwrap(source.directory.tensors.require(name))->bytes.size();
    return tensor_bytes - embedding + embedding / static_cast<std::uint64_t>(source.config.vocab);
}

// Tensor rows without what differs from run to run.
Json without_seconds(Json tensors) {
    for (Json& tensor : tensors) tensor.erase("seconds");
    return tensors;
}

std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                       parts.tm_hour, parts.tm_min, parts.tm_sec);
}

// Everything of a run that its result depends on.
struct Run {
    const QuantizeRequest& request;
    const Method& method;
    std::string recipe;
    Parameters parameters;
    Source source;
    std::optional<HessianStore> store;
    at::Device device;
};

Run resolve(const QuantizeRequest& request, LabContext& context) {
    const Method& method = find_method(request.method);
    const std::string recipe = request.recipe.value_or(method.default_recipe);
    Parameters parameters = resolve_parameters(method.id, method.options(), method.recipes(), recipe, request.settings);
    if (method.validate != nullptr) method.validate(parameters);
    const at::Device device = parse_device(context.device);
    Source source = open_source(request.model, context.pool);
    std::optional<HessianStore> store = open_store(request, method, source, context);
    return {request, method, recipe, std::move(parameters), std::move(source), std::move(store), device};
}

RunIdentity identity(const Run& run, const LabContext& context) {
    return {{"command", "quantize"},
            {"version", std::string(version())},
            {"model", run.source.sha256},
            {"hessians", run.store ? run.store->sha256() : "none"},
            {"method", run.method.id},
            {"parameters", dump_json(run.parameters.json())},
            {"layers", run.request.layers.value_or("all")},
            {"seed", fmt::format("{}", context.seed)},
            {"device", context.device}};
}

Json manifest(const Run& run, const LabContext& context, const ModelWriter& writer, const Json& result) {
    Json hessians;
    if (run.store) {
        hessians = {{"sha256", run.store->sha256()}, {"fingerprint", to_json(run.store->fingerprint())}};
    }
    return {{"format", "dwubit_model"},
            {"format_version", 1},
            {"dwubit", version()},
            {"build", {{"torch", torch_version()}, {"blas", blas_description()}, {"isa", to_string(active_isa())}}},
            {"device", context.device},
            {"method", run.method.id},
            {"recipe", run.recipe},
            {"parameters", run.parameters.json()},
            {"seed", context.seed},
            {"layers", run.request.layers.value_or("all")},
            {"model_sha256", run.source.sha256},
            {"tokenizer_sha256", sha256_file(run.source.directory.tokenizer_json).ok()
                                     ? Json(*sha256_file(run.source.directory.tokenizer_json))
                                     : Json()},
            {"hessians", std::move(hessians)},
            {"bits_per_weight_linears", result.at("bits_per_weight_linears")},
            {"bits_per_weight_file", result.at("bits_per_weight_file")},
            {"bytes", result.at("bytes")},
            {"bytes_per_token", result.at("bytes_per_token")},
            {"mean_relative_proxy", result.at("mean_relative_proxy")},
            {"mean_relative_frobenius", result.at("mean_relative_frobenius")},
            {"files", writer.files()},
            {"tensors", without_seconds(writer.tensors())}};
}

void quantize_layers(const Run& run, ModelWriter& writer, LabContext& context) {
    const std::vector<bool> chosen = parse_layers(run.request.layers, run.source.config.layers);
    const QuantizeJob job = {
        run.method, run.parameters, run.source.config, run.source.directory.tensors, run.store ? &*run.store : nullptr,
        run.device, context};
    context.progress.begin("quantize", run.source.config.layers, "layers");
    for (std::int64_t layer = 0; layer < run.source.config.layers; ++layer) {
        if (!writer.has_layer(layer)) {
            unwrap(check_stop());
            writer.write_layer(layer, chosen[static_cast<std::size_t>(layer)] ? quantize_layer(job, layer)
                                                                              : std::vector<QuantizedLinear>());
        }
        context.progress.update(layer + 1);
    }
    context.progress.end();
    writer.write_rest();
    writer.finish();
}

Json describe_result(const Run& run, const ModelWriter& writer, double seconds) {
    const Means means = mean_losses(writer.tensors());
    std::uint64_t bytes = 0;
    for (const Json& file : writer.files()) bytes += file.at("bytes").get<std::uint64_t>();
    return {{"model", run.request.output.string()},
            {"method", run.method.id},
            {"recipe", run.recipe},
            {"parameters", run.parameters.json()},
            {"bits_per_weight_linears", bits(writer.packed_bytes(), writer.packed_weights())},
            {"bits_per_weight_file", bits(bytes, parameter_count(run.source.directory))},
            {"bytes", bytes},
            {"bytes_per_token", bytes_per_token(run.source, writer.tensor_bytes())},
            {"mean_relative_proxy", means.proxy},
            {"mean_relative_frobenius", means.frobenius},
            {"seconds", seconds},
            {"tensors", writer.tensors()}};
}

Json fill(const Run& run, const std::filesystem::path& folder, LabContext& context) {
    const auto start = Clock::now();
    ModelWriter writer(run.source.directory, run.source.config, folder);
    reset_peak_memory(run.device);
    quantize_layers(run, writer, context);
    Json result = describe_result(run, writer, std::chrono::duration<double>(Clock::now() - start).count());
    if (run.device.is_cuda()) result["device_peak_bytes"] = peak_memory(run.device);
    const Json record = manifest(run, context, writer, result);
    unwrap(write_file_atomically(folder / "dwubit.json", dump_json(record, 2) + "\n"));
    unwrap(write_file_atomically(folder / "README.md", model_card(record, run.source.directory)));
    Json seconds = Json::array();
    for (const Json& tensor : writer.tensors()) {
        seconds.push_back({{"name", tensor.at("name")}, {"seconds", tensor.at("seconds")}});
    }
    const Json timing = {{"date", utc_now()},
                         {"cpu", cpu_name()},
                         {"threads", context.pool.size()},
                         {"seconds", result.at("seconds")},
                         {"tensors", std::move(seconds)}};
    unwrap(write_file_atomically(folder / "dwubit-run.json", dump_json(timing, 2) + "\n"));
    writer.remove_notes();
    return result;
}

}  // namespace

Json quantize(const QuantizeRequest& request, LabContext& context) {
    const Run run = resolve(request, context);
    parse_layers(request.layers, run.source.config.layers);  // before anything is made
    OutputFolder output = unwrap(OutputFolder::open(request.output, identity(run, context), request.overwrite));
    try {
        Json result = fill(run, output.partial(), context);
        unwrap(output.finish());
        return result;
    } catch (const Failure& failure) {
        output.keep_if_resumable(failure.error());
        throw;
    }
}

}  // namespace dwubit::lab
