// Nearest points of the E8P12 codebook (Tseng et al. 2024, arXiv 2402.04396, section 3; docs/formats/e8p.md has the
// table).
//
// The codebook is D^8 - 1/4 and D^8 + 1/4, where D^8 has 2^15 vectors of half-integers with an even sum: 256 rows of
// absolute values, each with all signs that leave the sum even. So the nearest point is that of x + 1/4 or x - 1/4 in
// D^8 moved back. Code = row << 8 | sign byte; bit 0 of the sign byte flipped says which of the two.
//
// Two ways to the nearest point of D^8. The whole lattice has a closed form: round each coordinate to a half-integer;
// where the sum is odd, move the coordinate that lost most to its other neighbour. If that point's row is in the
// codebook, it is the answer. If not, its distance bounds the answer's from below, and the table decides: x folded to
// the octant of its signs can be nearest to kE8pPoints points only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "runtime/cpu/isa.h"

namespace dwubit {

inline constexpr int kE8pPoints = 1366;
inline constexpr int kE8pPadded = 1376;    // a multiple of 32
inline constexpr int kE8pPatterns = 6561;  // 3^8

// Plain data, so that the whole of it can be copied to a device.
struct E8pSearchTable {
    // Points g with at most one negative coordinate before the last, which is -1/2.
    float point[8][kE8pPadded];
    float bias[kE8pPadded];             // -|g|^2 / 2; -infinity behind the last
    std::uint8_t row[kE8pPadded];       // of |g|
    std::uint8_t negative[kE8pPadded];  // bit i: coordinate i of g
    // Sum over i of 3^i (|coordinate i| - 1/2) -> row, -1 where no row has these absolute values.
    std::int16_t pattern_row[kE8pPatterns];
    std::uint8_t spread[256];  // bit i of a byte to where the sign of coordinate i lies: 0 4 1 5 2 6 3 7
    std::uint8_t odd[256];     // 0x80 for rows with an odd sum: their last sign is stored flipped
};

// words: the codebook's 256 rows as the format has them: nibble 0 4 1 5 2 6 3 7 of a word holds 2 v + 8 of coordinate
// 0 1 2 3 4 5 6 7, the last one negative where the sum is odd.
std::unique_ptr<const E8pSearchTable> make_e8p_search_table(std::span<const std::uint32_t, 256> words);

// Coordinate i of vector r lies at x[i * stride + r], its nearest point at values[i * stride + r]; r < count.
// x and values must not overlap. A NaN gives some point of the codebook.
using E8pSearch = void (*)(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                           std::int32_t* codes, float* values, std::int64_t value_stride);
// Every point of the table, in float64.
void e8p_search_f32_ref(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                        std::int32_t* codes, float* values, std::int64_t value_stride);
void e8p_search_f32_avx2(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                         std::int32_t* codes, float* values, std::int64_t value_stride);
void e8p_search_f32_avx512(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                           std::int32_t* codes, float* values, std::int64_t value_stride);
E8pSearch e8p_search(Isa isa);

// The second stage at 3 bits: 256 short points of E8, all of them looked at. Code = number of the point.
inline constexpr int kE8Points = 256;
struct E8SearchTable {
    float point[8][kE8Points];
    float bias[kE8Points];  // -|g|^2 / 2
};
// doubled: twice the points' coordinates.
std::unique_ptr<const E8SearchTable> make_e8_search_table(
    std::span<const std::array<std::int8_t, 8>, kE8Points> doubled);

// As E8pSearch.
using E8Search = void (*)(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                          std::int32_t* codes, float* values, std::int64_t value_stride);
void e8_search_f32_ref(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                       std::int32_t* codes, float* values, std::int64_t value_stride);
void e8_search_f32_avx2(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                        std::int32_t* codes, float* values, std::int64_t value_stride);
void e8_search_f32_avx512(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                          std::int32_t* codes, float* values, std::int64_t value_stride);
E8Search e8_search(Isa isa);

// The same on the device: all pointers are the device's, `table` a copy there, `stream` a cudaStream_t. They return
// what CUDA says of an error, or nullptr. In a build without CUDA kernels there are none to call: has_cuda_kernels().
const char* e8p_search_f32_cuda(const E8pSearchTable* table, const float* x, std::int64_t stride, std::int64_t count,
                                std::int32_t* codes, float* values, std::int64_t value_stride, void* stream);
const char* e8_search_f32_cuda(const E8SearchTable* table, const float* x, std::int64_t stride, std::int64_t count,
                               std::int32_t* codes, float* values, std::int64_t value_stride, void* stream);
bool has_cuda_kernels();

}  // namespace dwubit
