// Format q4_k: ggml's Q4_K, 4 bits, scale and minimum per 32 weights, 4.5 bits per weight. docs/formats/q4_k.md
#include "runtime/formats/block_format.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ4KSpec = {"q4_k", "Q4_K", 4, 0, 2};

constexpr FormatKernel kKernels[] = {
    {"q4_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q4_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

const Format& q4_k_format();

const Format& q4_k_format() {
    static const Format format = make_block_format<kQ4KSpec, q4_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
