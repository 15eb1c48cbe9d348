// Rounds a row of activations to int8 in the order of kernels.h. Plain loops, which the compiler turns into vector code
// with each file's flags; every level gives the same bits.
#pragma once

#include "runtime/formats/uniform_group/kernels.h"

namespace dwubit::uniform_group {
namespace {

constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, in the low bits
constexpr std::int32_t kRoundBits = 0x4b400000;

// The 32 values at x as int8 (`high`) and 256 times the remainder (`low`); returns the scale. Sums of 16 values, in
// units of the scale or, with kResidual, of a 256th of it, go to `sums`.
template <bool kResidual>
inline float round_block(const float* x, std::int8_t* high, std::int8_t* low, std::int32_t* sums) {
    std::uint32_t largest = 0;  // of the bits without sign: ordered as the absolute values are
    for (std::int64_t i = 0; i < kBlock; ++i) {
        const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x[i]) & 0x7fffffffu;
        largest = bits > largest ? bits : largest;
    }
    const float amax = __builtin_bit_cast(float, largest);
    const float scale = amax / 127.0f;
    const float inverse = amax > 1e-30f ? 127.0f / amax : 0.0f;
    std::int32_t values[kBlock];
    for (std::int64_t i = 0; i < kBlock; ++i) {
        const float t = x[i] * inverse;
        const float shifted = t + kRoundToInteger;
        std::int32_t h = __builtin_bit_cast(std::int32_t, shifted) - kRoundBits;
        h = h > 127 ? 127 : h;  // of numbers that are not finite
        h = h < -127 ? -127 : h;
        high[i] = static_cast<std::int8_t>(h);
        values[i] = h;
        if constexpr (kResidual) {
            const float rest = (t - (shifted - kRoundToInteger)) * 256.0f + kRoundToInteger;
            std::int32_t l = __builtin_bit_cast(std::int32_t, rest) - kRoundBits;
            l = l > 127 ? 127 : l;
            l = l < -127 ? -127 : l;
            low[i] = static_cast<std::int8_t>(l);
            values[i] = h * 256 + l;
        }
    }
    for (std::int64_t s = 0; s < kBlock / kSegment; ++s) {
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i < kSegment; ++i) sum += values[s * kSegment + i];
        sums[s] = sum;
    }
    return scale;
}

// Bytes in the order of the row to planes: byte j of plane p is byte kPlanes * j + p.
template <int kPlanes>
inline void split_planes(const std::int8_t* from, std::int8_t* to) {
    for (int p = 0; p < kPlanes; ++p) {
        for (int j = 0; j < kPlaneBytes; ++j) to[p * kPlaneBytes + j] = from[kPlanes * j + p];
    }
}

// Columns [first, first + count) of a row, in stored order, zeros up to `size`.
inline void load_columns(const Matrix& m, const float* x, std::int64_t first, std::int64_t count, std::int64_t size,
                         float* out) {
    if (m.perm == nullptr) {
        for (std::int64_t i = 0; i < count; ++i) out[i] = x[first + i];
    } else {
        for (std::int64_t i = 0; i < count; ++i) out[i] = x[m.perm[first + i]];
    }
    for (std::int64_t i = count; i < size; ++i) out[i] = 0.0f;
}

template <int kBits, bool kResidual>
inline void arrange_int8(const Matrix& m, const float* x, unsigned char* out) {
    constexpr std::int64_t kColumns = chunk_columns(kBits);
    constexpr std::int64_t kLaneColumns = 4 * planes(kBits);
    const ArrangedInt8 layout = arranged_int8(m, kResidual);
    auto* const lane_scales = reinterpret_cast<float*>(out + layout.scales);
    auto* const group_sums = reinterpret_cast<float*>(out + layout.sums);
    for (std::int64_t g = 0; g < padded_groups(m); ++g) group_sums[g] = 0.0f;
    for (std::int64_t c = 0; c < chunks(m); ++c) {
        float values[kColumns];
        alignas(64) std::int8_t high[kColumns];
        alignas(64) std::int8_t low[kColumns];
        const std::int64_t first = c * kColumns;
        const std::int64_t left = m.in - first;
        load_columns(m, x, first, left < kColumns ? left : kColumns, kColumns, values);
        for (std::int64_t b = 0; b < kColumns / kBlock; ++b) {
            std::int32_t sums[kBlock / kSegment];
            const float scale = round_block<kResidual>(values + b * kBlock, high + b * kBlock, low + b * kBlock, sums);
            const float unit = kResidual ? scale / 256.0f : scale;
            for (std::int64_t l = 0; l < kBlock / kLaneColumns; ++l) {
                lane_scales[c * kLanesPerChunk + b * (kBlock / kLaneColumns) + l] = unit;
            }
            for (std::int64_t s = 0; s < kBlock / kSegment; ++s) {
                const std::int64_t column = first + b * kBlock + s * kSegment;
                if (column < m.in) group_sums[column / m.group] += static_cast<float>(sums[s]) * unit;
            }
        }
        auto* const to = reinterpret_cast<std::int8_t*>(out + c * layout.chunk_stride);
        split_planes<static_cast<int>(planes(kBits))>(high, to);
        if constexpr (kResidual) split_planes<static_cast<int>(planes(kBits))>(low, to + kColumns);
    }
}

template <bool kResidual>
inline void arrange_int8_any(const void* matrix, const float* x, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* const bytes = static_cast<unsigned char*>(out);
    switch (m.bits) {
        case 2:
            return arrange_int8<2, kResidual>(m, x, bytes);
        case 3:
            return arrange_int8<3, kResidual>(m, x, bytes);
        case 4:
            return arrange_int8<4, kResidual>(m, x, bytes);
        default:
            return arrange_int8<8, kResidual>(m, x, bytes);
    }
}

}  // namespace
}  // namespace dwubit::uniform_group
