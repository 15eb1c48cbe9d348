// What the kernels of uniform_group read, and their names. Fixed-width types only: the *_avx* files include it.
//
// Codes are taken in chunks of one vector. With 2, 4 and 8 bits a chunk is 64 bytes, shifted and masked into 8 / bits
// planes of 64 codes: byte j of plane p is code (8 / bits) * j + p, so that nothing has to be moved between bytes. The
// activations are put into the same order once. With 3 bits a chunk is 64 codes in 24 bytes, one plane in the order of
// the row. A chunk has 16 lanes of 4 bytes in each plane, and a lane stands for 4 * planes neighbouring columns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dwubit::uniform_group {

struct Matrix {
    const unsigned char* codes;
    const unsigned char* scales;  // F16 bits, any address
    const unsigned char* zeros;   // nullptr for the mirror grid
    const std::uint32_t* perm;    // nullptr without
    std::int64_t out;
    std::int64_t in;
    std::int64_t group;
    std::int64_t groups;
    std::int64_t row_bytes;
    std::int64_t zero_bytes;  // of the whole stream
    int bits;
    float mirror_offset;
    // For each chunk its first group, and for each of its lanes the group counted from that one. Columns behind the
    // row's end belong to its last group. Only where groups are whole lanes of 16 columns, or a row is one group.
    const std::int32_t* chunk_groups;  // [chunks]
    const std::int32_t* lane_groups;   // [chunks, 16]
};

inline constexpr std::int64_t kLanesPerChunk = 16;
inline constexpr std::int64_t kPlaneBytes = 64;
inline constexpr std::int64_t kSegment = 16;  // columns: what groups are multiples of for these kernels
inline constexpr std::int64_t kBlock = 32;    // columns that share a scale of int8 activations

// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

constexpr std::int64_t planes(int bits) {
    return bits == 3 ? 1 : 8 / bits;
}
constexpr std::int64_t chunk_columns(int bits) {
    return kPlaneBytes * planes(bits);
}
constexpr std::int64_t chunk_bytes(int bits) {
    return bits == 3 ? 24 : 64;
}
inline std::int64_t chunks(const Matrix& m) {
    return (m.in + chunk_columns(m.bits) - 1) / chunk_columns(m.bits);
}
inline std::int64_t padded_groups(const Matrix& m) {
    return (m.groups + 15) / 16 * 16;
}

// A row of activations in int8, as arrange_* write it:
//
//   chunks of planes * 64 int8, the first part (x / s rounded), each followed with int8x2 by as many of the second (256
//                                times what that left over)
//   lane scales  float [chunks, 16]   what a lane's sum is multiplied with: s, with int8x2 s / 256
//   group sums   float [groups up to a multiple of 16, 0 behind]   of the rounded activations
struct ArrangedInt8 {
    std::int64_t chunk_stride;
    std::int64_t scales;  // offsets in bytes
    std::int64_t sums;
    std::int64_t bytes;
};
inline ArrangedInt8 arranged_int8(const Matrix& m, bool residual) {
    ArrangedInt8 a{};
    a.chunk_stride = chunk_columns(m.bits) * (residual ? 2 : 1);
    a.scales = chunks(m) * a.chunk_stride;
    a.sums = a.scales + chunks(m) * kLanesPerChunk * 4;
    a.bytes = (a.sums + padded_groups(m) * 4 + 63) / 64 * 64;
    return a;
}

}  // namespace

#define DWUBIT_ARRANGE(name) void name(const void* matrix, const float* x, void* out)
#define DWUBIT_PRODUCT(name) \
    void name(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y)
#define DWUBIT_DEQUANTIZE(name) void name(const void* matrix, std::int64_t first, std::int64_t count, void* out)

DWUBIT_ARRANGE(arrange_int8x2_ref);
DWUBIT_ARRANGE(arrange_int8_ref);
DWUBIT_PRODUCT(uniform_group_gemv_int8x2_ref);
DWUBIT_PRODUCT(uniform_group_gemv_int8_ref);

DWUBIT_ARRANGE(arrange_int8x2_avx512);
DWUBIT_ARRANGE(arrange_int8_avx512);
DWUBIT_PRODUCT(uniform_group_gemv_int8x2_avx512_vnni);
DWUBIT_PRODUCT(uniform_group_gemv_int8_avx512_vnni);

#undef DWUBIT_ARRANGE
#undef DWUBIT_PRODUCT
#undef DWUBIT_DEQUANTIZE

}  // namespace dwubit::uniform_group
