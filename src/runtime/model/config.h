// What a decoder of the Llama family is, independent of who published it. Families (models.inc) translate a Hugging
// Face config.json into this; everything behind them reads only this.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/tensor_table.h"
#include "json/json.h"
#include "runtime/formats/format.h"
#include "runtime/ops/rope/rope_config.h"
#include "runtime/transforms/transform.h"

namespace dwubit {

// A transform of a linear's inputs or outputs.
struct LinearTransform {
    const Transform* transform = nullptr;
    Json params;  // normalised
};

// How a linear that is not dense is stored.
struct LinearFormat {
    const Format* format = nullptr;
    Json params;  // normalised
    LinearTransform in;
    LinearTransform out;
};

struct ModelConfig {
    std::string family;        // id in models.inc: "llama", "mistral", "qwen2", "qwen3"
    std::string architecture;  // "MistralForCausalLM"
    std::int64_t hidden = 0;
    std::int64_t intermediate = 0;
    std::int64_t layers = 0;
    std::int64_t heads = 0;
    std::int64_t kv_heads = 0;  // divides heads
    std::int64_t head_dim = 0;  // even; heads * head_dim need not equal hidden
    std::int64_t vocab = 0;
    std::int64_t max_positions = 0;
    double rms_norm_eps = 1e-5;
    RopeConfig rope;
    bool tied_embeddings = false;
    bool qkv_bias = false;
    bool o_bias = false;
    bool mlp_bias = false;
    bool qk_norm = false;  // RMSNorm over head_dim on q and k before RoPE
    // Positions beyond which the checkpoint attends through a sliding window; running past it is refused.
    std::optional<std::int64_t> full_attention_limit;
    std::vector<std::int32_t> eos_ids;  // from generation_config.json, else config.json; may be empty
    std::optional<std::int32_t> bos_id;
    // By module name, from config.json's quantization_config; linears that are not here are dense.
    std::map<std::string, LinearFormat, std::less<>> packed;
    // Linears of a layer that are stored as one: its module name, and those of its parts in order of its rows.
    std::map<std::string, std::vector<std::string>, std::less<>> fused;
};

// Translates config.json (+ generation_config.json). Unknown architecture, activation, RoPE scaling or quantization is
// refused with a message that names the member and lists what is supported.
Result<ModelConfig> read_model_config(const Json& config, const Json* generation_config);

// Module names of one layer in the families' Hugging Face layout, without ".weight" or ".bias". All are filled in,
// whether or not the config has q_norm and k_norm.
struct LayerTensorNames {
    std::string attention_norm;
    std::string q, k, v, o;
    std::string q_norm, k_norm;
    std::string mlp_norm;
    std::string gate, up, down;
};

struct GlobalTensorNames {
    std::string embedding;
    std::string norm;
    std::string head;  // that of the embedding when they are tied
};

LayerTensorNames layer_tensor_names(const ModelConfig& config, std::int64_t layer);
GlobalTensorNames global_tensor_names(const ModelConfig& config);

// Some rows of a fused linear: a linear of the model.
struct LinearPart {
    std::string module;
    std::int64_t rows = 0;
};

// A linear layer y = x Wᵀ (+ b), W [out, in].
struct LinearShape {
    std::string module;
    std::int64_t out = 0;
    std::int64_t in = 0;
    bool bias = false;              // of a fused one: each part has one, under its own name
    std::vector<LinearPart> parts;  // of a fused one, in order of rows; else empty
};

// The linears of a layer as the model has them: q k v o gate up down.
std::vector<LinearShape> model_linears(const ModelConfig& config, std::int64_t layer);
// The same as they are stored: a fused one in place of its first part.
std::vector<LinearShape> layer_linears(const ModelConfig& config, std::int64_t layer);
// The head; when it is tied, its weight is the embedding's.
LinearShape head_linear(const ModelConfig& config);

// Every linear that may be packed: those of the layers, then the head unless it is tied.
std::vector<LinearShape> all_linears(const ModelConfig& config);

// The layer that a tensor belongs to by its name; none: it lies outside the layers.
std::optional<std::int64_t> layer_of(const ModelConfig& config, std::string_view tensor);

// One tensor that a checkpoint of this config must have.
struct ExpectedTensor {
    std::string name;
    Shape shape;
    std::optional<DType> dtype = std::nullopt;  // none: F32, F16 or BF16
};

// All of them, in file order of the families' Hugging Face layout (embedding, layers, norm, head). A packed linear has
// the buffers of its format, "<module>.<field>", instead of its weight.
std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config);

// Checks names, shapes and dtypes of the table against the config; the message names the tensor with
// both shapes. Surplus tensors that are known to be harmless (rotary inv_freq, a tied lm_head) are accepted; others are
// a warning in the log.
Result<void> check_tensors(const ModelConfig& config, const TensorTable& table);

// The buffers of a packed linear, which check_tensors() has found.
PackedView packed_view(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed);
// Those of the transform of its inputs or outputs.
std::vector<TensorView> transform_view(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed,
                                       Side side);
// All of them, names without the module.
std::vector<TensorView> stored_buffers(const TensorTable& table, const LinearShape& linear, const LinearFormat& packed);

}  // namespace dwubit
