// The bytes of ggml's blocks, in the order of the file; all little-endian, without padding. docs/formats/ggml.md says
// what they mean. Members are bytes, so that a block may lie at any address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/float16.h"

namespace dwubit::ggml {

using Byte = std::uint8_t;

constexpr int kSmall = 32;   // weights per block of the simple types
constexpr int kSuper = 256;  // weights per block of the others

struct BlockQ40 {
    Byte d[2];    // F16
    Byte qs[16];  // weight i: low half of byte i; weight 16 + i: high half
};

struct BlockQ41 {
    Byte d[2];
    Byte m[2];
    Byte qs[16];
};

struct BlockQ50 {
    Byte d[2];
    Byte qh[4];  // fifth bit of weight i: bit i
    Byte qs[16];
};

struct BlockQ51 {
    Byte d[2];
    Byte m[2];
    Byte qh[4];
    Byte qs[16];
};

struct BlockQ80 {
    Byte d[2];
    Byte qs[32];  // int8
};

using BlockIq4Nl = BlockQ40;  // the halves are indices of kIq4NlValues

struct BlockQ2K {
    Byte scales[16];  // of 16 weights: scale in the low half, minimum in the high half
    Byte qs[64];      // weight 128 n + 32 p + i: bits 2p, 2p + 1 of byte 32 n + i
    Byte d[2];
    Byte dmin[2];
};

struct BlockQ3K {
    Byte hmask[32];   // third bit of weight 32 p + i: bit p of byte i; 0 subtracts 4
    Byte qs[64];      // as in Q2_K
    Byte scales[12];  // 16 numbers of 6 bits, 32 added
    Byte d[2];
};

struct BlockQ4K {
    Byte d[2];
    Byte dmin[2];
    Byte scales[12];  // 8 scales and 8 minima of 6 bits: get_scale_min()
    Byte qs[128];     // weight 64 n + i, i < 32: low half of byte 32 n + i; weight 64 n + 32 + i: high half
};

struct BlockQ5K {
    Byte d[2];
    Byte dmin[2];
    Byte scales[12];
    Byte qh[32];  // fifth bit of weight 32 p + i: bit p of byte i
    Byte qs[128];
};

struct BlockQ6K {
    Byte ql[128];     // weight 128 n + 64 h + i, i < 64: half h of byte 64 n + i
    Byte qh[64];      // upper two bits of weight 128 n + 32 p + i: bits 2p, 2p + 1 of byte 32 n + i
    Byte scales[16];  // int8, of 16 weights
    Byte d[2];
};

struct BlockIq2Xxs {
    Byte d[2];
    Byte qs[64];  // per 32 weights: 4 grid indices, then an u32: 4 x 7 signs, scale in the upper 4 bits
};

struct BlockIq2Xs {
    Byte d[2];
    Byte qs[64];     // per 8 weights an u16: grid index of 9 bits, 7 signs
    Byte scales[8];  // per 32 weights: low half of the first 16, high half of the others
};

struct BlockIq2S {
    Byte d[2];
    Byte qs[32];     // per 8 weights: lower 8 bits of the grid index
    Byte signs[32];  // per 8 weights
    Byte qh[8];      // per 32 weights: upper 2 bits of 4 grid indices
    Byte scales[8];
};

struct BlockIq3Xxs {
    Byte d[2];
    Byte qs[64];     // per 4 weights: grid index
    Byte signs[32];  // per 32 weights an u32 as in IQ2_XXS
};

static_assert(sizeof(BlockQ40) == 18 && sizeof(BlockQ41) == 20 && sizeof(BlockQ50) == 22 && sizeof(BlockQ51) == 24);
static_assert(sizeof(BlockQ80) == 34 && sizeof(BlockQ2K) == 84 && sizeof(BlockQ3K) == 110 && sizeof(BlockQ4K) == 144);
static_assert(sizeof(BlockQ5K) == 176 && sizeof(BlockQ6K) == 210 && sizeof(BlockIq2Xxs) == 66);
static_assert(sizeof(BlockIq2Xs) == 74 && sizeof(BlockIq2S) == 82 && sizeof(BlockIq3Xxs) == 98);

inline float read_f16(const Byte* at) {
    F16 value{};
    std::memcpy(&value, at, sizeof(value));
    return to_float(value);
}

inline void write_f16(float value, Byte* at) {
    const F16 rounded = to_f16(value);
    std::memcpy(at, &rounded, sizeof(rounded));
}

inline std::uint32_t read_u32(const Byte* at) {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

inline std::uint16_t read_u16(const Byte* at) {
    std::uint16_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return value;
}

// Scale and minimum `j` of the 8 of a Q4_K or Q5_K block. Bytes: 0..3 low 6 bits of scales 0..3, 4..7 of minima 0..3;
// 8..11 low 4 bits of scale 4..7 and of minimum 4..7, whose upper 2 bits are on top of bytes 0..7.
struct ScaleMin {
    int scale;
    int min;
};
inline ScaleMin get_scale_min(const Byte* scales, int j) {
    if (j < 4) return {scales[j] & 63, scales[j + 4] & 63};
    return {(scales[j + 4] & 15) | (scales[j - 4] >> 6 << 4), (scales[j + 4] >> 4) | (scales[j] >> 6 << 4)};
}

// The 7 stored signs and the eighth, which makes the number of minus signs even; bit i = weight i is negative.
inline unsigned signs_of(unsigned seven) {
    return seven | (static_cast<unsigned>(__builtin_popcount(seven)) & 1u) << 7;
}

}  // namespace dwubit::ggml
