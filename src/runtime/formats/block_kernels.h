// What kernels of block formats read, and the names of those that all but iq2_xxs share. Fixed-width types only: the
// *_avx* files include it.
#pragma once

#include <cstdint>

namespace dwubit {

struct BlockMatrix {
    const unsigned char* blocks;  // at any address
    std::int64_t out;
    std::int64_t in;
    std::int64_t row_blocks;
    std::int64_t row_bytes;
};

namespace blocks {

// Calls DO(format, Parts of block_unpack_inl.h) for each.
#define DWUBIT_EACH_BLOCK_FORMAT(DO) \
    DO(q2_k, Q2K)                    \
    DO(q4_k, Q4K)                    \
    DO(q5_k, Q5K)                    \
    DO(q6_k, Q6K)                    \
    DO(q8_0, Q80)                    \
    DO(q5_0, Q50)                    \
    DO(q4_0, Q40)                    \
    DO(iq4_nl, Iq4Nl)

#define DWUBIT_PRODUCT(name) \
    void name(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y)
#define DWUBIT_DEQUANTIZE(name) void name(const void* matrix, std::int64_t first, std::int64_t count, void* out)
#define DWUBIT_BLOCK_KERNELS(id, parts)            \
    DWUBIT_PRODUCT(id##_gemv_int8x2_ref);          \
    DWUBIT_PRODUCT(id##_gemv_int8_ref);            \
    DWUBIT_PRODUCT(id##_gemv_int8x2_avx2);         \
    DWUBIT_PRODUCT(id##_gemv_int8_avx2);           \
    DWUBIT_PRODUCT(id##_gemv_int8x2_avx512);       \
    DWUBIT_PRODUCT(id##_gemv_int8_avx512);         \
    DWUBIT_DEQUANTIZE(id##_dequantize_f32_avx2);   \
    DWUBIT_DEQUANTIZE(id##_dequantize_f32_avx512); \
    DWUBIT_DEQUANTIZE(id##_dequantize_bf16_avx512);
DWUBIT_EACH_BLOCK_FORMAT(DWUBIT_BLOCK_KERNELS)
#undef DWUBIT_BLOCK_KERNELS

#define DWUBIT_ARRANGE(name) void name(const void* matrix, const float* x, void* out)
DWUBIT_ARRANGE(arrange_int8x2_ref);
DWUBIT_ARRANGE(arrange_int8_ref);
DWUBIT_ARRANGE(arrange_int8x2_avx2);
DWUBIT_ARRANGE(arrange_int8_avx2);
DWUBIT_ARRANGE(arrange_int8x2_avx512);
DWUBIT_ARRANGE(arrange_int8_avx512);

#undef DWUBIT_ARRANGE
#undef DWUBIT_PRODUCT
#undef DWUBIT_DEQUANTIZE

}  // namespace blocks
}  // namespace dwubit
