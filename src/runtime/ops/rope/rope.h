// Rotary position embedding: the table of angles and its frequency scalings (RoFormer, Su et al. 2021, section 3.4;
// linear interpolation: Chen et al. 2023; llama3: the frequency-dependent rule published with Llama 3.1).
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/ops/rope/rope_config.h"

namespace dwubit {

// Inverse frequencies, [head_dim / 2], in float32 like the reference implementations: models were trained with the
// rounding of these very numbers.
std::vector<float> rope_inverse_frequencies(const RopeConfig& config, std::int64_t head_dim);

// Cosines and sines of position * frequency for positions [0, positions()), grown on demand.
class RopeTable {
public:
    RopeTable() = default;
    explicit RopeTable(std::vector<float> inverse_frequencies) : frequencies_(std::move(inverse_frequencies)) {}

    // Not thread-safe; call before the positions are used.
    void grow(std::int64_t positions);

    // [half]
    const float* cosine(std::int64_t position) const { return cosine_.data() + position * half(); }
    const float* sine(std::int64_t position) const { return sine_.data() + position * half(); }
    std::int64_t half() const { return static_cast<std::int64_t>(frequencies_.size()); }

private:
    std::vector<float> frequencies_;
    std::vector<float> cosine_;
    std::vector<float> sine_;
};

}  // namespace dwubit
