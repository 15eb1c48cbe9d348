// What the kernels of trellis read, and their names. Fixed-width types only: the *_avx* and .cu files include it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dwubit::trellis {

enum class Code : int { k1Mad, k3Inst, kMul1, kHyb };  // as TrellisCode

inline constexpr std::int64_t kTile = 16;     // rows and columns
inline constexpr std::int64_t kPairs = 1024;  // HYB's, by bits 6 to 15 of the hash

struct Matrix {
    const unsigned char* codes;
    const float* values;          // of the states [2^16]; HYB: pairs [kPairs][2], the flip of the first number done
    const std::uint16_t* halves;  // HYB: the numbers as f16, all first ones [512], then all second ones
    std::int64_t out;
    std::int64_t in;
    Code code;
    int bits;
    float scale;
};

// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

constexpr std::int64_t tile_bytes(int bits) {
    return 32 * bits;
}

// Tiles of a band.
constexpr std::int64_t tiles(const Matrix& m) {
    return m.in / kTile;
}

constexpr const unsigned char* band(const Matrix& m, std::int64_t index) {
    return m.codes + index * tiles(m) * tile_bytes(m.bits);
}

// Where 16 bits of the stream lie in a tile: word `word` of its 16 * bits.
constexpr std::int64_t word_offset(int bits, std::int64_t word) {
    const std::int64_t lane = word / bits;
    const std::int64_t at = word % bits;
    const std::int64_t plane = at / 2 * 64;
    if (at == bits - 1 && bits % 2 == 1) return plane + 2 * lane;
    return plane + 4 * lane + (at % 2 == 0 ? 2 : 0);
}

constexpr std::uint32_t word_of(const unsigned char* tile, int bits, std::int64_t word) {
    const unsigned char* const at = tile + word_offset(bits, word);
    return static_cast<std::uint32_t>(at[0] | at[1] << 8);
}

// The 16 bits from bit `bit` of the circular stream on.
constexpr std::uint32_t window(const unsigned char* tile, int bits, std::int64_t bit) {
    const std::int64_t word = bit / 16;
    const std::uint32_t both = word_of(tile, bits, word) << 16 | word_of(tile, bits, (word + 1) % (16 * bits));
    return both >> (16 - bit % 16) & 0xffff;
}

// Whether sequences have the order of QTIP's released kernels. A part of the stream then holds rows r / 2 and r / 2 + 8
// in turn, columns 0, 8, 2, 10 (even parts) or 4, 12, 6, 14 (odd parts) and the next.
constexpr bool in_fragments(Code code, int bits) {
    return code == Code::kHyb && bits >= 2;
}

// Where in a row of 16 activations that of `column` stands for the kernels that read floats: beside that of another
// part where there are fragments, 0 1 4 5, 8 9 12 13, 2 3 6 7, 10 11 14 15.
constexpr std::int64_t float_place(bool fragments, std::int64_t column) {
    if (!fragments) return column;
    return column % 4 / 2 * 8 + column / 8 * 4 + column / 4 % 2 * 2 + column % 2;
}

// Which step of the tile's path stands for this weight (for HYB: and for the next, of an even column).
constexpr std::int64_t step_of(Code code, int bits, std::int64_t row, std::int64_t column) {
    if (code != Code::kHyb) return kTile * row + column;
    if (!in_fragments(code, bits)) return (kTile * row + column) / 2;
    return 16 * (row % 8) + column % 8 / 2 * 4 + column / 8 * 2 + row / 8;
}

constexpr std::uint32_t state_of(const Matrix& m, const unsigned char* tile, std::int64_t row, std::int64_t column) {
    const int step_bits = m.code == Code::kHyb ? 2 * m.bits : m.bits;
    return window(tile, m.bits, step_bits * step_of(m.code, m.bits, row, column));
}

// A row of activations in int8, as arrange_* write it, block by block of 32 columns (the last may be of 16, which
// counts as 32 with zeros):
//
//   32 int32    a column's rounded activation v = 256 high + low, or high alone with int8: twice as int16, or (for
//               dot products of bytes) four times as int8
//   float       the scale of v
//   int32       kByteSumCentre times the sum of v
//   float       the scale times the sum of v
//   then up to 64 bytes nothing
inline constexpr std::int64_t kBlock = 32;
inline constexpr std::int64_t kBlockTrailer = kBlock * 4;
inline constexpr std::int64_t kBlockBytes = kBlockTrailer + 64;

struct Trailer {
    float scale;
    std::int32_t surplus;
    float sum;
};

inline std::int64_t blocks(const Matrix& m) {
    return (m.in + kBlock - 1) / kBlock;
}

}  // namespace

#define DWUBIT_ARRANGE(name) void name(const void* matrix, const float* x, void* out)
#define DWUBIT_PRODUCT(name) \
    void name(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y)
#define DWUBIT_DEQUANTIZE(name) void name(const void* matrix, std::int64_t first, std::int64_t count, void* out)

DWUBIT_ARRANGE(arrange_f32);
DWUBIT_ARRANGE(arrange_int8x2_ref);
DWUBIT_ARRANGE(arrange_int8_ref);
DWUBIT_PRODUCT(trellis_gemv_f32_ref);
DWUBIT_PRODUCT(trellis_gemv_int8x2_ref);
DWUBIT_PRODUCT(trellis_gemv_int8_ref);

DWUBIT_ARRANGE(arrange_int8x2_avx2);
DWUBIT_ARRANGE(arrange_int8_avx2);
DWUBIT_PRODUCT(trellis_gemv_f32_avx2);
DWUBIT_PRODUCT(trellis_gemv_int8x2_avx2);
DWUBIT_PRODUCT(trellis_gemv_int8_avx2);
DWUBIT_DEQUANTIZE(trellis_dequantize_f32_avx2);

DWUBIT_ARRANGE(arrange_int8x2_avx512);
DWUBIT_ARRANGE(arrange_int8_avx512);
DWUBIT_PRODUCT(trellis_gemv_int8x2_avx512_vnni_vbmi);
DWUBIT_PRODUCT(trellis_gemv_int8_avx512_vnni_vbmi);
DWUBIT_PRODUCT(trellis_gemv_f32_avx512);
DWUBIT_DEQUANTIZE(trellis_dequantize_f32_avx512);
DWUBIT_DEQUANTIZE(trellis_dequantize_bf16_avx512);

#undef DWUBIT_ARRANGE
#undef DWUBIT_PRODUCT
#undef DWUBIT_DEQUANTIZE

}  // namespace dwubit::trellis
