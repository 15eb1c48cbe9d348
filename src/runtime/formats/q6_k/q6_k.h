// Format q6_k: ggml's Q6_K, 6 bits, a scale per 16 weights, 6.5625 bits per weight. docs/formats/q6_k.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ6KSpec;
const Format& q6_k_format();

}  // namespace dwubit
