#include "runtime/ops/sample/sample.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace dwubit {

Result<std::int32_t> sample_greedy(std::span<const float> logits) {
    float best = -std::numeric_limits<float>::infinity();
    std::int32_t index = -1;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        if (std::isnan(logits[i])) {
            return errorf(ErrorKind::kInvalidInput, "the model's logit {} is NaN: its weights are unusable", i);
        }
        if (logits[i] > best) {
            best = logits[i];
            index = static_cast<std::int32_t>(i);
        }
    }
    if (index < 0) return make_error(ErrorKind::kInvalidInput, "the model gives no token a finite logit");
    return index;
}

}  // namespace dwubit
