#include "runtime/formats/q2_k/q2_k.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q2_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q2_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ2KSpec = {"q2_k", "Q2_K", 2, 80, 2};

const Format& q2_k_format() {
    static const Format format = make_block_format<kQ2KSpec, q2_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
