// Format q4_0: ggml's Q4_0, 4 bits, a scale per 32 weights, 4.5 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ40Spec = {"q4_0", "Q4_0", 4, 0, 1};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q4_0);

}  // namespace

const Format& q4_0_format();

const Format& q4_0_format() {
    static const Format format = make_block_format<kQ40Spec, q4_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
