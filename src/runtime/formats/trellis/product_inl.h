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
            const std::int64_t start = b * kTile < first ? first - b * kTile : 0;
            const std::int64_t left = first + columns - b * kTile;
            const std::int64_t end = left < kTile ? left : kTile;
            for (std::int64_t i = 0; i < count; ++i) {
                float* const to = y + (done + i) * columns + b * kTile - first;
                for (std::int64_t r = start; r < end; ++r) to[r] = sums[i][r];
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
