// Kernels of the formats that block_unpack_inl.h takes apart: products with int8 activations, rows for the dense
// product.
#pragma once

#include "runtime/formats/block_kernels.h"
#include "runtime/formats/block_unpack_inl.h"
#include "runtime/formats/int8_block_inl.h"
#include "runtime/formats/product_rows_inl.h"

namespace dwubit::blocks {
namespace {

constexpr std::int64_t kSumColumns = 16;

// A row of activations, in the order of its columns; of `in`, a multiple of 32:
//
//   in int8           x / s rounded; with int8x2 in more for 256 times what that left over
//   in / 32 floats    s, with int8x2 s / 256
//   in / 16 floats    sums of 16 rounded activations, times s
struct Arranged {
    std::int64_t scales;
    std::int64_t sums;
    std::int64_t bytes;  // a multiple of 64
};
template <bool kResidual>
constexpr Arranged arranged(std::int64_t in) {
    const std::int64_t scales = in * (kResidual ? 2 : 1);
    const std::int64_t sums = scales + in / kInt8Block * 4;
    return {scales, sums, (sums + in / kSumColumns * 4 + 63) / 64 * 64};
}

template <bool kResidual>
inline void arrange_row(const float* x, std::int64_t in, void* out) {
    const Arranged layout = arranged<kResidual>(in);
    auto* const bytes = static_cast<unsigned char*>(out);
    auto* const high = reinterpret_cast<std::int8_t*>(bytes);
    auto* const scales = reinterpret_cast<float*>(bytes + layout.scales);
    auto* const sums = reinterpret_cast<float*>(bytes + layout.sums);
    for (std::int64_t at = 0; at < in; at += kInt8Block) {
        std::int8_t unused[kInt8Block];
        std::int8_t* const low = kResidual ? high + in + at : unused;
        const float scale = round_block<kResidual>(x + at, high + at, low);
        scales[at / kInt8Block] = kResidual ? scale / 256.0f : scale;
        for (std::int64_t half = 0; half < kInt8Block; half += kSumColumns) {
            std::int32_t sum = 0;
            for (std::int64_t i = half; i < half + kSumColumns; ++i) {
                sum += kResidual ? high[at + i] * 256 + low[i] : high[at + i];
            }
            sums[(at + half) / kSumColumns] = static_cast<float>(sum) * scales[at / kInt8Block];
        }
    }
}

// Takes a block apart in memory. Without the barrier g++ 12 drops stores that vector code reads back (all values came
// out 0 at -O3 with AVX-512).
template <class Parts>
inline void unpack_to_memory(const typename Parts::Block& block, Parts& parts) {
    parts.unpack(block);
    __asm__ volatile("" : : "r"(&parts) : "memory");
}

template <int kCount>
inline std::int32_t dot(const std::int8_t* a, const std::int8_t* b) {
    std::int32_t sum = 0;
    for (int i = 0; i < kCount; ++i) sum += a[i] * b[i];
    return sum;
}

// One block times a row of activations from column `first` on. Sum: float, or double for the reference.
template <class Parts, bool kResidual, class Sum>
inline Sum block_dot(const Parts& parts, const unsigned char* x, const Arranged& layout, std::int64_t in,
                     std::int64_t first) {
    const auto* const high = reinterpret_cast<const std::int8_t*>(x) + first;
    const auto* const scales = reinterpret_cast<const float*>(x + layout.scales) + first / kInt8Block;
    const auto* const sums = reinterpret_cast<const float*>(x + layout.sums) + first / kSumColumns;
    constexpr int kGroup = Parts::kGroup;
    Sum total = 0;
    for (int g = 0; g < Parts::kGroups; ++g) {
        std::int32_t sum = dot<kGroup>(parts.q + g * kGroup, high + g * kGroup);
        if constexpr (kResidual) sum = sum * 256 + dot<kGroup>(parts.q + g * kGroup, high + in + g * kGroup);
        total += Sum{parts.scale[g]} * (Sum{scales[g * kGroup / kInt8Block]} * static_cast<Sum>(sum));
        if constexpr (Parts::kMin) {
            Sum all = 0;
            for (int i = 0; i < kGroup / kSumColumns; ++i) all += sums[g * kGroup / kSumColumns + i];
            total -= Sum{parts.min[g]} * all;
        }
    }
    return total;
}

template <class Parts, bool kResidual, class Sum>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const Arranged layout = arranged<kResidual>(m.in);
    const auto dot_row = [&]<int kCount>(const unsigned char* some, std::int64_t row, float* to, std::int64_t stride) {
        Sum sums[kCount] = {};
        const auto* block = reinterpret_cast<const typename Parts::Block*>(m.blocks + row * m.row_bytes);
        for (std::int64_t b = 0; b < m.row_blocks; ++b) {
            Parts parts;
            unpack_to_memory(block[b], parts);
            for (int i = 0; i < kCount; ++i) {
                sums[i] +=
                    block_dot<Parts, kResidual, Sum>(parts, some + i * layout.bytes, layout, m.in, b * Parts::kWeights);
            }
        }
        for (int i = 0; i < kCount; ++i) to[i * stride] = static_cast<float>(sums[i]);
    };
    product_rows(dot_row, static_cast<const unsigned char*>(x), layout.bytes, rows, first, columns, y);
}

inline void store(float* out, float value) {
    *out = value;
}

// Rounded to nearest even, of finite values.
inline void store(std::uint16_t* out, float value) {
    const auto bits = __builtin_bit_cast(std::uint32_t, value);
    *out = static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

template <class Parts, class T>
inline void dequantize(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const auto* const block = reinterpret_cast<const typename Parts::Block*>(m.blocks + first * m.row_bytes);
    auto* to = static_cast<T*>(out);
    for (std::int64_t b = 0; b < count * m.row_blocks; ++b, to += Parts::kWeights) {
        Parts parts;
        unpack_to_memory(block[b], parts);
        for (int g = 0; g < Parts::kGroups; ++g) {
            const std::int8_t* const q = parts.q + g * Parts::kGroup;
            T* const group = to + g * Parts::kGroup;
            const float scale = parts.scale[g];
            const float min = Parts::kMin ? parts.min[g] : 0.0f;
            for (int i = 0; i < Parts::kGroup; ++i) store(group + i, scale * static_cast<float>(q[i]) - min);
        }
    }
}

}  // namespace
}  // namespace dwubit::blocks
