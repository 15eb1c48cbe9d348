// Format q5_k: ggml's Q5_K, 5 bits, scale and minimum per 32 weights, 5.5 bits per weight. docs/formats/ggml.md
#include "runtime/formats/block_kernel_table.h"

namespace dwubit {
namespace {

constexpr BlockSpec kQ5KSpec = {"q5_k", "Q5_K", 5, 0, 2};

constexpr FormatKernel kKernels[] = DWUBIT_BLOCK_KERNEL_TABLE(q5_k);

}  // namespace

const Format& q5_k_format();

const Format& q5_k_format() {
    static const Format format = make_block_format<kQ5KSpec, q5_k_format>(kKernels);
    return format;
}

}  // namespace dwubit
