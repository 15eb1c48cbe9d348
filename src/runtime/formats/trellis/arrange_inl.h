// A row of activations in int8 in the order of kernels.h.
#pragma once

#include "runtime/formats/int8_block_inl.h"
#include "runtime/formats/trellis/hash.h"
#include "runtime/formats/trellis/kernels.h"

namespace dwubit::trellis {
namespace {

enum class Copies { kTwoWords, kFourBytes };

template <bool kResidual, Copies kCopies>
inline void arrange_int8(const void* matrix, const float* x, void* out) {
    static_assert(!kResidual || kCopies == Copies::kTwoWords);
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* block = static_cast<unsigned char*>(out);
    for (std::int64_t first = 0; first < m.in; first += kBlock, block += kBlockBytes) {
        float values[kBlock];
        std::int8_t high[kBlock];
        std::int8_t low[kBlock] = {};
        const std::int64_t count = m.in - first < kBlock ? m.in - first : kBlock;
        for (std::int64_t i = 0; i < kBlock; ++i) values[i] = i < count ? x[first + i] : 0.0f;
        const float scale = round_block<kResidual>(values, high, low);
        auto* const to = reinterpret_cast<std::uint32_t*>(block);
        std::int32_t sum = 0;
        for (std::int64_t i = 0; i < kBlock; ++i) {
            const std::int32_t value = kResidual ? 256 * high[i] + low[i] : high[i];
            sum += value;
            if constexpr (kCopies == Copies::kTwoWords) {
                to[i] = static_cast<std::uint16_t>(value) * 0x10001u;
            } else {
                to[i] = static_cast<std::uint8_t>(value) * 0x1010101u;
            }
        }
        auto* const trailer = reinterpret_cast<Trailer*>(block + kBlockTrailer);
        trailer->scale = kResidual ? scale / 256.0f : scale;
        trailer->surplus = kByteSumCentre * sum;
        trailer->sum = trailer->scale * static_cast<float>(sum);
    }
}

// value = slope * (sum of bytes - kByteSumCentre) + rest
struct Line {
    float slope;
    float rest;
};
inline Line line_of(Code code) {
    if (code == Code::k1Mad) return {1 / k1MadDivisor, 0.0f};
    return {kMul1Slope, static_cast<float>((kMul1Bias + kByteSumCentre) * double{kMul1Slope} + double{kMul1Offset})};
}

}  // namespace
}  // namespace dwubit::trellis
