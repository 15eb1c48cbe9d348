#include "runtime/formats/q4_k/q4_k.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"q4_k_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"q4_k_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kQ4KSpec = {"q4_k", "Q4_K", 4, 0, 2};

const Format& q4_k_format() {
    static const Format format = make_block_format<kQ4KSpec, q4_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
