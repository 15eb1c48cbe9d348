#include <algorithm>

#include "arguments.h"
#include "base/error.h"
#include "checkpoint/hf_dir.h"
#include "command.h"
#include "runtime/model/config.h"

namespace dwubit::cli {
namespace {

double bits_per_weight(std::uint64_t bytes, std::uint64_t weights) {
    return weights == 0 ? 0.0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
}

std::uint64_t elements(const TensorView& tensor) {
    std::int64_t count = 0;
    return element_count(tensor.shape, &count) ? static_cast<std::uint64_t>(count) : 0;
}

Json describe_linear(const std::string& module, const TensorView& weight, ActType act) {
    const DenseKernel kernel = choose_dense_kernel(weight.dtype, act);
    const std::string& reason = kernel.info.fallback_reason;
    return {{"name", module},         {"format", dtype_name(weight.dtype)},
            {"shape", weight.shape},  {"bits_per_weight", bits_per_weight(weight.bytes.size(), elements(weight))},
            {"transform", "none"},    {"kernel", kernel.info.name},
            {"isa", kernel.info.isa}, {"fallback_reason", reason.empty() ? Json() : Json(reason)}};
}

std::string row_text(const Json& layer) {
    std::string text = fmt::format("  {:<42} {:<5} {:>14} {:6.3f} bits  {} ({})", layer["name"].get<std::string>(),
                                   layer["format"].get<std::string>(), to_string(layer["shape"].get<Shape>()),
                                   layer["bits_per_weight"].get<double>(), layer["kernel"].get<std::string>(),
                                   layer["isa"].get<std::string>());
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
        DWUBIT_ASSIGN(const HfDir directory, open_hf_dir(model_));
        const Json* generation = directory.generation_config ? &*directory.generation_config : nullptr;
        DWUBIT_ASSIGN(const ModelConfig config, read_model_config(directory.config, generation));
        DWUBIT_TRY(check_tensors(config, directory.tensors));
        DWUBIT_ASSIGN(Json result, describe(directory, config));
        console.print(text(result));
        if (tensors_) console.print(tensor_text(result["tensors"]));
        return result;
    }

private:
    Result<Json> describe(const HfDir& directory, const ModelConfig& config) const {
        const TensorTable& table = directory.tensors;
        std::uint64_t parameters = 0;
        for (const auto& [name, tensor] : table.tensors()) parameters += elements(tensor);
        Json layers = Json::array();
        std::uint64_t linear_bytes = 0;
        std::uint64_t linear_weights = 0;
        for (std::int64_t i = 0; i < config.layers; ++i) {
            const LayerTensorNames names = layer_tensor_names(config, i);
            for (const std::string& module : {names.q, names.k, names.v, names.o, names.gate, names.up, names.down}) {
                DWUBIT_ASSIGN(const TensorView* weight, table.require(module + ".weight"));
                layers.push_back(describe_linear(module, *weight, act_));
                linear_bytes += weight->bytes.size();
                linear_weights += elements(*weight);
            }
        }
        const GlobalTensorNames names = global_tensor_names(config);
        DWUBIT_ASSIGN(const TensorView* embedding, table.require(names.embedding + ".weight"));
        DWUBIT_ASSIGN(const TensorView* head, table.require(names.head + ".weight"));
        // A generated token reads every weight once, but of the embedding one row (all of it if it is the head too).
        std::uint64_t per_token = table.total_bytes();
        if (!config.tied_embeddings) {
            per_token -= embedding->bytes.size() - embedding->bytes.size() / static_cast<std::uint64_t>(config.vocab);
        }
        Json result = {{"kind", "hf"},
                       {"architecture", config.architecture},
                       {"family", config.family},
                       {"config", config_json(config)},
                       {"parameters", parameters},
                       {"bytes", table.total_bytes()},
                       {"bits_per_weight_linears", bits_per_weight(linear_bytes, linear_weights)},
                       {"bits_per_weight_file", bits_per_weight(table.total_bytes(), parameters)},
                       {"bytes_per_token", per_token},
                       {"layers", std::move(layers)},
                       {"embedding",
                        {{"format", dtype_name(embedding->dtype)},
                         {"shape", embedding->shape},
                         {"bytes", embedding->bytes.size()},
                         {"tied", config.tied_embeddings}}},
                       {"head", describe_linear(names.head, *head, act_)},
                       {"act", act_name(act_)},
                       {"tokenizer", tokenizer_json(directory)},
                       {"manifest", nullptr}};
        if (tensors_) {
            Json list = Json::array();
            for (const auto& [name, tensor] : table.tensors()) {
                list.push_back({{"name", name},
                                {"dtype", dtype_name(tensor.dtype)},
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
        const Result<Tokenizer> tokenizer = Tokenizer::load(directory.tokenizer_json);
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
