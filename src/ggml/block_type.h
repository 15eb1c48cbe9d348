// The block types of ggml that GGUF files use, as data: a row of weights is a sequence of blocks, `weights` weights in
// `bytes` bytes each. Plain floats are types too, with blocks of one weight. docs/formats/ggml.md has the layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace dwubit {

struct BlockType {
    std::uint32_t id;  // ggml's number, as in GGUF files
    const char* name;  // ggml's name: "IQ2_XXS", "Q4_K", "BF16"
    int weights;       // per block
    int bytes;         // per block

    // `blocks` consecutive blocks, at any address, to [blocks * weights] floats. Any bits are legal.
    void (*decode)(const std::byte* in, std::int64_t blocks, float* out);

    // One row of `blocks` blocks: [blocks * weights] finite floats to bytes. `importance` [blocks * weights], none
    // negative, weighs the squared error of each column; nullptr where there is none. nullptr: the type is only read.
    void (*encode)(const float* row, std::int64_t blocks, const float* importance, std::byte* out) = nullptr;
    bool needs_importance = false;  // encode() takes no nullptr

    constexpr double bits_per_weight() const { return 8.0 * bytes / weights; }
};

// All types, in the order of their ids.
std::span<const BlockType> block_types();
// nullptr if this build does not know it.
const BlockType* find_block_type(std::uint32_t id);
const BlockType* find_block_type(std::string_view name);

}  // namespace dwubit
