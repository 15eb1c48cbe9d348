// Qwen3: RMSNorm on the heads of q and k, head_dim 128 unless given, optional biases on all four projections.
#include "runtime/model/families.h"

namespace dwubit {

Result<ModelConfig> translate_qwen3(const Json& config) {
    DWUBIT_ASSIGN(ModelConfig model, read_decoder(config, {.kv_heads = 32, .head_dim = 128, .max_positions = 32768}));
    model.qk_norm = true;
    DWUBIT_ASSIGN(model.qkv_bias, Fields(config, "config.json").boolean("attention_bias", false));
    model.o_bias = model.qkv_bias;
    DWUBIT_ASSIGN(model.full_attention_limit, read_layer_windows(config, model));
    return model;
}

}  // namespace dwubit
