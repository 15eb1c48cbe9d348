// Format q2_k: ggml's Q2_K, 2 bits, scale and minimum per 16 weights, 2.625 bits per weight. docs/formats/q2_k.md
#include "runtime/formats/block_format.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ2KSpec = {"q2_k", "Q2_K", 2, 80, 2};

constexpr FormatKernel kKernels[] = {
    {"q2_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q2_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

const Format& q2_k_format();

const Format& q2_k_format() {
    static const Format format = make_block_format<kQ2KSpec, q2_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
