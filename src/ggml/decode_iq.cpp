// The types whose weights are points of a grid of 8 or 4 dimensions, with signs apart: IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS.
#include "ggml/decode.h"
#include "ggml/layout.h"
#include "ggml/tables.h"

namespace dwubit::ggml {
namespace {

float with_sign(float x, unsigned signs, int i) {
    return x * (signs >> i & 1u ? -1.0f : 1.0f);
}

// Eight weights: a point of one of the IQ2 grids, two bits per coordinate.
void decode_point(float scale, unsigned packed, unsigned signs, float* y) {
    for (int i = 0; i < 8; ++i) {
        y[i] = with_sign(scale * static_cast<float>(kIq2Levels[packed >> (2 * i) & 3u]), signs, i);
    }
}

// Four weights: a point of the grid of IQ3_XXS, four bits per coordinate.
void decode_point3(float scale, unsigned packed, unsigned signs, float* y) {
    for (int i = 0; i < 4; ++i) {
        y[i] = with_sign(scale * static_cast<float>(kIq3Levels[packed >> (4 * i) & 7u]), signs, i);
    }
}

}  // namespace

void decode_iq2_xxs(const std::byte* in, std::int64_t blocks, float* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        const BlockIq2Xxs& block = reinterpret_cast<const BlockIq2Xxs*>(in)[b];
        const float d = read_f16(block.d);
        for (int group = 0; group < 8; ++group, out += 32) {
            const Byte* const index = block.qs + 8 * group;
            const std::uint32_t signs = read_u32(index + 4);
            const float scale = d * (0.5f + static_cast<float>(signs >> 28)) * 0.25f;
            for (int k = 0; k < 4; ++k) {
                decode_point(scale, kIq2XxsGrid[index[k]], signs_of(signs >> (7 * k) & 127u), out + 8 * k);
            }
        }
    }
}

void decode_iq2_xs(const std::byte* in, std::int64_t blocks, float* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        const BlockIq2Xs& block = reinterpret_cast<const BlockIq2Xs*>(in)[b];
        const float d = read_f16(block.d);
        for (int k = 0; k < 32; ++k, out += 8) {
            const int scale = block.scales[k / 4] >> (k / 2 % 2 * 4) & 15;
            const unsigned code = read_u16(block.qs + 2 * k);
            decode_point(d * (0.5f + static_cast<float>(scale)) * 0.25f, kIq2XsGrid[code & 511u], signs_of(code >> 9),
                         out);
        }
    }
}

void decode_iq2_s(const std::byte* in, std::int64_t blocks, float* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        const BlockIq2S& block = reinterpret_cast<const BlockIq2S*>(in)[b];
        const float d = read_f16(block.d);
        for (int k = 0; k < 32; ++k, out += 8) {
            const int scale = block.scales[k / 4] >> (k / 2 % 2 * 4) & 15;
            const int index = block.qs[k] | (block.qh[k / 4] >> (k % 4 * 2) & 3) << 8;
            decode_point(d * (0.5f + static_cast<float>(scale)) * 0.25f, kIq2SGrid[index], block.signs[k], out);
        }
    }
}

void decode_iq3_xxs(const std::byte* in, std::int64_t blocks, float* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        const BlockIq3Xxs& block = reinterpret_cast<const BlockIq3Xxs*>(in)[b];
        const float d = read_f16(block.d);
        for (int k = 0; k < 32; ++k, out += 8) {
            const std::uint32_t word = read_u32(block.signs + k / 4 * 4);
            const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
            const unsigned signs = signs_of(word >> (k % 4 * 7) & 127u);
            decode_point3(scale, kIq3XxsGrid[block.qs[2 * k]], signs, out);
            decode_point3(scale, kIq3XxsGrid[block.qs[2 * k + 1]], signs >> 4, out + 4);
        }
    }
}

}  // namespace dwubit::ggml
