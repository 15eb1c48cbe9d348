#include "runtime/model/families.h"

#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr Family kFamilies[] = {
#define DWUBIT_MODEL(id, architecture) {#id, #architecture, translate_##id},
#include "runtime/model/models.inc"
#undef DWUBIT_MODEL
};

bool is_null_member(const Json& config, const char* key) {
    const auto at = config.find(key);
    return at != config.end() && at->is_null();
}

Result<void> read_heads(const Json& config, const DecoderDefaults& defaults, ModelConfig& model) {
    const Fields fields(config, "config.json");
    DWUBIT_ASSIGN(model.heads, fields.integer("num_attention_heads", 1, kMaxHeads));
    const bool is_null = is_null_member(config, "num_key_value_heads");
    const std::int64_t kv_default = is_null ? model.heads : defaults.kv_heads.value_or(model.heads);
    DWUBIT_ASSIGN(model.kv_heads, fields.integer("num_key_value_heads", 1, kMaxHeads, kv_default));
    if (model.heads % model.kv_heads != 0) {
        return errorf(ErrorKind::kInvalidInput,
                      "config.json: 'num_key_value_heads' must divide num_attention_heads {}, got {}", model.heads,
                      model.kv_heads);
    }
    if (fields.has("head_dim") || defaults.head_dim) {
        DWUBIT_ASSIGN(model.head_dim, fields.integer("head_dim", 2, kMaxHeadDim, defaults.head_dim));
    } else if (model.hidden % model.heads != 0) {
        return errorf(
            ErrorKind::kInvalidInput,
            "config.json: 'hidden_size' {} is no multiple of num_attention_heads {}, and there is no head_dim",
            model.hidden, model.heads);
    } else {
        model.head_dim = model.hidden / model.heads;
    }
    if (model.head_dim % 2 != 0) {
        return errorf(ErrorKind::kInvalidInput, "config.json: heads of {} elements; RoPE needs an even head_dim",
                      model.head_dim);
    }
    if (model.heads * model.head_dim > kMaxModelSize) {
        return errorf(ErrorKind::kInvalidInput, "config.json: {} heads of {} elements are more than {}", model.heads,
                      model.head_dim, kMaxModelSize);
    }
    return {};
}

Result<void> check_activation(const Fields& fields) {
    DWUBIT_ASSIGN(const std::string activation, fields.string("hidden_act", "silu"));
    if (activation == "silu" || activation == "swish") return {};
    return errorf(ErrorKind::kUnsupported, "config.json: 'hidden_act' '{}' is not supported", printable(activation))
        .with_hint("supported: silu");
}

struct LayerTypes {
    bool given = false;
    bool any_sliding = false;
};

Result<LayerTypes> read_layer_types(const Fields& fields, std::int64_t layers) {
    LayerTypes types;
    if (!fields.has("layer_types")) return types;
    types.given = true;
    DWUBIT_ASSIGN(const Json* list, fields.array("layer_types"));
    if (list->size() != static_cast<std::size_t>(layers)) {
        return fields.invalid("layer_types", fmt::format("an array of {} names, one per layer", layers));
    }
    for (const Json& type : *list) {
        if (type == "sliding_attention") {
            types.any_sliding = true;
        } else if (type != "full_attention") {
            return errorf(ErrorKind::kUnsupported, "config.json: 'layer_types' has {}", printable(dump_json(type)))
                .with_hint("supported: full_attention, sliding_attention");
        }
    }
    return types;
}

}  // namespace

std::span<const Family> families() {
    return kFamilies;
}

Result<ModelConfig> read_decoder(const Json& config, const DecoderDefaults& defaults) {
    const Fields fields(config, "config.json");
    ModelConfig model;
    DWUBIT_ASSIGN(model.hidden, fields.integer("hidden_size", 1, kMaxModelSize));
    DWUBIT_ASSIGN(model.intermediate, fields.integer("intermediate_size", 1, kMaxModelSize));
    DWUBIT_ASSIGN(model.layers, fields.integer("num_hidden_layers", 1, kMaxLayers));
    DWUBIT_ASSIGN(model.vocab, fields.integer("vocab_size", 1, kMaxVocab));
    DWUBIT_ASSIGN(model.max_positions,
                  fields.integer("max_position_embeddings", 1, kMaxPositions, defaults.max_positions));
    DWUBIT_ASSIGN(model.rms_norm_eps, fields.number("rms_norm_eps", 1e-12, 0.1, 1e-6));
    DWUBIT_ASSIGN(model.tied_embeddings, fields.boolean("tie_word_embeddings", false));
    DWUBIT_TRY(check_activation(fields));
    DWUBIT_TRY(read_heads(config, defaults, model));
    DWUBIT_ASSIGN(model.rope, read_rope(config, model.max_positions));
    return model;
}

std::optional<std::int64_t> full_attention_limit(std::int64_t window, std::int64_t max_positions) {
    if (window >= max_positions) return std::nullopt;
    return window;
}

Result<std::optional<std::int64_t>> read_layer_windows(const Json& config, const ModelConfig& model) {
    using Limit = std::optional<std::int64_t>;
    constexpr std::int64_t kDefaultWindow = 4096;
    constexpr std::int64_t kDefaultFullLayers = 28;
    const Fields fields(config, "config.json");
    DWUBIT_ASSIGN(const bool in_use, fields.boolean("use_sliding_window", false));
    const bool has_window = in_use && !is_null_member(config, "sliding_window");
    DWUBIT_ASSIGN(const LayerTypes types, read_layer_types(fields, model.layers));
    DWUBIT_ASSIGN(const std::int64_t full_layers,
                  fields.integer("max_window_layers", 0, kMaxPositions, kDefaultFullLayers));
    if (types.any_sliding && !has_window) {
        return errorf(ErrorKind::kInvalidInput,
                      "config.json: 'layer_types' has sliding_attention, but no sliding window is in use")
            .with_hint("set use_sliding_window and sliding_window, or make every layer full_attention");
    }
    const bool slides = types.given ? types.any_sliding : has_window && full_layers < model.layers;
    if (!slides) return Limit();
    DWUBIT_ASSIGN(const std::int64_t window, fields.integer("sliding_window", 1, kMaxPositions, kDefaultWindow));
    return full_attention_limit(window, model.max_positions);
}

}  // namespace dwubit
