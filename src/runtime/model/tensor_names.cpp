// Names and shapes of a checkpoint's tensors. The families of models.inc share one Hugging Face layout.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/model/config.h"

namespace dwubit {
namespace {

class TensorList {
public:
    void weight(const std::string& module, Shape shape) { tensors_.push_back({module + ".weight", std::move(shape)}); }
    void linear(const ModelConfig& config, const LinearShape& linear) {
        const Shape shape = {linear.out, linear.in};
        const auto packed = config.packed.find(linear.module);
        if (packed == config.packed.end()) {
            weight(linear.module, shape);
        } else {
            for (FieldSpec& field : packed->second.format->buffers(packed->second.params, shape)) {
                tensors_.push_back({linear.module + "." + field.name, std::move(field.shape), field.dtype});
            }
            transform(linear.module, packed->second.in, linear.in, Side::kIn);
            transform(linear.module, packed->second.out, linear.out, Side::kOut);
        }
        if (!linear.bias) return;
        if (linear.parts.empty()) tensors_.push_back({linear.module + ".bias", {linear.out}});
        for (const LinearPart& part : linear.parts) tensors_.push_back({part.module + ".bias", {part.rows}});
    }
    std::vector<ExpectedTensor> take() { return std::move(tensors_); }

private:
    void transform(const std::string& module, const LinearTransform& use, std::int64_t n, Side side) {
        for (TransformField& field : use.transform->fields(use.params, n, side)) {
            tensors_.push_back({module + "." + field.name, std::move(field.shape), field.dtype});
        }
    }

    std::vector<ExpectedTensor> tensors_;
};

void add_layer(const ModelConfig& config, std::int64_t layer, TensorList& list) {
    const LayerTensorNames names = layer_tensor_names(config, layer);
    const std::vector<LinearShape> linears = layer_linears(config, layer);
    const auto attention_end = std::find_if(linears.begin(), linears.end(),
                                            [&](const LinearShape& linear) { return linear.module == names.o; });
    DWUBIT_CHECK(attention_end != linears.end());
    list.weight(names.attention_norm, {config.hidden});
    for (auto linear = linears.begin(); linear <= attention_end; ++linear) list.linear(config, *linear);
    if (config.qk_norm) {
        list.weight(names.q_norm, {config.head_dim});
        list.weight(names.k_norm, {config.head_dim});
    }
    list.weight(names.mlp_norm, {config.hidden});
    for (auto linear = attention_end + 1; linear != linears.end(); ++linear) list.linear(config, *linear);
}

bool is_float(DType dtype) {
    return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBf16 || dtype == DType::kBlocks;
}

// A tensor that check_tensors() has found, under the name of its field.
TensorView buffer_of(const TensorTable& table, const LinearShape& linear, const std::string& field) {
    const TensorView* tensor = table.find(linear.module + "." + field);
    DWUBIT_CHECK(tensor != nullptr);
    TensorView buffer = *tensor;
    buffer.name = field;
    return buffer;
}

// Old checkpoints saved RoPE's frequencies, and tied ones a copy of the embedding; both are computed here.
bool is_harmless(const ModelConfig& config, std::string_view name) {
    return name.ends_with("rotary_emb.inv_freq") || (config.tied_embeddings && name == "lm_head.weight");
}

void warn_of_surplus(const ModelConfig& config, const TensorTable& table, const std::vector<ExpectedTensor>& expected) {
    std::vector<std::string_view> known;
    for (const ExpectedTensor& tensor : expected) known.push_back(tensor.name);
    std::sort(known.begin(), known.end());
    std::size_t count = 0;
    std::string first;
    for (const auto& entry : table.tensors()) {
        if (std::binary_search(known.begin(), known.end(), entry.first) || is_harmless(config, entry.first)) continue;
        if (count++ == 0) first = entry.first;
    }
    if (count == 0) return;
    log_warning(fmt::format("the checkpoint has {} tensor{} that a {} model does not use, such as '{}'; ignored", count,
                            count == 1 ? "" : "s", config.family, printable(first)));
}

}  // namespace

GlobalTensorNames global_tensor_names(const ModelConfig& config) {
    const std::string embedding = "model.embed_tokens";
    return {embedding, "model.norm", config.tied_embeddings ? embedding : "lm_head"};
}

LayerTensorNames layer_tensor_names(const ModelConfig& config, std::int64_t layer) {
    DWUBIT_CHECK(layer >= 0 && layer < config.layers);
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    LayerTensorNames names;
    names.attention_norm = prefix + "input_layernorm";
    names.q = prefix + "self_attn.q_proj";
    names.k = prefix + "self_attn.k_proj";
    names.v = prefix + "self_attn.v_proj";
    names.o = prefix + "self_attn.o_proj";
    names.q_norm = prefix + "self_attn.q_norm";
    names.k_norm = prefix + "self_attn.k_norm";
    names.mlp_norm = prefix + "post_attention_layernorm";
    names.gate = prefix + "mlp.gate_proj";
    names.up = prefix + "mlp.up_proj";
    names.down = prefix + "mlp.down_proj";
    return names;
}

std::vector<LinearShape> model_linears(const ModelConfig& config, std::int64_t layer) {
    const LayerTensorNames names = layer_tensor_names(config, layer);
    const std::int64_t q_size = config.heads * config.head_dim;
    const std::int64_t kv_size = config.kv_heads * config.head_dim;
    return {{names.q, q_size, config.hidden, config.qkv_bias, {}},
            {names.k, kv_size, config.hidden, config.qkv_bias, {}},
            {names.v, kv_size, config.hidden, config.qkv_bias, {}},
            {names.o, config.hidden, q_size, config.o_bias, {}},
            {names.gate, config.intermediate, config.hidden, config.mlp_bias, {}},
            {names.up, config.intermediate, config.hidden, config.mlp_bias, {}},
            {names.down, config.hidden, config.intermediate, config.mlp_bias, {}}};
}

std::vector<LinearShape> layer_linears(const ModelConfig& config, std::int64_t layer) {
    std::vector<LinearShape> linears = model_linears(config, layer);
    if (config.fused.empty()) return linears;
    for (const auto& entry : config.fused) {
        const auto& parts = entry.second;
        const auto is_part = [&](const LinearShape& linear) {
            return std::find(parts.begin(), parts.end(), linear.module) != parts.end();
        };
        auto first = std::find_if(linears.begin(), linears.end(), is_part);
        if (first == linears.end()) continue;  // of another layer
        LinearShape fused{entry.first, 0, first->in, first->bias, {}};
        for (const std::string& part : parts) {
            const auto linear =
                std::find_if(linears.begin(), linears.end(), [&](const LinearShape& l) { return l.module == part; });
            DWUBIT_CHECK(linear != linears.end() && linear->in == fused.in);
            fused.parts.push_back({part, linear->out});
            fused.out += linear->out;
        }
        *first = std::move(fused);
        linears.erase(std::remove_if(linears.begin(), linears.end(), is_part), linears.end());
    }
    return linears;
}

LinearShape head_linear(const ModelConfig& config) {
    return {global_tensor_names(config).head, config.vocab, config.hidden, false, {}};
}

std::vector<LinearShape> all_linears(const ModelConfig& config) {
    std::vector<LinearShape> all;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        for (LinearShape& linear : layer_linears(config, layer)) all.push_back(std::move(linear));
    }
    if (!config.tied_embeddings) all.push_back(head_linear(config));
    return all;
}

std::optional<std::int64_t> layer_of(const ModelConfig& config, std::string_view tensor) {
    constexpr std::string_view kPrefix = "model.layers.";
    if (!tensor.starts_with(kPrefix)) return std::nullopt;
    const char* const end = tensor.data() + tensor.size();
    std::int64_t layer = 0;
    const auto [stop, code] = std::from_chars(tensor.data() + kPrefix.size(), end, layer);
    const bool named = code == std::errc() && stop != end && *stop == '.' && layer >= 0 && layer < config.layers;
    return named ? std::optional(layer) : std::nullopt;
}

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
    const GlobalTensorNames names = global_tensor_names(config);
    TensorList list;
    list.weight(names.embedding, {config.vocab, config.hidden});
    for (std::int64_t layer = 0; layer < config.layers; ++layer) add_layer(config, layer, list);
    list.weight(names.norm, {config.hidden});
    if (!config.tied_embeddings) list.linear(config, head_linear(config));
    return list.take();
}

Result<void> check_tensors(const ModelConfig& config, const TensorTable& table) {
    const std::vector<ExpectedTensor> expected = expected_tensors(config);
    for (const ExpectedTensor& want : expected) {
        auto found = table.require(want.name, want.shape);
        if (!found.ok()) return std::move(found).context("tensors against config.json").error();
        const TensorView& tensor = **found;
        if (want.dtype ? tensor.dtype == *want.dtype : is_float(tensor.dtype)) continue;
        if (want.dtype) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is {}, expected {}", tensor.file, want.name,
                          dtype_name(tensor.dtype), dtype_name(*want.dtype));
        }
        return errorf(ErrorKind::kUnsupported, "{}: tensor '{}' is {}; weights must be F32, F16 or BF16", tensor.file,
                      want.name, dtype_name(tensor.dtype));
    }
    warn_of_surplus(config, table, expected);
    return {};
}

PackedView packed_view(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed) {
    PackedView view{{linear.out, linear.in}, packed.params, {}};
    for (const FieldSpec& field : packed.format->buffers(view.params, view.shape)) {
        view.buffers.push_back(buffer_of(table, linear, field.name));
    }
    return view;
}

std::vector<TensorView> transform_view(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed,
                                       Side side) {
    const LinearTransform& use = side == Side::kIn ? packed.in : packed.out;
    std::vector<TensorView> buffers;
    for (const TransformField& field :
         use.transform->fields(use.params, side == Side::kIn ? linear.in : linear.out, side)) {
        buffers.push_back(buffer_of(table, linear, field.name));
    }
    return buffers;
}

std::vector<TensorView> stored_buffers(const TensorTable& table, const LinearShape& linear,
                                       const LinearFormat& packed) {
    std::vector<TensorView> buffers = packed_view(table, linear, packed).buffers;
    for (const Side side : {Side::kIn, Side::kOut}) {
        for (TensorView& buffer : transform_view(table, linear, packed, side)) buffers.push_back(std::move(buffer));
    }
    return buffers;
}

}  // namespace dwubit
