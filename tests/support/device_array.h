// Arrays to and from a CUDA device, for tests that call kernels.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

namespace dwubit::testing {

// values: nullptr leaves the memory as it is. To be freed with cudaFree().
template <class T>
T* to_device(const T* values, std::size_t count) {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, count * sizeof(T)), cudaSuccess);
    if (values == nullptr) return static_cast<T*>(data);
    EXPECT_EQ(cudaMemcpy(data, values, count * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
    return static_cast<T*>(data);
}

template <class T>
std::vector<T> from_device(const T* data, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(values.data(), data, count * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return values;
}

}  // namespace dwubit::testing
