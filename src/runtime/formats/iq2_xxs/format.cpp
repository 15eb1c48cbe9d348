#include "runtime/formats/iq2_xxs/iq2_xxs.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"iq2_xxs_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"iq2_xxs_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kIq2XxsSpec = {"iq2_xxs", "IQ2_XXS", 2, 0, 1};

const Format& iq2_xxs_format() {
    static const Format format = make_block_format<kIq2XxsSpec, iq2_xxs_format>(kKernels);
    return format;
}

}  // namespace dwubit
