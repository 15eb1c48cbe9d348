#include "arguments.h"
#include "base/error.h"
#include "checkpoint/stored_tensor.h"
#include "command.h"
#include "eval/model_text.h"
#include "hessians/hessian_store.h"
#include "runtime/model/footprint.h"

namespace dwubit::cli {
namespace {

Json kernel_row(const LinearShape& linear, std::string_view format, double bits, const KernelInfo& kernel) {
    const std::string& reason = kernel.fallback_reason;
    return {{"name", linear.module},
            {"format", format},
            {"shape", Shape{linear.out, linear.in}},
            {"bits_per_weight", bits},
            {"transform", "none"},
            {"kernel", kernel.name},
            {"prompt_kernel", kernel.prompt_name},
            {"isa", kernel.isa},
            {"fallback_reason", reason.empty() ? Json() : Json(reason)}};
}

// "none", "rht", or "rht/none" where inputs and outputs differ.
std::string transform_name(const LinearFormat& packed) {
    const std::string in = packed.in.transform->id;
    const std::string out = packed.out.transform->id;
    return in == out ? in : in + "/" + out;
}

// What is done to the inputs or outputs of a linear; null for nothing.
Json describe_transform(const OpenModel& model, const LinearShape& linear, const LinearFormat& packed, Side side) {
    const LinearTransform& use = side == Side::kIn ? packed.in : packed.out;
    const std::int64_t n = side == Side::kIn ? linear.in : linear.out;
    const std::vector<TensorView> buffers = transform_view(model.directory.tensors, linear, packed, side);
    const auto bound = bind_transform(*use.transform, use.params, n, side, buffers, linear.module);
    if (!bound.ok())
        return {{"transform", use.transform->id}, {"params", use.params}, {"error", bound.error().message}};
    if ((*bound)->identity()) return nullptr;
    std::uint64_t bytes = 0;
    for (const TensorView& buffer : buffers) bytes += buffer.bytes.size();
    const OrthogonalityError error = orthogonality_error(**bound);
    return {{"transform", use.transform->id},
            {"params", use.params},
            {"bytes", bytes},
            {"kernel", (*bound)->kernel()},
            {"orthogonality_error", {{"f32", error.f32}, {"f64", error.f64}}}};
}

// A row of `layers`.
Json describe_linear(const OpenModel& model, const LinearShape& linear, ActType act) {
    const auto weights = static_cast<std::uint64_t>(linear.out) * static_cast<std::uint64_t>(linear.in);
    const double bits = bits_per_weight(linear_bytes(model, linear), weights);
    const auto at = model.config.packed.find(linear.module);
    if (at == model.config.packed.end()) {
        const TensorView* const weight = model.directory.tensors.find(linear.module + ".weight");
        return kernel_row(linear, stored_type_name(*weight), bits, choose_stored_kernel(*weight, act).info);
    }
    const LinearFormat& packed = at->second;
    Json row = kernel_row(linear, packed.format->id, bits,
                          choose_packed_kernel(*packed.format, act, packed.params, {linear.out, linear.in}).info);
    row["params"] = packed.params;
    row["transform"] = transform_name(packed);
    row["in"] = describe_transform(model, linear, packed, Side::kIn);
    row["out"] = describe_transform(model, linear, packed, Side::kOut);
    if (!linear.parts.empty()) {
        row["parts"] = Json::array();
        for (const LinearPart& part : linear.parts)
            row["parts"].push_back({{"name", part.module}, {"rows", part.rows}});
    }
    return row;
}

// dwubit.json, null where there is none.
Result<Json> read_manifest(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / "dwubit.json";
    std::error_code code;
    if (!std::filesystem::exists(path, code)) return Json();
    return read_json_file(path);
}

bool is_hessian_store(const std::filesystem::path& path) {
    std::error_code code;
    return std::filesystem::exists(path / "hessians.json", code) &&
           !std::filesystem::exists(path / "config.json", code);
}

std::string row_text(const Json& layer) {
    std::string text = fmt::format("  {:<42} {:<13} {:>14} {:6.3f} bits  {} ({})", layer["name"].get<std::string>(),
                                   layer["format"].get<std::string>(), to_string(layer["shape"].get<Shape>()),
                                   layer["bits_per_weight"].get<double>(), layer["kernel"].get<std::string>(),
                                   layer["isa"].get<std::string>());
    if (layer["transform"] != "none") text += "  transform " + layer["transform"].get<std::string>();
    if (!layer["fallback_reason"].is_null()) text += "  because " + layer["fallback_reason"].get<std::string>();
    return text + "\n";
}

class Inspect final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_flag("--tensors", tensors_, "list every tensor of the checkpoint");
        add_act(app, act_name_);
    }

    Result<Json> run(Console& console, const CommonOptions&) override {
        DWUBIT_ASSIGN(act_, resolve_act(act_name_));
        if (is_hessian_store(model_)) return run_hessians(console);
        DWUBIT_ASSIGN(const OpenModel model, open_model(model_));
        DWUBIT_ASSIGN(Json result, describe(model));
        console.print(text(result));
        if (tensors_) console.print(tensor_text(result["tensors"]));
        return result;
    }

private:
    // What a model has and a store has not is null.
    Result<Json> run_hessians(Console& console) const {
        DWUBIT_ASSIGN(const HessianStore store, HessianStore::open(model_));
        Json sites = Json::array();
        std::uint64_t bytes = 0;
        std::string list;
        for (const HessianRecord& record : store.records()) {
            std::error_code code;
            const std::uintmax_t size = std::filesystem::file_size(store.folder() / record.file, code);
            if (!code) bytes += size;
            sites.push_back(to_json(record));
            list += fmt::format("  layer {:>3} {:<5} n {:>6}  {:>10} rows  trace {:.6g}\n", record.layer,
                                site_name(record.site), record.n, record.ct, record.trace);
        }
        console.print(fmt::format("Hessian store, {} site{}, {:.1f} MB\n{}", sites.size(), sites.size() == 1 ? "" : "s",
                                  static_cast<double>(bytes) / 1e6, list));
        Json result = {{"kind", "hessians"},
                       {"bytes", bytes},
                       {"layers", Json::array()},
                       {"sites", std::move(sites)},
                       {"fingerprint", to_json(store.fingerprint())},
                       {"manifest", store.manifest()}};
        for (const char* absent : {"architecture", "parameters", "bits_per_weight_linears", "bits_per_weight_file",
                                   "bytes_per_token", "embedding", "head", "tokenizer"}) {
            result[absent] = nullptr;
        }
        return result;
    }

    Result<Json> describe(const OpenModel& model) const {
        const HfDir& directory = model.directory;
        const ModelConfig& config = model.config;
        const TensorTable& table = directory.tensors;
        const Footprint footprint = measure_footprint(model);
        Json layers = Json::array();
        for (std::int64_t i = 0; i < config.layers; ++i) {
            for (const LinearShape& linear : layer_linears(config, i)) {
                layers.push_back(describe_linear(model, linear, act_));
            }
        }
        DWUBIT_ASSIGN(const TensorView* embedding, table.require(global_tensor_names(config).embedding + ".weight"));
        const bool packed = directory.config.contains("quantization_config");
        DWUBIT_ASSIGN(Json manifest, read_manifest(directory.path));
        Json result = {{"kind", directory.is_gguf() ? "gguf"
                                : packed            ? "dwubit"
                                                    : "hf"},
                       {"architecture", config.architecture},
                       {"family", config.family},
                       {"config", config_json(config)},
                       {"parameters", footprint.parameters},
                       {"bytes", footprint.bytes},
                       {"bits_per_weight_linears", footprint.bits_per_weight_linears()},
                       {"bits_per_weight_file", footprint.bits_per_weight_file()},
                       {"bytes_per_token", footprint.bytes_per_token},
                       {"layers", std::move(layers)},
                       {"embedding",
                        {{"format", stored_type_name(*embedding)},
                         {"shape", embedding->shape},
                         {"bytes", embedding->bytes.size()},
                         {"tied", config.tied_embeddings}}},
                       {"head", describe_linear(model, head_linear(config), act_)},
                       {"act", act_name(act_)},
                       {"tokenizer", tokenizer_json(directory)},
                       {"manifest", std::move(manifest)}};
        if (tensors_) {
            Json list = Json::array();
            for (const auto& [name, tensor] : table.tensors()) {
                list.push_back({{"name", name},
                                {"dtype", stored_type_name(tensor)},
                                {"shape", tensor.shape},
                                {"bytes", tensor.bytes.size()},
                                {"file", tensor.file}});
            }
            result["tensors"] = std::move(list);
        }
        return result;
    }

    static Json config_json(const ModelConfig& c) {
        return {{"layers", c.layers},
                {"hidden", c.hidden},
                {"intermediate", c.intermediate},
                {"heads", c.heads},
                {"kv_heads", c.kv_heads},
                {"head_dim", c.head_dim},
                {"vocab", c.vocab},
                {"max_positions", c.max_positions},
                {"rope_theta", c.rope.theta}};
    }

    // A folder without a readable tokenizer can still be inspected; the reason stands in its place.
    static Json tokenizer_json(const HfDir& directory) {
        const Result<Tokenizer> tokenizer = load_tokenizer(directory);
        if (!tokenizer.ok()) return {{"error", tokenizer.error().message}};
        return {{"vocab_size", tokenizer->vocab_size()},
                {"bos", tokenizer->bos() ? Json(*tokenizer->bos()) : Json()},
                {"sha256", tokenizer->sha256()}};
    }

    static std::string text(const Json& r) {
        const Json& c = r["config"];
        std::string text = fmt::format(
            "{} ({}), {:.1f} M parameters, {:.1f} MB\n"
            "{} layers, hidden {}, intermediate {}, heads {}/{} of {}, vocab {}, context {}\n"
            "bits per weight: linears {:.3f}, file {:.3f}; {:.1f} MB read per generated token; activations {}\n",
            r["architecture"].get<std::string>(), r["kind"].get<std::string>(), r["parameters"].get<double>() / 1e6,
            r["bytes"].get<double>() / 1e6, c["layers"].get<int>(), c["hidden"].get<int>(),
            c["intermediate"].get<int>(), c["heads"].get<int>(), c["kv_heads"].get<int>(), c["head_dim"].get<int>(),
            c["vocab"].get<int>(), c["max_positions"].get<int>(), r["bits_per_weight_linears"].get<double>(),
            r["bits_per_weight_file"].get<double>(), r["bytes_per_token"].get<double>() / 1e6,
            r["act"].get<std::string>());
        for (const Json& layer : r["layers"]) text += row_text(layer);
        text += row_text(r["head"]);
        if (r["tokenizer"].contains("error")) text += "tokenizer: " + r["tokenizer"]["error"].get<std::string>() + "\n";
        return text;
    }

    static std::string tensor_text(const Json& tensors) {
        std::string text;
        for (const Json& t : tensors) {
            text += fmt::format("  {:<48} {:<5} {:>14} {:>12} bytes  {}\n", t["name"].get<std::string>(),
                                t["dtype"].get<std::string>(), to_string(t["shape"].get<Shape>()),
                                t["bytes"].get<std::uint64_t>(), t["file"].get<std::string>());
        }
        return text;
    }

    std::filesystem::path model_;
    bool tensors_ = false;
    std::string act_name_ = "auto";
    ActType act_ = ActType::kF32;
};

}  // namespace

std::unique_ptr<Command> make_inspect() {
    return std::make_unique<Inspect>();
}

}  // namespace dwubit::cli
