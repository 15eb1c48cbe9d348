#include <cuda_runtime.h>

#include "runtime/transforms/hadamard/hadamard_cuda.h"

namespace dwubit {
namespace {

constexpr int kThreads = 512;
constexpr int kDefaultShared = 48 * 1024;  // bytes; more has to be asked for

// One thread block per row and block: the butterflies of all `order` runs in shared memory, then the matrix across
// them.
__global__ void __launch_bounds__(kThreads) hadamard_apply(HadamardCudaPlan plan, const float* x, float* y) {
    extern __shared__ float values[];
    const int inner = 1 << plan.log2;
    const int block = plan.order * inner;
    const std::int64_t offset = static_cast<std::int64_t>(blockIdx.x) * block;
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * plan.size;
    const float* const scales = plan.scales + offset;
    for (int i = threadIdx.x; i < block; i += kThreads) {
        const float value = x[row + offset + i];
        values[i] = plan.transposed ? value : value * scales[i];
    }
    for (int half = 1; half < inner; half *= 2) {
        __syncthreads();
        for (int pair = threadIdx.x; pair < block / 2; pair += kThreads) {
            const int low = (pair & (half - 1)) + ((pair & ~(half - 1)) << 1);
            const float a = values[low];
            const float b = values[low + half];
            values[low] = a + b;
            values[low + half] = a - b;
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < block; i += kThreads) {
        float value = values[i];
        if (plan.order > 1) {
            const float* const signs = plan.matrix + (i >> plan.log2) * plan.order;
            const int column = i & (inner - 1);
            value = 0;
            for (int k = 0; k < plan.order; ++k) value += signs[k] * values[(k << plan.log2) + column];
        }
        y[row + offset + i] = plan.transposed ? value * scales[i] : value;
    }
}

}  // namespace

int hadamard_apply_f32_cuda(const HadamardCudaPlan& plan, std::int64_t rows, const float* x, float* y, void* stream) {
    constexpr std::int64_t kMaxGridRows = 65535;
    if (rows == 0) return cudaSuccess;
    const std::int64_t block = std::int64_t{plan.order} << plan.log2;
    const std::int64_t bytes = block * static_cast<std::int64_t>(sizeof(float));
    if (bytes > kDefaultShared) {
        int device = 0;
        int most = 0;
        cudaError_t error = cudaGetDevice(&device);
        if (error == cudaSuccess)
            error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
        if (error == cudaSuccess && bytes > most) return cudaErrorInvalidValue;
        if (error == cudaSuccess) {
            error = cudaFuncSetAttribute(hadamard_apply, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                         static_cast<int>(bytes));
        }
        if (error != cudaSuccess) return error;
    }
    for (std::int64_t first = 0; first < rows; first += kMaxGridRows) {
        const std::int64_t count = rows - first < kMaxGridRows ? rows - first : kMaxGridRows;
        const dim3 grid(static_cast<unsigned>(plan.size / block), static_cast<unsigned>(count));
        hadamard_apply<<<grid, kThreads, static_cast<std::size_t>(bytes), static_cast<cudaStream_t>(stream)>>>(
            plan, x + first * plan.size, y + first * plan.size);
        const cudaError_t error = cudaGetLastError();
        if (error != cudaSuccess) return error;
    }
    return cudaSuccess;
}

}  // namespace dwubit
