// The kernel on a GPU against those of the CPU, bit for bit. Skipped where there is no device.
#include "runtime/transforms/hadamard/hadamard_cuda.h"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/philox.h"
#include "runtime/transforms/hadamard/orders.h"
#include "runtime/transforms/transform.h"

namespace dwubit {
namespace {

// Device memory with a copy of `values`.
class OnDevice {
public:
    explicit OnDevice(const std::vector<float>& values) : bytes_(values.size() * sizeof(float)) {
        EXPECT_EQ(cudaMalloc(&data_, bytes_), cudaSuccess);
        EXPECT_EQ(cudaMemcpy(data_, values.data(), bytes_, cudaMemcpyHostToDevice), cudaSuccess);
    }
    ~OnDevice() { cudaFree(data_); }
    OnDevice(const OnDevice&) = delete;
    OnDevice& operator=(const OnDevice&) = delete;

    float* data() const { return static_cast<float*>(data_); }
    std::vector<float> read() const {
        std::vector<float> values(bytes_ / sizeof(float));
        EXPECT_EQ(cudaMemcpy(values.data(), data_, bytes_, cudaMemcpyDeviceToHost), cudaSuccess);
        return values;
    }

private:
    void* data_ = nullptr;
    std::size_t bytes_;
};

TEST(HadamardCuda, GivesTheBitsOfTheCpu) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        GTEST_SKIP() << "this machine has no CUDA device (docs/testing.md, GPU)";
    }
    struct Case {
        std::int64_t size;
        std::int64_t block;
    };
    for (const auto& [size, block] : {Case{1, 1}, Case{12, 12}, Case{576, 576}, Case{4096, 4096}, Case{14336, 14336},
                                      Case{11008, 11008}, Case{28672, 28672}, Case{1024, 128}, Case{240, 60}}) {
        const HadamardSize split = hadamard_size(block).value();
        const std::vector<float> signs = random_signs(1, 2, size);
        const auto cpu =
            make_transform(*find_transform("block_rht").value(), {{"block", block}, {"sign", "bit"}}, size, signs)
                .value();
        std::vector<float> scales;
        for (const float sign : signs) {
            scales.push_back(static_cast<float>(1 / std::sqrt(static_cast<double>(block)) * double{sign}));
        }
        for (const bool transposed : {false, true}) {
            std::vector<float> matrix(1);
            if (split.order > 1) {
                const SignMatrix& signs_of = *hadamard_matrix(split.order);
                matrix.clear();
                for (int i = 0; i < split.order; ++i) {
                    for (int j = 0; j < split.order; ++j) {
                        matrix.push_back(transposed ? signs_of.at(i, j) : signs_of.at(j, i));
                    }
                }
            }
            constexpr std::int64_t kRows = 3;
            Philox random(7);
            std::vector<float> x(static_cast<std::size_t>(kRows * size));
            for (float& value : x) value = random.next_normal();
            const OnDevice device_matrix(matrix);
            const OnDevice device_scales(scales);
            const OnDevice device_x(x);
            const HadamardCudaPlan plan{size,      split.order, split.log2, device_matrix.data(), device_scales.data(),
                                        transposed};
            ASSERT_EQ(hadamard_apply_f32_cuda(plan, kRows, device_x.data(), device_x.data(), nullptr), cudaSuccess);
            ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
            transposed ? cpu->apply_transposed(kRows, x.data()) : cpu->apply(kRows, x.data());
            EXPECT_EQ(device_x.read(), x) << size << " " << block << " " << transposed;
        }
    }
}

}  // namespace
}  // namespace dwubit
