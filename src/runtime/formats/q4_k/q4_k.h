// Format q4_k: ggml's Q4_K, 4 bits, scale and minimum per 32 weights, 4.5 bits per weight. docs/formats/q4_k.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ4KSpec;
const Format& q4_k_format();

}  // namespace dwubit
