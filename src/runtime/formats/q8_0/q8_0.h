// Format q8_0: ggml's Q8_0, 8 bits, a scale per 32 weights, 8.5 bits per weight. docs/formats/q8_0.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kQ80Spec;
const Format& q8_0_format();

}  // namespace dwubit
