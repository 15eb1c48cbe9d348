// Which block type llama.cpp's quantizer gives each tensor of a file of type IQ2_XXS (llama_ftype MOSTLY_IQ2_XXS).
#pragma once

#include <cstdint>

#include "ggml/block_type.h"

namespace dwubit::lab {

enum class MixRole { kQuery, kKey, kValue, kOutput, kGate, kUp, kDown };

struct MixPlace {
    MixRole role = MixRole::kGate;
    std::int64_t layer = 0;
    std::int64_t layers = 1;  // of the model
    std::int64_t heads_per_kv_head = 1;
};

// For a linear of `columns` inputs; nullptr where no type serves: columns are no multiple of 32.
const BlockType* iq2_xxs_mix(const MixPlace& place, std::int64_t columns);

}  // namespace dwubit::lab
