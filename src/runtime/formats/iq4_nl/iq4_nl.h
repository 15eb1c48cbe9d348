// Format iq4_nl: ggml's IQ4_NL, 4 bits, unevenly spaced values, a scale per 32 weights, 4.5 bits per weight.
// docs/formats/iq4_nl.md
#pragma once

#include "runtime/formats/block_format.h"

namespace dwubit {

extern const BlockSpec kIq4NlSpec;
const Format& iq4_nl_format();

}  // namespace dwubit
