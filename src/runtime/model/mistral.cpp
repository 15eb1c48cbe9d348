// Mistral: no biases; every layer slides when there is a window. A config without the member means 4096, null means
// none.
#include "runtime/model/families.h"

namespace dwubit {

Result<ModelConfig> translate_mistral(const Json& config) {
    DWUBIT_ASSIGN(ModelConfig model, read_decoder(config, {.kv_heads = 8, .head_dim = {}, .max_positions = 131072}));
    const Fields fields(config, "config.json");
    if (config.contains("sliding_window") && !fields.has("sliding_window")) return model;
    DWUBIT_ASSIGN(const std::int64_t window, fields.integer("sliding_window", 1, kMaxPositions, 4096));
    model.full_attention_limit = full_attention_limit(window, model.max_positions);
    return model;
}

}  // namespace dwubit
