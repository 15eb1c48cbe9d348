// How int8 activations lie beside weights that a kernel makes eight at a time. Fixed-width types only: the *_avx* files
// include it.
//
// A chunk is 256 columns, 32 eights. Its weights are made as four vectors of 64 bytes: vector c has eight 4 q + c in
// bytes [8 q, 8 q + 8), so that bytes [8 q, 8 q + 8) of all four are 32 neighbouring columns, which share a scale of
// int8 activations. Activations are put into that order once.
#pragma once

#include <cstdint>

namespace dwubit {
// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

inline constexpr std::int64_t kChunkColumns = 256;
inline constexpr std::int64_t kVectors = 4;  // of a chunk
inline constexpr std::int64_t kVectorBytes = 64;
inline constexpr std::int64_t kLanes = 16;  // of 4 bytes in a vector
inline constexpr std::int64_t kScaleColumns = 32;

// The column inside a chunk that byte `at` of its 256 belongs to. Order::coordinate(j): of position j inside an eight.
template <class Order>
constexpr std::int64_t lane_column(std::int64_t at) {
    return at % kVectorBytes / 8 * kScaleColumns + at / kVectorBytes * 8 + Order::coordinate(at % 8);
}

constexpr std::int64_t lane_chunks(std::int64_t columns) {
    return (columns + kChunkColumns - 1) / kChunkColumns;
}

// A row of activations in int8, chunk by chunk:
//
//   256 int8         x / s rounded; with int8x2 256 more for 256 times what that left over
//   16 floats        of each lane of the vectors: s, with int8x2 s / 256
//   16 int32         of each lane, over the four vectors: Order::kOffset times the sum of the rounded activations in
//                    that unit
struct ArrangedInt8 {
    std::int64_t scales;  // offsets in a chunk, in bytes
    std::int64_t sums;
    std::int64_t stride;  // of chunks
};
constexpr ArrangedInt8 arranged_int8(bool residual) {
    const std::int64_t values = kChunkColumns * (residual ? 2 : 1);
    return {values, values + kLanes * 4, values + kLanes * 8};
}

}  // namespace
}  // namespace dwubit
