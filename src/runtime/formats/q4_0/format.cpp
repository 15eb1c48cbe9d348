// Format q4_0: ggml's Q4_0, 4 bits, a scale per 32 weights, 4.5 bits per weight. docs/formats/q4_0.md
#include "runtime/formats/block_format.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ40Spec = {"q4_0", "Q4_0", 4, 0, 1};

constexpr FormatKernel kKernels[] = {
    {"q4_0_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q4_0_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

const Format& q4_0_format();

const Format& q4_0_format() {
    static const Format format = make_block_format<kQ40Spec, q4_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
