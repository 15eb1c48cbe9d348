// Format q2_k: ggml's Q2_K, 2 bits, scale and minimum per 16 weights, 2.625 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ2KSpec = {"q2_k", "Q2_K", 2, 80, 2};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q2_k);

}  // namespace

const Format& q2_k_format();

const Format& q2_k_format() {
    static const Format format = make_block_format<kQ2KSpec, q2_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
