// Blocks of ggml whose weights are a number times a small integer, less a minimum: to integers, scales and minima.
// Plain loops, which the compiler turns into vector code with each file's flags.
#pragma once

#include <cstdint>

#include "ggml/layout.h"
#include "ggml/tables.h"

namespace dwubit::blocks {
namespace {

using ggml::Byte;

// weight i of the block: scale[i / kGroup] * q[i] - min[i / kGroup], in this order; without minima: scale * q.
template <int kWeightsOf, int kGroupOf, bool kMinOf>
struct Parts {
    static constexpr int kWeights = kWeightsOf;
    static constexpr int kGroup = kGroupOf;
    static constexpr int kGroups = kWeights / kGroup;
    static constexpr bool kMin = kMinOf;
    alignas(64) std::int8_t q[kWeights];
    float scale[kGroups];
    float min[kGroups];
};

// Of a finite F16.
inline float to_f32(const Byte* at) {
    const unsigned bits = at[0] | static_cast<unsigned>(at[1]) << 8;
    const unsigned sign = (bits & 0x8000u) << 16;
    const unsigned exponent = bits >> 10 & 31u;
    const unsigned mantissa = bits & 0x3ffu;
    if (exponent != 0) return __builtin_bit_cast(float, sign | (exponent + 112u) << 23 | mantissa << 13);
    const float size = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -size : size;
}

inline void halves(const Byte* qs, std::int8_t* q) {
    for (int i = 0; i < 16; ++i) {
        q[i] = static_cast<std::int8_t>(qs[i] & 15);
        q[16 + i] = static_cast<std::int8_t>(qs[i] >> 4);
    }
}

struct Q40 : Parts<32, 32, false> {
    using Block = ggml::BlockQ40;
    void unpack(const Block& b) {
        scale[0] = to_f32(b.d);
        halves(b.qs, q);
        for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(q[i] - 8);
    }
};

struct Q50 : Parts<32, 32, false> {
    using Block = ggml::BlockQ50;
    void unpack(const Block& b) {
        scale[0] = to_f32(b.d);
        halves(b.qs, q);
        for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>((q[i] | (b.qh[i / 8] >> (i % 8) & 1) << 4) - 16);
    }
};

struct Q80 : Parts<32, 32, false> {
    using Block = ggml::BlockQ80;
    void unpack(const Block& b) {
        scale[0] = to_f32(b.d);
        for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(b.qs[i]);
    }
};

struct Iq4Nl : Parts<32, 32, false> {
    using Block = ggml::BlockIq4Nl;
    void unpack(const Block& b) {
        scale[0] = to_f32(b.d);
        const std::int8_t* const values = ggml::kIq4NlValues;
        for (int i = 0; i < 16; ++i) {
            q[i] = values[b.qs[i] & 15];
            q[16 + i] = values[b.qs[i] >> 4];
        }
    }
};

struct Q2K : Parts<256, 16, true> {
    using Block = ggml::BlockQ2K;
    void unpack(const Block& b) {
        const float d = to_f32(b.d);
        const float dmin = to_f32(b.dmin);
        for (int g = 0; g < kGroups; ++g) {
            scale[g] = d * static_cast<float>(b.scales[g] & 15);
            min[g] = dmin * static_cast<float>(b.scales[g] >> 4);
        }
        for (int n = 0; n < 2; ++n) {
            for (int p = 0; p < 4; ++p) {
                for (int i = 0; i < 32; ++i) {
                    q[128 * n + 32 * p + i] = static_cast<std::int8_t>(b.qs[32 * n + i] >> (2 * p) & 3);
                }
            }
        }
    }
};

template <class Of, class Part>
inline void unpack_scale_min(const Of& b, Part& to) {
    const float d = to_f32(b.d);
    const float dmin = to_f32(b.dmin);
    const Byte* const s = b.scales;
    for (int g = 0; g < 4; ++g) {
        to.scale[g] = d * static_cast<float>(s[g] & 63);
        to.min[g] = dmin * static_cast<float>(s[g + 4] & 63);
        to.scale[g + 4] = d * static_cast<float>((s[g + 8] & 15) | s[g] >> 6 << 4);
        to.min[g + 4] = dmin * static_cast<float>(s[g + 8] >> 4 | s[g + 4] >> 6 << 4);
    }
}

inline void four_bits(const Byte* qs, std::int8_t* q) {
    for (int n = 0; n < 4; ++n) {
        for (int i = 0; i < 32; ++i) {
            q[64 * n + i] = static_cast<std::int8_t>(qs[32 * n + i] & 15);
            q[64 * n + 32 + i] = static_cast<std::int8_t>(qs[32 * n + i] >> 4);
        }
    }
}

struct Q4K : Parts<256, 32, true> {
    using Block = ggml::BlockQ4K;
    void unpack(const Block& b) {
        unpack_scale_min(b, *this);
        four_bits(b.qs, q);
    }
};

struct Q5K : Parts<256, 32, true> {
    using Block = ggml::BlockQ5K;
    void unpack(const Block& b) {
        unpack_scale_min(b, *this);
        four_bits(b.qs, q);
        for (int p = 0; p < 8; ++p) {
            for (int i = 0; i < 32; ++i) {
                q[32 * p + i] = static_cast<std::int8_t>(q[32 * p + i] | (b.qh[i] >> p & 1) << 4);
            }
        }
    }
};

struct Q6K : Parts<256, 16, false> {
    using Block = ggml::BlockQ6K;
    void unpack(const Block& b) {
        const float d = to_f32(b.d);
        for (int g = 0; g < kGroups; ++g) {
            scale[g] = d * static_cast<float>(static_cast<std::int8_t>(b.scales[g]));
        }
        for (int n = 0; n < 2; ++n) {
            for (int p = 0; p < 4; ++p) {
                for (int i = 0; i < 32; ++i) {
                    const int low = b.ql[64 * n + 32 * (p % 2) + i] >> (p / 2 * 4) & 15;
                    const int high = b.qh[32 * n + i] >> (2 * p) & 3;
                    q[128 * n + 32 * p + i] = static_cast<std::int8_t>((low | high << 4) - 32);
                }
            }
        }
    }
};

}  // namespace
}  // namespace dwubit::blocks
