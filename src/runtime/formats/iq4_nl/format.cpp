// Format iq4_nl: ggml's IQ4_NL, 4 bits, unevenly spaced values, a scale per 32 weights, 4.5 bits per weight.
// docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kIq4NlSpec = {"iq4_nl", "IQ4_NL", 4, 0, 1};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(iq4_nl);

}  // namespace

const Format& iq4_nl_format();

const Format& iq4_nl_format() {
    static const Format format = make_block_format<kIq4NlSpec, iq4_nl_format>(kKernels);
    return format;
}

}  // namespace dwubit
