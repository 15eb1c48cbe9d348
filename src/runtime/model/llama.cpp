// Llama 2 and 3 and what shares their class: biases are optional.
#include "runtime/model/families.h"

namespace dwubit {

Result<ModelConfig> translate_llama(const Json& config) {
    DWUBIT_ASSIGN(ModelConfig model, read_decoder(config, {.kv_heads = {}, .head_dim = {}, .max_positions = 2048}));
    const Fields fields(config, "config.json");
    DWUBIT_ASSIGN(model.qkv_bias, fields.boolean("attention_bias", false));
    model.o_bias = model.qkv_bias;
    DWUBIT_ASSIGN(model.mlp_bias, fields.boolean("mlp_bias", false));
    return model;
}

}  // namespace dwubit
