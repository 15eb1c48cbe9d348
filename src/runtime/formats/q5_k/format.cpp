#include "runtime/formats/q5_k/q5_k.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q5_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q5_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ5KSpec = {"q5_k", "Q5_K", 5, 0, 2};

const Format& q5_k_format() {
    static const Format format = make_block_format<kQ5KSpec, q5_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
