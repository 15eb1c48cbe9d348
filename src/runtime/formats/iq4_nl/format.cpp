#include "runtime/formats/iq4_nl/iq4_nl.h"

namespace dwubit {
namespace {

constexpr FormatKernel kKernels[] = {
    {"iq4_nl_dequantize_f32_ref", "dequantize", Isa::kRef, "cpu"},
    {"iq4_nl_gemm_f32_ref", "gemm", Isa::kRef, "cpu"},
};

}  // namespace

constexpr BlockSpec kIq4NlSpec = {"iq4_nl", "IQ4_NL", 4, 0, 1};

const Format& iq4_nl_format() {
    static const Format format = make_block_format<kIq4NlSpec, iq4_nl_format>(kKernels);
    return format;
}

}  // namespace dwubit
