#include "runtime/ops/sample/sample.h"

#include "base/error.h"
#include "runtime/ops/op_table.h"

namespace dwubit {

Result<std::int32_t> sample_greedy(std::span<const float> logits) {
    const std::int64_t index = active_ops().argmax(logits.data(), static_cast<std::int64_t>(logits.size()));
    if (index >= 0) return static_cast<std::int32_t>(index);
    if (index == -1) return make_error(ErrorKind::kInvalidInput, "the model gives no token a finite logit");
    return errorf(ErrorKind::kInvalidInput, "the model's logit {} is NaN: its weights are unusable", -2 - index);
}

}  // namespace dwubit
