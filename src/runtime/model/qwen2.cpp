// Qwen2 and Qwen2.5: biases on q, k and v only, in every checkpoint.
#include "runtime/model/families.h"

namespace dwubit {

Result<ModelConfig> translate_qwen2(const Json& config) {
    DWUBIT_ASSIGN(ModelConfig model, read_decoder(config, {.kv_heads = 32, .head_dim = {}, .max_positions = 32768}));
    model.qkv_bias = true;
    DWUBIT_ASSIGN(model.full_attention_limit, read_layer_windows(config, model));
    return model;
}

}  // namespace dwubit
