// Codes to dense rows on a GPU against the CPU's reference, bit for bit. Skipped where there is no device.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "base/float16.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/e8p_cuda.h"
#include "support/device_array.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::from_device;
using testing::to_device;

TEST(E8pCuda, GivesTheBitsOfTheCpu) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        GTEST_SKIP() << "this machine has no CUDA device (docs/testing.md, GPU)";
    }
    const Format& format = e8p_format();
    const e8p::KernelTables* const tables = to_device(&e8p::kernel_tables(), 1);
    for (const Shape& shape : {Shape{5, 33}, Shape{8, 256}, Shape{64, 4096}, Shape{3, 14336}}) {
        for (const Json& params : format.test_params(shape)) {
            const PackedTensor packed = format.pack(testing::random_codes(format, params, shape, 3)).value();
            const auto reader = format.bind(view_of(packed)).value();
            const std::int64_t first = 1;
            const std::int64_t count = shape[0] - 1;
            const auto size = static_cast<std::size_t>(count * shape[1]);
            std::vector<float> expected(size);
            reader->dequantize(first, count, expected.data());
            e8p::Matrix matrix = *static_cast<const e8p::Matrix*>(reader->matrix());
            const auto bytes = packed.buffers[0].as<std::uint8_t>();
            unsigned char* const codes = to_device(bytes.data(), bytes.size());
            matrix.codes = codes;
            matrix.tables = tables;
            float* const f32 = to_device<float>(nullptr, size);
            std::uint16_t* const half = to_device<std::uint16_t>(nullptr, size);
            ASSERT_EQ(e8p::e8p_dequantize_f32_cuda(matrix, first, count, f32, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(f32, size), expected) << to_string(shape) << dump_json(params);
            std::vector<std::uint16_t> bf16;
            std::vector<std::uint16_t> f16;
            for (const float value : expected) {
                bf16.push_back(to_bf16(value).bits);
                f16.push_back(to_f16(value).bits);
            }
            ASSERT_EQ(e8p::e8p_dequantize_bf16_cuda(matrix, first, count, half, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(half, size), bf16) << to_string(shape) << dump_json(params);
            ASSERT_EQ(e8p::e8p_dequantize_f16_cuda(matrix, first, count, half, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(half, size), f16) << to_string(shape) << dump_json(params);
            cudaFree(codes);
            cudaFree(f32);
            cudaFree(half);
        }
    }
}

}  // namespace
}  // namespace dwubit
