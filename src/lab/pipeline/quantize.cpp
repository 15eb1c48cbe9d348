#include "lab/pipeline/quantize.h"

#include <algorithm>
#include <chrono>

#include "base/atomic_file.h"
#include "base/output_folder.h"
#include "base/sha256.h"
#include "base/stop.h"
#include "base/utc.h"
#include "dwubit/version.h"
#include "eval/model_text.h"
#include "hessians/site_features.h"
#include "lab/failure.h"
#include "lab/model/decoder.h"
#include "lab/pipeline/layer_range.h"
#include "lab/pipeline/model_card.h"
#include "lab/pipeline/model_writer.h"
#include "lab/pipeline/source.h"
#include "lab/torch_compat.h"
#include "runtime/cpu/isa.h"
#include "runtime/model/footprint.h"

namespace dwubit::lab {
namespace {

using Clock = std::chrono::steady_clock;

// The method of a request and its options; what does not go together is refused.
struct Choice {
    const Method& method;
    std::string recipe;
    Parameters parameters;
};

Choice choose(const QuantizeRequest& request) {
    const Method& method = find_method(request.method);
    std::string recipe = request.recipe.value_or(method.default_recipe);
    Parameters parameters = resolve_parameters(method.id, method.options(), method.recipes(), recipe, request.settings);
    if (method.validate != nullptr) method.validate(parameters);
    return {method, std::move(recipe), std::move(parameters)};
}

struct Source {
    OpenModel model;
    std::string sha256;
    Json tokenizer_sha256;  // null where there is no tokenizer.json
};

Json hash_tokenizer(const HfDir& directory) {
    const std::optional<std::string> hash = unwrap(tokenizer_sha256(directory));
    return hash ? Json(*hash) : Json();
}

// Every Hessian that the chosen layers need is there and of the right size.
void check_coverage(const HessianStore& store, const ModelConfig& config, const std::vector<bool>& chosen) {
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        for (const Site site : kSites) {
            if (!chosen[static_cast<std::size_t>(layer)]) continue;
            const HessianRecord* const record = store.find(layer, site);
            const std::string where = fmt::format("layer {}, site {}", layer, site_name(site));
            if (record == nullptr) {
                fail(ErrorKind::kInvalidInput, "{} has no Hessian of {}", store.folder().string(), where);
            }
            if (record->n != site_features(config, site)) {
                fail(ErrorKind::kInvalidInput, "{}: the Hessian of {} is for {} inputs, the model's linears have {}",
                     store.folder().string(), where, record->n, site_features(config, site));
            }
        }
    }
}

// The method has something for each linear of the chosen layers.
void check_shapes(const Method& method, const Parameters& parameters, const ModelConfig& config,
                  const std::vector<bool>& chosen) {
    if (method.check_shapes == nullptr) return;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        if (!chosen[static_cast<std::size_t>(layer)]) continue;
        const std::vector<LinearShape> linears = model_linears(config, layer);
        for (const Site site : kSites) {
            std::vector<LinearShape> of_site;
            for (const std::string& module : site_linears(config, layer, site)) {
                of_site.push_back(*std::find_if(linears.begin(), linears.end(),
                                                [&](const LinearShape& linear) { return linear.module == module; }));
            }
            method.check_shapes(of_site, parameters);
        }
    }
}

std::optional<HessianStore> open_store(const QuantizeRequest& request, const Source& source,
                                       const LabContext& context) {
    if (!request.hessians) return std::nullopt;
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

// Mean of a member over the rows that have it; null where none has.
Json mean_of(const Json& tensors, const char* member) {
    double sum = 0;
    std::size_t count = 0;
    for (const Json& tensor : tensors) {
        if (!tensor.at(member).is_number()) continue;
        sum += tensor.at(member).get<double>();
        ++count;
    }
    return count == 0 ? Json() : Json(sum / static_cast<double>(count));
}

// Tensor rows without what differs from run to run.
Json without_seconds(Json tensors) {
    for (Json& tensor : tensors) tensor.erase("seconds");
    return tensors;
}

// Everything of a run that its result depends on.
struct Run {
    const QuantizeRequest& request;
    const Method& method;
    std::string recipe;
    Parameters parameters;
    Source source;
    std::vector<bool> layers;  // to quantize
    std::optional<HessianStore> store;
    at::Device device;
};

Run resolve(const QuantizeRequest& request, LabContext& context) {
    Choice choice = choose(request);
    const Method& method = choice.method;
    if (method.needs_hessians && !request.hessians) {
        throw Failure(errorf(ErrorKind::kUsage, "--method {} needs --hessians DIR", method.id)
                          .with_hint("dwubit calibrate MODEL --data TEXT -o DIR makes them"));
    }
    const at::Device device = parse_device(context.device);
    unwrap(OutputFolder::check(request.output, request.overwrite));
    OpenModel model = open_dense_model(request.model, "quantize");
    std::vector<bool> layers = parse_layers(request.layers, model.config.layers);
    check_shapes(method, choice.parameters, model.config, layers);
    // What takes long on a large model comes after what is refused at once.
    std::string sha256 = check_and_hash(model, context.pool);
    Json tokenizer = hash_tokenizer(model.directory);
    Source source{std::move(model), std::move(sha256), std::move(tokenizer)};
    std::optional<HessianStore> store = open_store(request, source, context);
    if (store) check_coverage(*store, source.model.config, layers);
    return {request,
            method,
            std::move(choice.recipe),
            std::move(choice.parameters),
            std::move(source),
            std::move(layers),
            std::move(store),
            device};
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
            {"device", context.device},
            {"torch", torch_version()},
            {"blas", blas_description()},
            {"isa", to_string(active_isa())}};
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
            {"tokenizer_sha256", run.source.tokenizer_sha256},
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
    const OpenModel& model = run.source.model;
    const QuantizeJob job = {
        run.method, run.parameters, model.config, model.directory.tensors, run.store ? &*run.store : nullptr,
        run.device, context};
    context.progress.begin("quantize", model.config.layers, "layers");
    for (std::int64_t layer = 0; layer < model.config.layers; ++layer) {
        if (!writer.has_layer(layer)) {
            unwrap(check_stop());
            const bool chosen = run.layers[static_cast<std::size_t>(layer)];
            writer.write_layer(layer, chosen ? quantize_layer(job, layer) : std::vector<QuantizedLinear>());
        }
        context.progress.update(layer + 1);
    }
    context.progress.end();
    writer.write_rest();
    writer.finish();
}

// The finished folder is opened as any user would: what does not open is not delivered.
Json describe_result(const Run& run, const ModelWriter& writer, const std::filesystem::path& folder, double seconds) {
    const Footprint footprint = measure_footprint(unwrap(open_model(folder)));
    return {{"model", run.request.output.string()},
            {"method", run.method.id},
            {"recipe", run.recipe},
            {"parameters", run.parameters.json()},
            {"bits_per_weight_linears", footprint.bits_per_weight_linears()},
            {"bits_per_weight_file", footprint.bits_per_weight_file()},
            {"bytes", footprint.bytes},
            {"bytes_per_token", footprint.bytes_per_token},
            {"mean_relative_proxy", mean_of(writer.tensors(), "relative_proxy")},
            {"mean_relative_frobenius", mean_of(writer.tensors(), "relative_frobenius")},
            {"seconds", seconds},
            {"tensors", writer.tensors()}};
}

Json fill(const Run& run, const std::filesystem::path& folder, LabContext& context) {
    const auto start = Clock::now();
    ModelWriter writer(run.source.model.directory, run.source.model.config, folder);
    reset_peak_memory(run.device);
    quantize_layers(run, writer, context);
    Json result = describe_result(run, writer, folder, std::chrono::duration<double>(Clock::now() - start).count());
    if (run.device.is_cuda()) result["device_peak_bytes"] = peak_memory(run.device);
    const Json record = manifest(run, context, writer, result);
    unwrap(write_file_atomically(folder / "dwubit.json", dump_json(record, 2) + "\n"));
    unwrap(write_file_atomically(folder / "README.md", model_card(record, run.source.model.directory)));
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

ResolvedOptions resolve_options(const QuantizeRequest& request) {
    const Choice choice = choose(request);
    return {choice.recipe, choice.parameters.json(), choice.method.needs_hessians};
}

Json quantize(const QuantizeRequest& request, LabContext& context) {
    const Run run = resolve(request, context);
    OutputFolder output = unwrap(OutputFolder::open(request.output, identity(run, context), request.overwrite));
    try {
        Json result = fill(run, output.partial(), context);
        unwrap(output.finish());
        return result;
    } catch (...) {
        output.keep_if_resumable(current_error());
        throw;
    }
}

}  // namespace dwubit::lab
