// What the kernels of e8p read, and their names. Fixed-width types only: the *_avx* files include it.
//
// A chunk is 32 codes, whose values and activations lie as int8_lanes.h says; inside a code coordinates stand in the
// order of the sign bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/formats/int8_lanes.h"

namespace dwubit::e8p {

struct KernelTables {
    // Of a row: 2 bits for each coordinate, 0, 1, 2 for absolute values 1/2, 3/2, 5/2.
    alignas(64) std::uint16_t words[256];
    // Bit a % 8 of byte a / 8: whether row a is odd.
    alignas(64) std::uint8_t odd[32];
    // Four times the values of a row, the last one negated in odd rows.
    alignas(64) std::int8_t rows[256][8];
    // Of a sign byte: +1 and -1 after its parity has gone into bit 0, and four times the shift.
    alignas(64) std::int8_t signs[256][8];
    alignas(64) std::int8_t shifts[256][8];
    // Twice the values of the second stage's points at 3 bits.
    alignas(64) std::int8_t points[256][8];
};
const KernelTables& kernel_tables();

struct Matrix {
    const unsigned char* codes;
    const KernelTables* tables;
    std::int64_t out;
    std::int64_t in;
    std::int64_t blocks;  // codes of a row
    int bits;
    float scale;
    float second;  // what stage 2 is multiplied with: 1 / residual
};

inline constexpr std::int64_t kChunkCodes = 32;
// Added to four times the values where a kernel wants them unsigned: 1 to 23.
inline constexpr int kOffset = 12;

// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

// Of position j inside a code.
constexpr int kCoordinate[8] = {0, 2, 4, 6, 1, 3, 5, 7};

// Of int8_lanes.h.
struct LaneOrder {
    static constexpr int kOffset = e8p::kOffset;
    static constexpr int coordinate(std::int64_t j) { return kCoordinate[j]; }
};

constexpr std::int64_t column_of(std::int64_t at) {
    return lane_column<LaneOrder>(at);
}

inline std::int64_t chunks(const Matrix& m) {
    return (m.blocks + kChunkCodes - 1) / kChunkCodes;
}

}  // namespace

#define DWUBIT_ARRANGE(name) void name(const void* matrix, const float* x, void* out)
#define DWUBIT_PRODUCT(name) \
    void name(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y)
#define DWUBIT_DEQUANTIZE(name) void name(const void* matrix, std::int64_t first, std::int64_t count, void* out)

DWUBIT_ARRANGE(arrange_int8x2_ref);
DWUBIT_ARRANGE(arrange_int8_ref);
DWUBIT_PRODUCT(e8p_gemv_int8x2_ref);
DWUBIT_PRODUCT(e8p_gemv_int8_ref);

DWUBIT_ARRANGE(arrange_int8x2_avx2);
DWUBIT_ARRANGE(arrange_int8_avx2);
DWUBIT_PRODUCT(e8p_gemv_int8x2_avx2);
DWUBIT_PRODUCT(e8p_gemv_int8_avx2);
DWUBIT_DEQUANTIZE(e8p_dequantize_f32_avx2);

DWUBIT_ARRANGE(arrange_int8x2_avx512);
DWUBIT_ARRANGE(arrange_int8_avx512);
DWUBIT_PRODUCT(e8p_gemv_int8x2_avx512_vnni_vbmi);
DWUBIT_PRODUCT(e8p_gemv_int8_avx512_vnni_vbmi);
DWUBIT_DEQUANTIZE(e8p_dequantize_f32_avx512_vbmi);
DWUBIT_DEQUANTIZE(e8p_dequantize_bf16_avx512_vbmi);

#undef DWUBIT_ARRANGE
#undef DWUBIT_PRODUCT
#undef DWUBIT_DEQUANTIZE

}  // namespace dwubit::e8p
