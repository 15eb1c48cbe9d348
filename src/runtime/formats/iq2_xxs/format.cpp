// Format iq2_xxs: ggml's IQ2_XXS, points of a grid in eight dimensions, 2.0625 bits per weight. docs/formats/iq2_xxs.md
#include "runtime/formats/block_format.h"

namespace dwubit {
namespace {

constexpr BlockSpec kIq2XxsSpec = {"iq2_xxs", "IQ2_XXS", 2, 0, 1};

constexpr FormatKernel kKernels[] = {
    {"iq2_xxs_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"iq2_xxs_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

const Format& iq2_xxs_format();

const Format& iq2_xxs_format() {
    static const Format format = make_block_format<kIq2XxsSpec, iq2_xxs_format>(kKernels);
    return format;
}

}  // namespace dwubit
