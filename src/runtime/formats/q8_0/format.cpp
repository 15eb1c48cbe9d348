// Format q8_0: ggml's Q8_0, 8 bits, a scale per 32 weights, 8.5 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ80Spec = {"q8_0", "Q8_0", 8, 0, 1};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q8_0);

}  // namespace

const Format& q8_0_format();

const Format& q8_0_format() {
    static const Format format = make_block_format<kQ80Spec, q8_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
