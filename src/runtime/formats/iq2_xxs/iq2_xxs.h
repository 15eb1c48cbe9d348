// Format iq2_xxs: ggml's IQ2_XXS, points of a grid in eight dimensions, 2.0625 bits per weight. docs/formats/iq2_xxs.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kIq2XxsSpec;
const Format& iq2_xxs_format();

}  // namespace dwubit
