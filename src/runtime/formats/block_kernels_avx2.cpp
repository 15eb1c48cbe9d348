// Kernels of block formats for AVX2, by the compiler.
#include "runtime/formats/block_kernels_inl.h"

namespace dwubit::blocks {

#define DWUBIT_BLOCK_KERNELS(id, parts)                                                                    \
    void id##_gemv_int8x2_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,   \
                               std::int64_t columns, float* y) {                                           \
        product<parts, true, float>(matrix, x, rows, first, columns, y);                                   \
    }                                                                                                      \
    void id##_gemv_int8_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,     \
                             std::int64_t columns, float* y) {                                             \
        product<parts, false, float>(matrix, x, rows, first, columns, y);                                  \
    }                                                                                                      \
    void id##_dequantize_f32_avx2(const void* matrix, std::int64_t first, std::int64_t count, void* out) { \
        dequantize<parts, float>(matrix, first, count, out);                                               \
    }
DWUBIT_EACH_BLOCK_FORMAT(DWUBIT_BLOCK_KERNELS)
#undef DWUBIT_BLOCK_KERNELS

void arrange_int8x2_avx2(const void* matrix, const float* x, void* out) {
    arrange_row<true>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void arrange_int8_avx2(const void* matrix, const float* x, void* out) {
    arrange_row<false>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

}  // namespace dwubit::blocks
