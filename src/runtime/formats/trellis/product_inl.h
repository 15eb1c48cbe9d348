// What kernels of all levels share: loops with their index known to the compiler, the choice of code and bits, and the
// loops around one band of W: rows of activations four at a time, then one by one.
#pragma once

#include "runtime/formats/trellis/kernels.h"

namespace dwubit::trellis {
namespace {

// use.template operator()<i>() for kFirst <= i < kEnd: shifts need their counts at compile time.
template <int kFirst, int kEnd, class Use>
[[gnu::always_inline]] inline void unrolled(const Use& use) {
    if constexpr (kFirst < kEnd) {
        use.template operator()<kFirst>();
        unrolled<kFirst + 1, kEnd>(use);
    }
}

// use.template operator()<code, bits>() of the matrix.
template <Code kCode, class Use>
inline void with_bits(int bits, const Use& use) {
    if (bits == 1) return use.template operator()<kCode, 1>();
    if (bits == 2) return use.template operator()<kCode, 2>();
    if (bits == 3) return use.template operator()<kCode, 3>();
    use.template operator()<kCode, 4>();
}
template <class Use>
inline void with_linear_code(const Matrix& m, const Use& use) {
    if (m.code == Code::k1Mad) return with_bits<Code::k1Mad>(m.bits, use);
    with_bits<Code::kMul1>(m.bits, use);
}
template <class Use>
inline void with_code(const Matrix& m, const Use& use) {
    if (m.code == Code::k3Inst) return with_bits<Code::k3Inst>(m.bits, use);
    if (m.code == Code::kHyb) return with_bits<Code::kHyb>(m.bits, use);
    with_linear_code(m, use);
}

// Where the pairs of a tile's rows are among [8 steps of a part][16 parts].
struct PairPlaces {
    unsigned char at[kTile][kTile / 2];
};
inline PairPlaces pair_places(int bits) {
    PairPlaces places;
    for (std::int64_t r = 0; r < kTile; ++r) {
        for (std::int64_t q = 0; q < kTile / 2; ++q) {
            const std::int64_t step = step_of(Code::kHyb, bits, r, 2 * q);
            places.at[r][q] = static_cast<unsigned char>(step % 8 * kTile + step / 8);
        }
    }
    return places;
}

// The part of a band that rows [first, first + count) of W are in: rows [begin, end) of it.
struct BandRows {
    std::int64_t begin;
    std::int64_t end;
};
inline BandRows rows_of_band(std::int64_t b, std::int64_t first, std::int64_t count) {
    const std::int64_t start = b * kTile;
    const std::int64_t left = first + count - start;
    return {start < first ? first - start : 0, left < kTile ? left : kTile};
}

// TileKernel: dequantize_tile<kCode, kBits>(matrix, tile, rows, out): columns of one tile; row r of the band goes to
// out + (r - rows.begin) * matrix.in.
template <class TileKernel, class T>
inline void dequantize_bands(const void* matrix, std::int64_t first, std::int64_t count, T* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    with_code(m, [&]<Code kCode, int kBits>() {
        const TileKernel kernel(m);
        for (std::int64_t b = first / kTile; b * kTile < first + count; ++b) {
            const BandRows rows = rows_of_band(b, first, count);
            T* const to = out + (b * kTile + rows.begin - first) * m.in;
            for (std::int64_t t = 0; t < tiles(m); ++t) {
                kernel.template dequantize_tile<kCode, kBits>(band(m, b) + t * tile_bytes(kBits), rows, to + t * kTile);
            }
        }
    });
}

// BandKernel: dot_band<kCode, kBits, kCount>(matrix, codes of the band, x, sums): one band times kCount rows of x,
// which are `step` bytes apart; sums [kCount][16]. A row's sums run in one order whatever kCount is.
template <class BandKernel, Code kCode, int kBits>
inline void multiply(const Matrix& m, const unsigned char* x, std::int64_t step, std::int64_t rows, std::int64_t first,
                     std::int64_t columns, float* y) {
    constexpr std::int64_t kMany = 4;
    alignas(64) float sums[kMany][kTile];
    for (std::int64_t done = 0; done < rows;) {
        const std::int64_t count = rows - done < kMany ? 1 : kMany;
        const unsigned char* const from = x + done * step;
        for (std::int64_t b = first / kTile; b * kTile < first + columns; ++b) {
            if (count == kMany) {
                BandKernel::template dot_band<kCode, kBits, kMany>(m, band(m, b), from, sums);
            } else {
                BandKernel::template dot_band<kCode, kBits, 1>(m, band(m, b), from, sums);
            }
            const BandRows some = rows_of_band(b, first, columns);
            for (std::int64_t i = 0; i < count; ++i) {
                float* const to = y + (done + i) * columns + b * kTile - first;
                for (std::int64_t r = some.begin; r < some.end; ++r) to[r] = sums[i][r];
            }
        }
        done += count;
    }
}

template <class BandKernel>
inline void product_int8(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                         float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    with_linear_code(m, [&]<Code kCode, int kBits>() {
        multiply<BandKernel, kCode, kBits>(m, bytes, blocks(m) * kBlockBytes, rows, first, columns, y);
    });
}

template <class BandKernel>
inline void product_f32(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                        float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    with_code(m, [&]<Code kCode, int kBits>() {
        multiply<BandKernel, kCode, kBits>(m, bytes, m.in * std::int64_t{sizeof(float)}, rows, first, columns, y);
    });
}

}  // namespace
}  // namespace dwubit::trellis
