#include "runtime/formats/q4_0/q4_0.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q4_0_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q4_0_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ40Spec = {"q4_0", "Q4_0", 4, 0, 1};

const Format& q4_0_format() {
    static const Format format = make_block_format<kQ40Spec, q4_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
