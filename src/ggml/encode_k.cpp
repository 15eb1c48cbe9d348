// The types with blocks of 256 weights whose scales are quantized themselves: Q2_K, Q4_K, Q5_K, Q6_K.
#include <algorithm>
#include <cmath>

#include "ggml/encode.h"
#include "ggml/fit.h"
#include "ggml/layout.h"

namespace dwubit::ggml {
namespace {

constexpr ScaleSearch kWeighted = {-0.9f, 0.05f, 36, false};  // with importance, for every type

// A block of groups of kGroup weights, each scale * code - min, while it is made.
template <int kGroup>
struct Fit {
    static constexpr int kGroups = kSuper / kGroup;
    float scales[kGroups];
    float mins[kGroups];
    std::uint8_t scale_codes[kGroups];
    std::uint8_t min_codes[kGroups];
    std::uint8_t codes[kSuper];

    // How much importance and size of a weight count. `factor`: of its variance in the block.
    void fit_weighted(const float* x, const float* importance, float factor, int nmax, int most_scale, Byte* d,
                      Byte* dmin) {
        float sum = 0;
        for (int i = 0; i < kSuper; ++i) sum += x[i] * x[i];
        const float variance = factor * sum / kSuper;
        float weight_sums[kGroups];
        for (int g = 0; g < kGroups; ++g) {
            const float* const at = x + kGroup * g;
            float w[kGroup];
            weight_sums[g] = 0;
            for (int i = 0; i < kGroup; ++i) {
                w[i] = importance[kGroup * g + i] * std::sqrt(variance + at[i] * at[i]);
                weight_sums[g] += w[i];
            }
            scales[g] = fit_scale_min(kGroup, nmax, at, w, kWeighted, codes + kGroup * g, &mins[g]);
        }
        write_f16(fit_unsigned(kGroups, most_scale, scales, weight_sums, scale_codes), d);
        write_f16(fit_unsigned(kGroups, most_scale, mins, weight_sums, min_codes), dmin);
    }

    // Without importance; `weigh(x, w)` sets the weights of a group.
    template <class Weigh>
    void fit_plain(const float* x, const ScaleSearch& search, int nmax, const Weigh& weigh) {
        for (int g = 0; g < kGroups; ++g) {
            float w[kGroup];
            weigh(x + kGroup * g, w);
            scales[g] = fit_scale_min(kGroup, nmax, x + kGroup * g, w, search, codes + kGroup * g, &mins[g]);
        }
    }

    // Codes once more, for the scales as they are stored.
    void round_again(const float* x, int nmax, const Byte* d, const Byte* dmin) {
        for (int g = 0; g < kGroups; ++g) {
            const float scale = read_f16(d) * static_cast<float>(scale_codes[g]);
            if (scale == 0) continue;
            const float min = read_f16(dmin) * static_cast<float>(min_codes[g]);
            for (int i = kGroup * g; i < kGroup * (g + 1); ++i) {
                codes[i] = static_cast<std::uint8_t>(std::clamp(nearest_int((x[i] + min) / scale), 0, nmax));
            }
        }
    }
};

float largest_of(const float* x, int n) {
    float largest = 0;
    for (int i = 0; i < n; ++i) largest = x[i] > largest ? x[i] : largest;
    return largest;
}

// Two bits of 256 weights to 64 bytes, as two_bits() of decode_k.cpp reads them; `shift` of the codes' bits.
void pack_two_bits(const std::uint8_t* codes, int shift, Byte* out) {
    for (int i = 0; i < 64; ++i) {
        const std::uint8_t* const at = codes + i / 32 * 128 + i % 32;
        int byte = 0;
        for (int p = 0; p < 4; ++p) byte |= (at[32 * p] >> shift & 3) << (2 * p);
        out[i] = static_cast<Byte>(byte);
    }
}

// The lower four bits of Q4_K and Q5_K.
void pack_four_bits(const std::uint8_t* codes, Byte* out) {
    for (int i = 0; i < 128; ++i) {
        const std::uint8_t* const at = codes + i / 32 * 64 + i % 32;
        out[i] = static_cast<Byte>((at[0] & 15) | (at[32] & 15) << 4);
    }
}

// The 12 bytes that get_scale_min() reads.
void pack_scale_min(const std::uint8_t* scales, const std::uint8_t* mins, Byte* out) {
    for (int j = 0; j < 4; ++j) {
        out[j] = static_cast<Byte>(scales[j] | scales[j + 4] >> 4 << 6);
        out[j + 4] = static_cast<Byte>(mins[j] | mins[j + 4] >> 4 << 6);
        out[j + 8] = static_cast<Byte>((scales[j + 4] & 15) | (mins[j + 4] & 15) << 4);
    }
}

// To 6 bits, the largest to 63.
void round_to_63(const float* x, float largest, std::uint8_t* codes) {
    const float inverse = largest > 0 ? 63.0f / largest : 0.0f;
    for (int j = 0; j < 8; ++j) {
        codes[j] = std::min(std::uint8_t{63}, static_cast<std::uint8_t>(nearest_int(inverse * x[j])));
    }
}

// What Q4_K and Q5_K share: scales, minima and codes of one block.
void fit_block(const float* x, const float* importance, int nmax, const ScaleSearch& plain, Fit<32>& fit, Byte* d,
               Byte* dmin, Byte* scales) {
    if (importance != nullptr) {
        fit.fit_weighted(x, importance, 2, nmax, 63, d, dmin);
    } else {
        fit.fit_plain(x, plain, nmax, [](const float* group, float* w) {
            float sum = 0;
            for (int i = 0; i < 32; ++i) sum += group[i] * group[i];
            const float average = std::sqrt(sum / 32);
            for (int i = 0; i < 32; ++i) w[i] = average + std::fabs(group[i]);
        });
        const float most_scale = largest_of(fit.scales, 8);
        const float most_min = largest_of(fit.mins, 8);
        round_to_63(fit.scales, most_scale, fit.scale_codes);
        round_to_63(fit.mins, most_min, fit.min_codes);
        write_f16(most_scale / 63.0f, d);
        write_f16(most_min / 63.0f, dmin);
    }
    pack_scale_min(fit.scale_codes, fit.min_codes, scales);
    fit.round_again(x, nmax, d, dmin);
}

// To 4 bits, the largest to 15; returns the scale.
float round_to_15(const float* x, std::uint8_t* codes) {
    const float largest = largest_of(x, 16);
    const float inverse = largest > 0 ? 15.0f / largest : 0.0f;
    for (int j = 0; j < 16; ++j) codes[j] = static_cast<std::uint8_t>(nearest_int(inverse * x[j]));
    return largest / 15.0f;
}

void encode_block(const float* x, const float* importance, BlockQ2K& block) {
    Fit<16> fit;
    if (importance != nullptr) {
        fit.fit_weighted(x, importance, 1, 3, 15, block.d, block.dmin);
    } else {
        fit.fit_plain(x, {-0.5f, 0.1f, 15, true}, 3, [](const float* group, float* w) {
            for (int i = 0; i < 16; ++i) w[i] = std::fabs(group[i]);
        });
        write_f16(round_to_15(fit.scales, fit.scale_codes), block.d);
        write_f16(round_to_15(fit.mins, fit.min_codes), block.dmin);
    }
    for (int g = 0; g < 16; ++g) block.scales[g] = static_cast<Byte>(fit.scale_codes[g] | fit.min_codes[g] << 4);
    fit.round_again(x, 3, block.d, block.dmin);
    pack_two_bits(fit.codes, 0, block.qs);
}

void encode_block(const float* x, const float* importance, BlockQ4K& block) {
    Fit<32> fit;
    fit_block(x, importance, 15, {-1.0f, 0.1f, 20, false}, fit, block.d, block.dmin, block.scales);
    pack_four_bits(fit.codes, block.qs);
}

void encode_block(const float* x, const float* importance, BlockQ5K& block) {
    Fit<32> fit;
    fit_block(x, importance, 31, {-0.5f, 0.1f, 15, false}, fit, block.d, block.dmin, block.scales);
    pack_four_bits(fit.codes, block.qs);
    for (int i = 0; i < 32; ++i) {
        int byte = 0;
        for (int p = 0; p < 8; ++p) byte |= fit.codes[32 * p + i] >> 4 << p;
        block.qh[i] = static_cast<Byte>(byte);
    }
}

void encode_block(const float* x, const float* importance, BlockQ6K& block) {
    std::uint8_t codes[kSuper];
    float scales[16];
    float extreme = 0;
    for (int g = 0; g < 16; ++g) {
        float w[16];
        for (int i = 0; i < 16; ++i) {
            const int at = 16 * g + i;
            w[i] = importance != nullptr ? importance[at] : x[at] * x[at];
        }
        scales[g] = fit_signed(16, 32, x + 16 * g, w, codes + 16 * g);
        if (std::fabs(scales[g]) > std::fabs(extreme)) extreme = scales[g];
    }
    if (std::fabs(extreme) < kLeastGroup) {
        block = {};
        return;
    }
    const float inverse = -128.0f / extreme;
    write_f16(1 / inverse, block.d);
    for (int g = 0; g < 16; ++g) {
        block.scales[g] = static_cast<Byte>(std::min(127, nearest_int(inverse * scales[g])));
        const float scale = read_f16(block.d) * static_cast<float>(static_cast<std::int8_t>(block.scales[g]));
        if (scale == 0) continue;
        for (int i = 16 * g; i < 16 * (g + 1); ++i) {
            codes[i] = static_cast<std::uint8_t>(std::clamp(nearest_int(x[i] / scale), -32, 31) + 32);
        }
    }
    for (int i = 0; i < 128; ++i) {
        const std::uint8_t* const at = codes + i / 64 * 128 + i % 64;
        block.ql[i] = static_cast<Byte>((at[0] & 15) | (at[64] & 15) << 4);
    }
    pack_two_bits(codes, 4, block.qh);
}

template <class Block>
void encode_row(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    for (std::int64_t b = 0; b < blocks; ++b) {
        encode_block(row + b * kSuper, importance == nullptr ? nullptr : importance + b * kSuper,
                     reinterpret_cast<Block*>(out)[b]);
    }
}

}  // namespace

void encode_q2_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_row<BlockQ2K>(row, blocks, importance, out);
}

void encode_q4_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_row<BlockQ4K>(row, blocks, importance, out);
}

void encode_q5_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_row<BlockQ5K>(row, blocks, importance, out);
}

void encode_q6_k(const float* row, std::int64_t blocks, const float* importance, std::byte* out) {
    encode_row<BlockQ6K>(row, blocks, importance, out);
}

}  // namespace dwubit::ggml
