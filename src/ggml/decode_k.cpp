// The types with blocks of 256 weights whose scales are quantized themselves: Q2_K to Q6_K.
#include "ggml/decode.h"
#include "ggml/layout.h"

namespace dwubit::ggml {
namespace {

// Calls decode_one(block, out) for each block.
template <class Block, class DecodeOne>
void for_blocks(const std::byte* in, std::int64_t blocks, float* out, const DecodeOne& decode_one) {
    for (std::int64_t b = 0; b < blocks; ++b) decode_one(reinterpret_cast<const Block*>(in)[b], out + b * kSuper);
}

// Two bits of weight `i` of Q2_K and Q3_K.
int two_bits(const Byte* qs, int i) {
    return qs[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3;
}

// Four bits of weight `i` of Q4_K and Q5_K.
int four_bits(const Byte* qs, int i) {
    return qs[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15;
}

// Scale `j` of the 16 of Q3_K.
int q3_scale(const Byte* scales, int j) {
    const int low = scales[j % 8] >> (j / 8 * 4) & 15;
    const int high = scales[8 + j % 4] >> (j / 4 * 2) & 3;
    return (low | high << 4) - 32;
}

}  // namespace

void decode_q2_k(const std::byte* in, std::int64_t blocks, float* out) {
    for_blocks<BlockQ2K>(in, blocks, out, [](const BlockQ2K& block, float* y) {
        const float d = read_f16(block.d);
        const float dmin = read_f16(block.dmin);
        for (int i = 0; i < kSuper; ++i) {
            const int scales = block.scales[i / 16];
            y[i] = d * static_cast<float>(scales & 15) * static_cast<float>(two_bits(block.qs, i)) -
                   dmin * static_cast<float>(scales >> 4);
        }
    });
}

void decode_q3_k(const std::byte* in, std::int64_t blocks, float* out) {
    for_blocks<BlockQ3K>(in, blocks, out, [](const BlockQ3K& block, float* y) {
        const float d = read_f16(block.d);
        for (int i = 0; i < kSuper; ++i) {
            const int high = block.hmask[i % 32] >> (i / 32) & 1;
            y[i] = d * static_cast<float>(q3_scale(block.scales, i / 16)) *
                   static_cast<float>(two_bits(block.qs, i) - 4 * (1 - high));
        }
    });
}

void decode_q4_k(const std::byte* in, std::int64_t blocks, float* out) {
    for_blocks<BlockQ4K>(in, blocks, out, [](const BlockQ4K& block, float* y) {
        const float d = read_f16(block.d);
        const float dmin = read_f16(block.dmin);
        for (int i = 0; i < kSuper; ++i) {
            const auto [scale, min] = get_scale_min(block.scales, i / 32);
            y[i] = d * static_cast<float>(scale) * static_cast<float>(four_bits(block.qs, i)) -
                   dmin * static_cast<float>(min);
        }
    });
}

void decode_q5_k(const std::byte* in, std::int64_t blocks, float* out) {
    for_blocks<BlockQ5K>(in, blocks, out, [](const BlockQ5K& block, float* y) {
        const float d = read_f16(block.d);
        const float dmin = read_f16(block.dmin);
        for (int i = 0; i < kSuper; ++i) {
            const auto [scale, min] = get_scale_min(block.scales, i / 32);
            const int q = four_bits(block.qs, i) | (block.qh[i % 32] >> (i / 32) & 1) << 4;
            y[i] = d * static_cast<float>(scale) * static_cast<float>(q) - dmin * static_cast<float>(min);
        }
    });
}

void decode_q6_k(const std::byte* in, std::int64_t blocks, float* out) {
    for_blocks<BlockQ6K>(in, blocks, out, [](const BlockQ6K& block, float* y) {
        const float d = read_f16(block.d);
        for (int i = 0; i < kSuper; ++i) {
            const int low = block.ql[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4) & 15;
            const int high = two_bits(block.qh, i);
            y[i] = d * static_cast<float>(static_cast<std::int8_t>(block.scales[i / 16])) *
                   static_cast<float>((low | high << 4) - 32);
        }
    });
}

}  // namespace dwubit::ggml
