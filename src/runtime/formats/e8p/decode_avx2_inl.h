// Codes to bytes by one table lookup of eight per code. For the *_avx2.cpp files.
#pragma once

#include <immintrin.h>

#include "runtime/formats/e8p/kernels.h"

namespace dwubit::e8p {
namespace {

// The planes of a chunk, filled up to 32 codes with code 0.
struct ChunkPlanes {
    alignas(32) unsigned char bytes[4][kChunkCodes];
};

inline void load_planes(const unsigned char* codes, std::int64_t count, int bits, ChunkPlanes& planes) {
    for (int p = 0; p < bits; ++p) {
        if (count == kChunkCodes) {
            __builtin_memcpy(planes.bytes[p], codes + p * kChunkCodes, kChunkCodes);
            continue;
        }
        for (std::int64_t i = 0; i < kChunkCodes; ++i) planes.bytes[p][i] = i < count ? codes[p * count + i] : 0;
    }
}

// The entries of the four codes first, first + 4, first + 8, first + 12.
inline __m256i look_up(const std::int8_t (*table)[8], const unsigned char* codes, int first) {
    std::int64_t entries[4];
    for (int q = 0; q < 4; ++q) __builtin_memcpy(&entries[q], table[codes[first + 4 * q]], 8);
    return _mm256_set_epi64x(entries[3], entries[2], entries[1], entries[0]);
}

// Four times the values of those codes.
inline __m256i lattice_values(const KernelTables& t, const unsigned char* rows, const unsigned char* signs, int first) {
    const __m256i values = _mm256_sign_epi8(look_up(t.rows, rows, first), look_up(t.signs, signs, first));
    return _mm256_add_epi8(values, look_up(t.shifts, signs, first));
}

}  // namespace
}  // namespace dwubit::e8p
