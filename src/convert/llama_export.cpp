#include "convert/llama_export.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/text.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

Result<void> add_weight(const std::string& name, const TensorView& tensor, Shard& shard) {
    std::int64_t count = 0;
    if (!element_count(tensor.shape, &count)) return errorf(ErrorKind::kInvalidInput, "tensor '{}' is too large", name);
    std::vector<float> values(static_cast<std::size_t>(count));
    DWUBIT_TRY(read_as_f32(tensor, values));
    std::vector<F16> halves;
    halves.reserve(values.size());
    for (const float value : values) {
        halves.push_back(to_f16(value));
        if (std::isfinite(to_float(halves.back()))) continue;
        return errorf(ErrorKind::kUnsupported, "tensor '{}': {} at {} is outside the range of F16", name, value,
                      halves.size() - 1);
    }
    shard.add<F16>(name, DType::kF16, tensor.shape, halves);
    return {};
}

// Whether QuIP#'s and QTIP's code have a transform of this size: they take the first of their matrices whose order
// divides it, and what is left must be a power of two.
bool has_their_hadamard(std::int64_t n) {
    for (const std::int64_t order : {172, 156, 140, 124, 116, 108, 60, 52, 36, 28, 20, 12}) {
        if (n % order == 0) return std::has_single_bit(static_cast<std::uint64_t>(n / order));
    }
    return std::has_single_bit(static_cast<std::uint64_t>(n));
}

}  // namespace

LlamaExporter::LlamaExporter(const OpenModel& model, const LlamaLayout& layout) : model_(model), layout_(layout) {}

std::string LlamaExporter::where(const Module& module) {
    return fmt::format("module '{}'", module.linear.module);
}

// The loader is that of Llama: what it does not know cannot be carried.
Result<void> LlamaExporter::check_family() const {
    const ModelConfig& config = model_.config;
    const auto refuse = [&](const char* what) {
        return errorf(ErrorKind::kUnsupported, "{} models with {} do not fit {}, which has Llama's only",
                      config.architecture, what, layout_.name);
    };
    if (config.qk_norm) return refuse("norms of queries and keys");
    if (config.qkv_bias || config.o_bias || config.mlp_bias) return refuse("biases");
    if (config.full_attention_limit) return refuse("a sliding window");
    if (config.family != "llama" && config.family != "mistral") return refuse("this model_type");
    return {};
}

Result<void> LlamaExporter::check() {
    DWUBIT_TRY(check_family());
    modules_.clear();
    for (std::int64_t layer = 0; layer < config().layers; ++layer) {
        DWUBIT_TRY(find_layer(layer).context("model " + model_.directory.path.string()));
    }
    if (config().packed.size() == modules_.size()) return {};
    return errorf(ErrorKind::kUnsupported, "the layout has no quantized module outside the layers, such as the head");
}

Result<void> LlamaExporter::find(std::string name, const LinearShape& linear, const char* format) {
    const auto packed = config().packed.find(linear.module);
    if (packed == config().packed.end() || packed->second.format->id != std::string_view(format)) {
        return errorf(ErrorKind::kUnsupported, "module '{}' is {}, {} has {} only", linear.module,
                      packed == config().packed.end() ? "not quantized" : packed->second.format->id, layout_.name,
                      format);
    }
    for (const auto& [side, use] :
         {std::pair<const char*, const LinearTransform*>{"in", &packed->second.in}, {"out", &packed->second.out}}) {
        if (use->transform->id == std::string_view("rht")) continue;
        return errorf(ErrorKind::kUnsupported, "module '{}': its {} transform is {}, {} has rht on both sides",
                      linear.module, side, use->transform->id, layout_.name);
    }
    for (const std::int64_t n : {linear.in, linear.out}) {
        if (has_their_hadamard(n)) continue;
        return errorf(ErrorKind::kUnsupported, "module '{}': the code that reads {} has no Hadamard matrix of size {}",
                      linear.module, layout_.name, n);
    }
    modules_.push_back({std::move(name), linear, &packed->second});
    return {};
}

Result<Codes> LlamaExporter::unpack(const Module& module) const {
    const PackedView view = packed_view(model_.directory.tensors, module.linear, *module.packed);
    DWUBIT_TRY(check_packed(*module.packed->format, view, where(module)));
    return module.packed->format->unpack(view).context(where(module));
}

Result<std::vector<float>> LlamaExporter::factors(const Module& module, Side side) const {
    const LinearTransform& use = side == Side::kIn ? module.packed->in : module.packed->out;
    const std::int64_t n = side == Side::kIn ? module.linear.in : module.linear.out;
    DWUBIT_ASSIGN(
        const auto bound,
        bind_transform(*use.transform, use.params, n, side,
                       transform_view(model_.directory.tensors, module.linear, *module.packed, side), where(module)));
    return std::vector<float>(bound->factors().begin(), bound->factors().end());
}

Result<void> LlamaExporter::append_f16(double value, std::vector<F16>& list, const std::string& what) {
    const F16 half = to_f16(static_cast<float>(value));
    if (!std::isfinite(to_float(half))) {
        return errorf(ErrorKind::kUnsupported, "{} is {} at {}, outside the range of F16", what, value, list.size());
    }
    if (value != 0) {
        factor_rounding_ = std::max(factor_rounding_, std::abs(static_cast<double>(to_float(half)) / value - 1));
    }
    list.push_back(half);
    return {};
}

// The tensors of a layer, or those outside the layers, that are no linears of it; as F16.
Result<void> LlamaExporter::add_rest(std::int64_t layer, Shard& shard) const {
    const TensorTable& table = model_.directory.tensors;
    std::set<std::string> skipped;
    for (const Module& module : modules_) {
        for (const TensorView& buffer : stored_buffers(table, module.linear, *module.packed)) {
            skipped.insert(module.linear.module + "." + buffer.name);
        }
    }
    for (const auto& [name, tensor] : table.tensors()) {
        if (layer_of(config(), name).value_or(config().layers) != layer || skipped.count(name) != 0) continue;
        if (!name.ends_with(".weight")) continue;  // rotary tables, which the loader computes
        DWUBIT_TRY(add_weight(name, tensor, shard));
        // the loader has a head of its own always
        if (config().tied_embeddings && name == global_tensor_names(config()).embedding + ".weight") {
            DWUBIT_TRY(add_weight("lm_head.weight", tensor, shard));
        }
    }
    return {};
}

Json LlamaExporter::config_json() const {
    Json config = model_.directory.config;
    config.erase("quantization_config");
    config.erase("sliding_window");
    config["architectures"] = Json::array({"LlamaForCausalLM"});
    config["model_type"] = "llama";
    config["tie_word_embeddings"] = false;
    config["torch_dtype"] = "float16";
    config["quip_params"] = quip_params();
    return config;
}

Result<void> LlamaExporter::write(FolderWriter& writer, ProgressSink& progress) {
    progress.begin("export", config().layers + 1, "shards");
    for (std::int64_t layer = 0; layer <= config().layers; ++layer) {
        Shard shard;
        for (const Module& module : modules_) {
            if (layer_of(config(), module.linear.module) == layer) DWUBIT_TRY(add_module(module, shard));
        }
        DWUBIT_TRY(add_rest(layer, shard));
        DWUBIT_TRY(writer.write(shard.take()));
        if (layer < config().layers) progress.update(layer + 1);
    }
    progress.end();
    return writer.finish(dump_json(config_json(), 2) + "\n", model_.directory);
}

Result<LlamaExported> run_llama_export(LlamaExporter& exporter, const OpenModel& model, const LlamaLayout& layout,
                                       const fs::path& out, bool overwrite, ProgressSink& progress) {
    // Nothing is made before it is known that it can be.
    DWUBIT_TRY(exporter.check());
    std::error_code code;
    const fs::path& asked = model.directory.path;
    const fs::path place = fs::canonical(asked, code);
    RunIdentity identity = {
        {"command", "export"}, {"model", printable((code ? asked : place).string(), 4096)}, {"to", layout.id}};
    DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, std::move(identity), overwrite));
    FolderWriter writer(folder.partial(), model.config.layers + 1);
    auto written = exporter.write(writer, progress);
    if (!written.ok()) {
        folder.keep_if_resumable(written.error());
        return std::move(written).error();
    }
    DWUBIT_TRY(folder.finish());
    DWUBIT_ASSIGN(const std::uint64_t bytes, folder_bytes(out));
    return LlamaExported{bytes, exporter.modules(), exporter.factor_rounding()};
}

}  // namespace dwubit
