// Format q2_k: ggml's Q2_K, 2 bits, scale and minimum per 16 weights, 2.625 bits per weight. docs/formats/q2_k.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ2KSpec;
const Format& q2_k_format();

}  // namespace dwubit
