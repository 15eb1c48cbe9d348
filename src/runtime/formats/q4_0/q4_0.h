// Format q4_0: ggml's Q4_0, 4 bits, a scale per 32 weights, 4.5 bits per weight. docs/formats/q4_0.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ40Spec;
const Format& q4_0_format();

}  // namespace dwubit
