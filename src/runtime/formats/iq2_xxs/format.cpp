// Format iq2_xxs: ggml's IQ2_XXS, points of a grid in eight dimensions, 2.0625 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_format.h"
#include "runtime/formats/block_kernel_table.h"
#include "runtime/formats/iq2_xxs/kernels.h"

namespace dwubit {
namespace {

constexpr BlockSpec kIq2XxsSpec = {"iq2_xxs", "IQ2_XXS", 2, 0, 1};

template <bool kResidual>
std::size_t int8_bytes(const void* matrix) {
    const auto& m = *static_cast<const BlockMatrix*>(matrix);
    return static_cast<std::size_t>(m.row_blocks * arranged_int8(kResidual).stride);
}

constexpr FormatKernel gemv(const char* name, Isa isa, ActType act, unsigned needs,
                            decltype(FormatKernel::arrange) arrange, decltype(FormatKernel::product) product) {
    const auto bytes = act == ActType::kInt8x2 ? int8_bytes<true> : int8_bytes<false>;
    return gemv_row(name, isa, act, needs, {bytes, blocks::arrangement, arrange}, product);
}

constexpr FormatKernel kKernels[] = {
    dequantize_row("iq2_xxs_dequantize_f32_avx512", "dequantize", Isa::kAvx512, ActType::kF32, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_f32_avx512),
    dequantize_row("iq2_xxs_dequantize_f32_avx2", "dequantize", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_f32_avx2),
    {"iq2_xxs_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    dequantize_row("iq2_xxs_dequantize_bf16_avx512", "dequantize", Isa::kAvx512, ActType::kBf16, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_bf16_avx512),
    dequantize_row("iq2_xxs_gemm_f32_avx512", "gemm", Isa::kAvx512, ActType::kF32, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_f32_avx512),
    dequantize_row("iq2_xxs_gemm_f32_avx2", "gemm", Isa::kAvx2, ActType::kF32, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_f32_avx2),
    {"iq2_xxs_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
    dequantize_row("iq2_xxs_gemm_bf16_avx512", "gemm", Isa::kAvx512, ActType::kBf16, kNeedsNothing,
                   iq2_xxs::iq2_xxs_dequantize_bf16_avx512),
    gemv("iq2_xxs_gemv_int8x2_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8x2, kNeedsVnni | kNeedsVbmi,
         iq2_xxs::arrange_int8x2_avx512, iq2_xxs::iq2_xxs_gemv_int8x2_avx512_vnni_vbmi),
    gemv("iq2_xxs_gemv_int8x2_avx2", Isa::kAvx2, ActType::kInt8x2, kNeedsNothing, iq2_xxs::arrange_int8x2_avx2,
         iq2_xxs::iq2_xxs_gemv_int8x2_avx2),
    gemv("iq2_xxs_gemv_int8x2_ref", Isa::kRef, ActType::kInt8x2, kNeedsNothing, iq2_xxs::arrange_int8x2_ref,
         iq2_xxs::iq2_xxs_gemv_int8x2_ref),
    gemv("iq2_xxs_gemv_int8_avx512_vnni_vbmi", Isa::kAvx512, ActType::kInt8, kNeedsVnni | kNeedsVbmi,
         iq2_xxs::arrange_int8_avx512, iq2_xxs::iq2_xxs_gemv_int8_avx512_vnni_vbmi),
    gemv("iq2_xxs_gemv_int8_avx2", Isa::kAvx2, ActType::kInt8, kNeedsNothing, iq2_xxs::arrange_int8_avx2,
         iq2_xxs::iq2_xxs_gemv_int8_avx2),
    gemv("iq2_xxs_gemv_int8_ref", Isa::kRef, ActType::kInt8, kNeedsNothing, iq2_xxs::arrange_int8_ref,
         iq2_xxs::iq2_xxs_gemv_int8_ref),
};

}  // namespace

const Format& iq2_xxs_format();

const Format& iq2_xxs_format() {
    static const Format format = make_block_format<kIq2XxsSpec, iq2_xxs_format>(kKernels);
    return format;
}

}  // namespace dwubit
