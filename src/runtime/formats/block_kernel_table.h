// The kernel table of a block format other than iq2_xxs, and what that takes from it.
#pragma once

#include "runtime/formats/block_format.h"
#include "runtime/formats/block_kernels.h"
#include "runtime/formats/kernel_rows.h"

namespace dwubit::blocks {

template <bool kResidual>
std::size_t int8_bytes(const void* matrix) {
    // as block_kernels_inl.h lays a row out
    const std::int64_t in = static_cast<const BlockMatrix*>(matrix)->in;
    return static_cast<std::size_t>((in * (kResidual ? 2 : 1) + in / 32 * 4 + in / 16 * 4 + 63) / 64 * 64);
}

// All matrices of so many columns read activations in one order.
inline std::uint64_t arrangement(const void* matrix) {
    return static_cast<std::uint64_t>(static_cast<const BlockMatrix*>(matrix)->in);
}

constexpr FormatKernel gemv(const char* name, Isa isa, ActType act, decltype(FormatKernel::arrange) arrange,
                            decltype(FormatKernel::product) product) {
    const auto bytes = act == ActType::kInt8x2 ? int8_bytes<true> : int8_bytes<false>;
    return gemv_row(name, isa, act, kNeedsNothing, {bytes, arrangement, arrange}, product);
}

constexpr FormatKernel rows(const char* name, const char* op, Isa isa, ActType act,
                            decltype(FormatKernel::dequantize) dequantize) {
    return dequantize_row(name, op, isa, act, kNeedsNothing, dequantize);
}

}  // namespace dwubit::blocks

#define DWUBIT_BLOCK_KERNEL_TABLE(id)                                                                                \
    {                                                                                                                \
        blocks::rows(#id "_dequantize_f32_avx512", "dequantize", Isa::kAvx512, ActType::kF32,                        \
                     blocks::id##_dequantize_f32_avx512),                                                            \
            blocks::rows(#id "_dequantize_f32_avx2", "dequantize", Isa::kAvx2, ActType::kF32,                        \
                         blocks::id##_dequantize_f32_avx2),                                                          \
            {#id "_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},                                             \
            blocks::rows(#id "_dequantize_bf16_avx512", "dequantize", Isa::kAvx512, ActType::kBf16,                  \
                         blocks::id##_dequantize_bf16_avx512),                                                       \
            blocks::rows(#id "_gemm_f32_avx512", "gemm", Isa::kAvx512, ActType::kF32,                                \
                         blocks::id##_dequantize_f32_avx512),                                                        \
            blocks::rows(#id "_gemm_f32_avx2", "gemm", Isa::kAvx2, ActType::kF32, blocks::id##_dequantize_f32_avx2), \
            {#id "_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},                                                         \
            blocks::rows(#id "_gemm_bf16_avx512", "gemm", Isa::kAvx512, ActType::kBf16,                              \
                         blocks::id##_dequantize_bf16_avx512),                                                       \
            blocks::gemv(#id "_gemv_int8x2_avx512", Isa::kAvx512, ActType::kInt8x2, blocks::arrange_int8x2_avx512,   \
                         blocks::id##_gemv_int8x2_avx512),                                                           \
            blocks::gemv(#id "_gemv_int8x2_avx2", Isa::kAvx2, ActType::kInt8x2, blocks::arrange_int8x2_avx2,         \
                         blocks::id##_gemv_int8x2_avx2),                                                             \
            blocks::gemv(#id "_gemv_int8x2_ref", Isa::kRef, ActType::kInt8x2, blocks::arrange_int8x2_ref,            \
                         blocks::id##_gemv_int8x2_ref),                                                              \
            blocks::gemv(#id "_gemv_int8_avx512", Isa::kAvx512, ActType::kInt8, blocks::arrange_int8_avx512,         \
                         blocks::id##_gemv_int8_avx512),                                                             \
            blocks::gemv(#id "_gemv_int8_avx2", Isa::kAvx2, ActType::kInt8, blocks::arrange_int8_avx2,               \
                         blocks::id##_gemv_int8_avx2),                                                               \
            blocks::gemv(#id "_gemv_int8_ref", Isa::kRef, ActType::kInt8, blocks::arrange_int8_ref,                  \
                         blocks::id##_gemv_int8_ref)                                                                 \
    }
