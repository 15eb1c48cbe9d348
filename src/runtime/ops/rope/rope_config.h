// Rotary embedding as a checkpoint states it; ops/rope/rope.h turns it into angles.
#pragma once

#include <cstdint>

namespace dwubit {

enum class RopeScaling { kNone, kLinear, kLlama3 };

struct RopeConfig {
    double theta = 10000.0;
    RopeScaling scaling = RopeScaling::kNone;
    double factor = 1.0;                   // linear, llama3
    double low_freq_factor = 1.0;          // llama3
    double high_freq_factor = 4.0;         // llama3
    std::int64_t original_context = 8192;  // llama3: original_max_position_embeddings
};

}  // namespace dwubit
