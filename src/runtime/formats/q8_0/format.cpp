#include "runtime/formats/q8_0/q8_0.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q8_0_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q8_0_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ80Spec = {"q8_0", "Q8_0", 8, 0, 1};

const Format& q8_0_format() {
    static const Format format = make_block_format<kQ80Spec, q8_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
