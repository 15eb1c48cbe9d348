// Format q5_0: ggml's Q5_0, 5 bits, a scale per 32 weights, 5.5 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ50Spec = {"q5_0", "Q5_0", 5, 0, 1};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q5_0);

}  // namespace

const Format& q5_0_format();

const Format& q5_0_format() {
    static const Format format = make_block_format<kQ50Spec, q5_0_format>(kKernels);
    return format;
}

}  // namespace dwubit
