// The list of model families and what their translators have in common. Only config.cpp, the families and
// gguf_model.cpp use this.
//
// Every rule is that of the family's configuration class in Hugging Face transformers, defaults included.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "checkpoint/quantization_config.h"
#include "json/json.h"
#include "runtime/model/config.h"

namespace dwubit {

struct Family {
    std::string_view id;
    std::string_view architecture;
    // config.json to everything of ModelConfig but family, architecture and token ids.
    Result<ModelConfig> (*translate)(const Json& config);
};

// In the order of models.inc.
std::span<const Family> families();

#define DWUBIT_MODEL(id, architecture) Result<ModelConfig> translate_##id(const Json& config);
#include "runtime/model/models.inc"
#undef DWUBIT_MODEL

constexpr std::int64_t kMaxModelSize = std::int64_t{1} << 20;  // hidden, intermediate, heads * head_dim
constexpr std::int64_t kMaxLayers = 4096;
constexpr std::int64_t kMaxHeads = 4096;
constexpr std::int64_t kMaxHeadDim = 4096;
constexpr std::int64_t kMaxVocab = std::int64_t{1} << 22;
constexpr std::int64_t kMaxPositions = std::int64_t{1} << 30;

// What a member means when it is absent.
struct DecoderDefaults {
    std::optional<std::int64_t> kv_heads;  // none: as many as heads (null in the file always means that)
    std::optional<std::int64_t> head_dim;  // none: hidden / heads
    std::int64_t max_positions = 2048;
};

// The members that all families share: sizes, activation, epsilon, RoPE, tied embeddings.
Result<ModelConfig> read_decoder(const Json& config, const DecoderDefaults& defaults);

// rope_theta and rope_scaling, or the rope_parameters of transformers 5.
Result<RopeConfig> read_rope(const Json& config, std::int64_t max_positions);

// A window of `window` positions limits attention only when it is shorter than the context.
std::optional<std::int64_t> full_attention_limit(std::int64_t window, std::int64_t max_positions);

// use_sliding_window, sliding_window, max_window_layers and layer_types, as Qwen2 and Qwen3 have them.
Result<std::optional<std::int64_t>> read_layer_windows(const Json& config, const ModelConfig& model);

// Gives each linear that `quantization` names its format and transforms, with checked parameters: `model.fused` and
// `model.packed`. Errors: an unknown format, version, transform or parameter, a size that a transform has not, parts
// that do not belong together, a name that is no linear of the model.
Result<void> resolve_formats(const QuantizationConfig& quantization, ModelConfig& model);

}  // namespace dwubit
