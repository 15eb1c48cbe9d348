// What the kernels of iq2_xxs read, and their names. Fixed-width types only: the *_avx* files include it.
//
// A block is 66 bytes: d as F16, then for each of 8 groups of 32 weights four indices of points and a word with four
// times seven signs and in its upper four bits the scale. Weights and activations of a block lie as int8_lanes.h says:
// eight 4 q + c is point c of group q.
#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime/formats/block_kernels.h"
#include "runtime/formats/int8_lanes.h"

namespace dwubit::iq2_xxs {

struct KernelTables {
    alignas(64) std::uint16_t words[256];    // of a point: 2 bits for each coordinate, 0, 1, 2 for levels 8, 25, 43
    alignas(64) std::int8_t levels[256][8];  // of a point
    alignas(64) std::uint8_t parity[128];    // of seven signs: with the eighth
    alignas(64) std::int8_t signs[128][8];   // of seven signs: +1 and -1
};
const KernelTables& kernel_tables();

inline constexpr std::int64_t kBlockBytes = 66;
// Added to signed levels where a kernel wants them unsigned: 0 to 86.
inline constexpr int kOffset = 43;

// Anonymous: the linker would merge the copies of files compiled for different instruction sets.
namespace {

struct LaneOrder {
    static constexpr int kOffset = iq2_xxs::kOffset;
    static constexpr int coordinate(std::int64_t j) { return static_cast<int>(j); }
};

}  // namespace

#define DWUBIT_ARRANGE(name) void name(const void* matrix, const float* x, void* out)
#define DWUBIT_PRODUCT(name) \
    void name(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y)
#define DWUBIT_DEQUANTIZE(name) void name(const void* matrix, std::int64_t first, std::int64_t count, void* out)

DWUBIT_ARRANGE(arrange_int8x2_ref);
DWUBIT_ARRANGE(arrange_int8_ref);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8x2_ref);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8_ref);

DWUBIT_ARRANGE(arrange_int8x2_avx2);
DWUBIT_ARRANGE(arrange_int8_avx2);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8x2_avx2);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8_avx2);
DWUBIT_DEQUANTIZE(iq2_xxs_dequantize_f32_avx2);

DWUBIT_ARRANGE(arrange_int8x2_avx512);
DWUBIT_ARRANGE(arrange_int8_avx512);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8x2_avx512_vnni_vbmi);
DWUBIT_PRODUCT(iq2_xxs_gemv_int8_avx512_vnni_vbmi);
DWUBIT_DEQUANTIZE(iq2_xxs_dequantize_f32_avx512);
DWUBIT_DEQUANTIZE(iq2_xxs_dequantize_bf16_avx512);

#undef DWUBIT_ARRANGE
#undef DWUBIT_PRODUCT
#undef DWUBIT_DEQUANTIZE

}  // namespace dwubit::iq2_xxs
