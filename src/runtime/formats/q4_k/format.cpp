// Format q4_k: ggml's Q4_K, 4 bits, scale and minimum per 32 weights, 4.5 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ4KSpec = {"q4_k", "Q4_K", 4, 0, 2};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q4_k);

}  // namespace

const Format& q4_k_format();

const Format& q4_k_format() {
    static const Format format = make_block_format<kQ4KSpec, q4_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
