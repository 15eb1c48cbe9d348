// Choosing the next token from logits.
#pragma once

#include <cstdint>
#include <span>

#include "dwubit/result.h"

namespace dwubit {

// The index of the largest logit, the lowest one of equals. Error when a logit is NaN or all are -infinity.
Result<std::int32_t> sample_greedy(std::span<const float> logits);

}  // namespace dwubit
