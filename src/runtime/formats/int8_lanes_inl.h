// A row of activations in int8 in the order of int8_lanes.h.
#pragma once

#include "runtime/formats/int8_block_inl.h"
#include "runtime/formats/int8_lanes.h"

namespace dwubit {
namespace {

// x: [in]
template <class Order, bool kResidual>
inline void arrange_int8_lanes(const float* x, std::int64_t in, void* out) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    auto* chunk = static_cast<unsigned char*>(out);
    for (std::int64_t c = 0; c < lane_chunks(in); ++c, chunk += kLayout.stride) {
        float values[kChunkColumns];
        std::int8_t high[kChunkColumns];
        std::int8_t low[kChunkColumns];
        const std::int64_t first = c * kChunkColumns;
        const std::int64_t count = in - first < kChunkColumns ? in - first : kChunkColumns;
        for (std::int64_t i = 0; i < count; ++i) values[i] = x[first + i];
        for (std::int64_t i = count; i < kChunkColumns; ++i) values[i] = 0.0f;
        auto* const scales = reinterpret_cast<float*>(chunk + kLayout.scales);
        for (std::int64_t b = 0; b < kChunkColumns / kInt8Block; ++b) {
            const std::int64_t at = b * kInt8Block;
            const float scale = round_block<kResidual>(values + at, high + at, low + at);
            scales[2 * b] = scales[2 * b + 1] = kResidual ? scale / 256.0f : scale;
        }
        auto* const to = reinterpret_cast<std::int8_t*>(chunk);
        auto* const sums = reinterpret_cast<std::int32_t*>(chunk + kLayout.sums);
        for (std::int64_t l = 0; l < kLanes; ++l) sums[l] = 0;
        for (std::int64_t i = 0; i < kChunkColumns; ++i) {
            const std::int64_t column = lane_column<Order>(i);
            to[i] = high[column];
            std::int32_t value = +high[column];
            if constexpr (kResidual) {
                to[kChunkColumns + i] = low[column];
                value = value * 256 + low[column];
            }
            sums[i % kVectorBytes / 4] += Order::kOffset * value;
        }
    }
}

}  // namespace
}  // namespace dwubit
