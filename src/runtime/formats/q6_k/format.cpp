#include "runtime/formats/q6_k/q6_k.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q6_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q6_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ6KSpec = {"q6_k", "Q6_K", 6, 208, 1};

const Format& q6_k_format() {
    static const Format format = make_block_format<kQ6KSpec, q6_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
