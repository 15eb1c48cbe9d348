// Format q6_k: ggml's Q6_K, 6 bits, a scale per 16 weights, 6.5625 bits per weight. docs/formats/q6_k.md
#include "runtime/formats/block_format.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ6KSpec = {"q6_k", "Q6_K", 6, 208, 1};

constexpr FormatKernel kKernels[] = {
    {"q6_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q6_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

const Format& q6_k_format();

const Format& q6_k_format() {
    static const Format format = make_block_format<kQ6KSpec, q6_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
