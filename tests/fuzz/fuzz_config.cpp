// read_model_config on any JSON, as config.json and as generation_config.json: what it accepts keeps the promises of
// ModelConfig, and its tensor list can be made.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/json.h"
#include "runtime/model/config.h"

namespace {

void check_promises(const dwubit::ModelConfig& model) {
    DWUBIT_CHECK(model.hidden >= 1 && model.intermediate >= 1 && model.layers >= 1 && model.vocab >= 1);
    DWUBIT_CHECK(model.heads >= 1 && model.kv_heads >= 1 && model.heads % model.kv_heads == 0);
    DWUBIT_CHECK(model.head_dim >= 2 && model.head_dim % 2 == 0);
    DWUBIT_CHECK(model.max_positions >= 1);
    DWUBIT_CHECK(!model.full_attention_limit ||
                 (*model.full_attention_limit >= 1 && *model.full_attention_limit < model.max_positions));
    DWUBIT_CHECK(std::isfinite(model.rms_norm_eps) && model.rms_norm_eps > 0);
    DWUBIT_CHECK(std::isfinite(model.rope.theta) && model.rope.theta >= 1 && model.rope.factor >= 1);
    DWUBIT_CHECK(model.rope.high_freq_factor > model.rope.low_freq_factor && model.rope.original_context >= 1);
    for (const std::int32_t id : model.eos_ids) DWUBIT_CHECK(id >= 0 && id < model.vocab);
    DWUBIT_CHECK(!model.bos_id || (*model.bos_id >= 0 && *model.bos_id < model.vocab));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto json = dwubit::parse_json({reinterpret_cast<const char*>(data), size});
    if (!json.ok()) return 0;
    const auto model = dwubit::read_model_config(*json, &*json);
    if (!model.ok()) {
        DWUBIT_CHECK(!model.error().message.empty() && model.error().message.size() < 1024);
        return 0;
    }
    check_promises(*model);
    if (model->layers <= 64) {
        for (const auto& tensor : dwubit::expected_tensors(*model)) {
            std::int64_t count = 0;
            DWUBIT_CHECK(dwubit::element_count(tensor.shape, &count) && count >= 1);
        }
        DWUBIT_CHECK(!dwubit::check_tensors(*model, dwubit::TensorTable()).ok());
    }
    return 0;
}
