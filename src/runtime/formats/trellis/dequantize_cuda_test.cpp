// Tiles to dense rows on a GPU against the CPU's reference, bit for bit. Skipped where there is no device.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "base/float16.h"
#include "runtime/formats/trellis/trellis.h"
#include "runtime/formats/trellis/trellis_cuda.h"
#include "support/device_array.h"
#include "support/random_codes.h"

namespace dwubit {
namespace {

using testing::from_device;
using testing::to_device;

TEST(TrellisCuda, GivesTheBitsOfTheCpu) {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        GTEST_SKIP() << "this machine has no CUDA device (docs/testing.md, GPU)";
    }
    const Format& format = trellis_format();
    for (const Shape& shape : {Shape{16, 16}, Shape{48, 80}, Shape{64, 4096}, Shape{32, 14336}}) {
        for (const Json& params : format.test_params(shape)) {
            SCOPED_TRACE(to_string(shape) + dump_json(params));
            const PackedTensor packed = format.pack(testing::random_codes(format, params, shape, 3)).value();
            const auto reader = format.bind(view_of(packed)).value();
            const std::int64_t first = 5;
            const std::int64_t count = shape[0] - 7;
            const auto size = static_cast<std::size_t>(count * shape[1]);
            std::vector<float> expected(size);
            reader->dequantize(first, count, expected.data());
            trellis::Matrix matrix = *static_cast<const trellis::Matrix*>(reader->matrix());
            const auto bytes = packed.buffers[0].as<std::uint8_t>();
            unsigned char* const codes = to_device(bytes.data(), bytes.size());
            float* const pairs =
                matrix.code == trellis::Code::kHyb ? to_device(matrix.values, 2 * trellis::kPairs) : nullptr;
            matrix.codes = codes;
            matrix.values = pairs;
            float* const f32 = to_device<float>(nullptr, size);
            std::uint16_t* const half = to_device<std::uint16_t>(nullptr, size);
            ASSERT_EQ(trellis::trellis_dequantize_f32_cuda(matrix, first, count, f32, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(f32, size), expected);
            std::vector<std::uint16_t> bf16;
            std::vector<std::uint16_t> f16;
            for (const float value : expected) {
                bf16.push_back(to_bf16(value).bits);
                f16.push_back(to_f16(value).bits);
            }
            ASSERT_EQ(trellis::trellis_dequantize_bf16_cuda(matrix, first, count, half, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(half, size), bf16);
            ASSERT_EQ(trellis::trellis_dequantize_f16_cuda(matrix, first, count, half, nullptr), cudaSuccess);
            EXPECT_EQ(from_device(half, size), f16);
            cudaFree(codes);
            cudaFree(pairs);
            cudaFree(f32);
            cudaFree(half);
        }
    }
}

}  // namespace
}  // namespace dwubit
