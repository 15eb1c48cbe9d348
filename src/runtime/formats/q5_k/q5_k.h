// Format q5_k: ggml's Q5_K, 5 bits, scale and minimum per 32 weights, 5.5 bits per weight. docs/formats/q5_k.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ5KSpec;
const Format& q5_k_format();

}  // namespace dwubit
