// The Hadamard transforms of one matrix per block (hadamard, rht, block_rht) on a GPU. Plain types, so that callers
// without CUDA's headers include it; built with -DDWUBIT_CUDA=ON.
#pragma once

#include <cstdint>

namespace dwubit {

// Everything but numbers lies in device memory.
struct HadamardCudaPlan {
    std::int64_t size = 0;  // of a row
    int order = 1;          // a block is order * 2^log2
    int log2 = 0;
    const float* matrix = nullptr;  // [order, order]: A for TT, its transpose for T; not read for order 1
    const float* scales = nullptr;  // [size]: factor / root of the block
    bool transposed = false;        // TT multiplies with the scales last, T first
};

// y[r] = T x[r] or TT x[r]; x, y: [rows, size], which may be the same. The bits are those of the CPU's kernels.
// `stream`: a cudaStream_t. Returns a cudaError_t: 0, or cudaErrorInvalidValue where a block does not fit into the
// shared memory of a multiprocessor (227 KB of an H100: 58,112 features).
int hadamard_apply_f32_cuda(const HadamardCudaPlan& plan, std::int64_t rows, const float* x, float* y, void* stream);

}  // namespace dwubit
