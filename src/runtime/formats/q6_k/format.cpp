// Format q6_k: ggml's Q6_K, 6 bits, a scale per 16 weights, 6.5625 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ6KSpec = {"q6_k", "Q6_K", 6, 208, 1};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q6_k);

}  // namespace

const Format& q6_k_format();

const Format& q6_k_format() {
    static const Format format = make_block_format<kQ6KSpec, q6_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
