// Rounds a row of activations to int8 in the order of kernels.h. Plain loops, which the compiler turns into vector code
// with each file's flags; every level gives the same bits.
#pragma once

#include "runtime/formats/int8_block_inl.h"
#include "runtime/formats/uniform_group/kernels.h"

namespace dwubit::uniform_group {
namespace {

static_assert(kBlock == kInt8Block);

// round_block(), and the sums of 16 values each, in units of the scale or, with kResidual, of a 256th of it.
template <bool kResidual>
inline float round_and_add(const float* x, std::int8_t* high, std::int8_t* low, std::int32_t* sums) {
    const float scale = round_block<kResidual>(x, high, low);
    for (std::int64_t s = 0; s < kBlock / kSegment; ++s) {
        std::int32_t sum = 0;
        for (std::int64_t i = s * kSegment; i < (s + 1) * kSegment; ++i) {
            sum += kResidual ? high[i] * 256 + low[i] : high[i];
        }
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

// To the nearest bf16, ties to even; numbers that are not finite are left alone.
inline float round_to_bf16(float x) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x);
    const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u;
    return __builtin_bit_cast(float, (bits & 0x7f800000u) == 0x7f800000u ? bits : rounded);
}

template <bool kBf16>
inline void arrange_floats(const Matrix& m, const float* x, unsigned char* out) {
    const ArrangedF32 layout = arranged_f32(m);
    auto* const values = reinterpret_cast<float*>(out);
    auto* const group_sums = reinterpret_cast<float*>(out + layout.sums);
    load_columns(m, x, 0, m.in, layout.sums / 4, values);
    if constexpr (kBf16) {
        for (std::int64_t i = 0; i < m.in; ++i) values[i] = round_to_bf16(values[i]);
    }
    for (std::int64_t g = 0; g < m.groups; ++g) {
        const std::int64_t end = m.in < (g + 1) * m.group ? m.in : (g + 1) * m.group;
        float lanes[8] = {};
        std::int64_t j = g * m.group;
        for (; j + 8 <= end; j += 8) {
            for (int l = 0; l < 8; ++l) lanes[l] += values[j + l];
        }
        for (; j < end; ++j) lanes[0] += values[j];
        float sum = 0;
        for (int l = 0; l < 8; ++l) sum += lanes[l];
        group_sums[g] = sum;
    }
    for (std::int64_t g = m.groups; g < padded_groups(m); ++g) group_sums[g] = 0.0f;
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
            const float scale =
                round_and_add<kResidual>(values + b * kBlock, high + b * kBlock, low + b * kBlock, sums);
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
