#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/float16.h"
#include "base/thread_pool.h"
#include "checkpoint/tensor_table.h"
#include "support/safetensors_writer.h"

namespace dwubit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A view of `tensor` whose data begins at an odd address of `storage`.
TensorView unaligned_view(const testing::TestTensor& tensor, std::string& storage) {
    storage = " " + tensor.bytes;
    if (reinterpret_cast<std::uintptr_t>(storage.data()) % 2 != 0) storage = "  " + tensor.bytes;
    const auto* data = reinterpret_cast<const std::byte*>(storage.data() + storage.size() - tensor.bytes.size());
    return {tensor.name, tensor.dtype, tensor.shape, {data, tensor.bytes.size()}, "x.safetensors"};
}

TEST(ReadAsF32, WidensUnalignedData) {
    const float values[] = {0.0f, -1.5f, 0.25f, 1024.0f, -0.0f};
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
        std::string storage;
        const TensorView view = unaligned_view(testing::make_tensor("w", dtype, {5}, values), storage);
        std::vector<float> out(5);
        ASSERT_TRUE(read_as_f32(view, out).ok());
        EXPECT_EQ(std::memcmp(out.data(), values, sizeof values), 0) << dtype_name(dtype);
    }
}

TEST(ReadAsF32, RefusesOtherTypesAndReadsEmptyTensors) {
    const std::byte byte{1};
    std::vector<float> out(1);
    EXPECT_EQ(read_as_f32({"w", DType::kI8, {1}, {&byte, 1}, "x.safetensors"}, out).error().message,
              "x.safetensors: tensor 'w' is I8; F32, F16 or BF16 can be read as numbers");
    EXPECT_TRUE(read_as_f32({"w", DType::kF32, {0}, {}, "x.safetensors"}, {}).ok());
}

TEST(CheckFinite, FindsTheFirstBadValueAnywhere) {
    const Shape shape = {7, 1500};
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16}) {
        for (const std::size_t at : {0u, 1u, 4095u, 4096u, 8191u, 8192u, 10499u}) {
            for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
                std::vector<float> values(7 * 1500, -65000.0f);
                values[at] = bad;
                values.back() = bad;
                std::string storage;
                const TensorView view = unaligned_view(testing::make_tensor("w", dtype, shape, values), storage);
                const std::string expected = "x.safetensors: tensor 'w' holds " +
                                             std::string(std::isnan(bad) ? "NaN" : "infinity") + " at [" +
                                             std::to_string(at / 1500) + ", " + std::to_string(at % 1500) + "]";
                EXPECT_EQ(check_finite(view).error().message, expected) << dtype_name(dtype);
            }
        }
    }
}

TEST(CheckFinite, AcceptsEveryFinitePatternAndNoOther) {
    for (const DType dtype : {DType::kF16, DType::kBf16}) {
        for (std::uint32_t bits = 0; bits < 65536; ++bits) {
            const auto pattern = static_cast<std::uint16_t>(bits);
            const float value = dtype == DType::kF16 ? to_float(F16{pattern}) : to_float(Bf16{pattern});
            const TensorView view{"w", dtype, {1}, std::as_bytes(std::span(&pattern, 1)), "x"};
            ASSERT_EQ(check_finite(view).ok(), std::isfinite(value)) << dtype_name(dtype) << " " << bits;
        }
    }
    for (int bits = 0; bits < 256; ++bits) {
        const auto pattern = static_cast<std::byte>(bits);
        const bool e4m3_nan = (bits & 0x7f) == 0x7f;
        const bool e5m2_bad = (bits & 0x7c) == 0x7c;
        EXPECT_EQ(check_finite({"w", DType::kF8E4M3, {1}, {&pattern, 1}, "x"}).ok(), !e4m3_nan) << bits;
        EXPECT_EQ(check_finite({"w", DType::kF8E5M2, {1}, {&pattern, 1}, "x"}).ok(), !e5m2_bad) << bits;
    }
}

TEST(CheckFinite, ReadsDoublesScalarsAndSkipsIntegers) {
    const double values[] = {1e300, -1.0};
    const double bad = std::numeric_limits<double>::quiet_NaN();
    EXPECT_TRUE(check_finite({"w", DType::kF64, {2}, std::as_bytes(std::span(values)), "x"}).ok());
    EXPECT_EQ(check_finite({"w", DType::kF64, {}, std::as_bytes(std::span(&bad, 1)), "x"}).error().message,
              "x: tensor 'w' holds NaN at []");
    const std::uint32_t ones = ~0u;
    EXPECT_TRUE(check_finite({"w", DType::kU32, {1}, std::as_bytes(std::span(&ones, 1)), "x"}).ok());
}

TEST(CheckWeightsFinite, ReportsTheFirstByNameForAnyPool) {
    const float good = 1.0f;
    const float bad = kInfinity;
    TensorTable table;
    for (int i = 0; i < 40; ++i) {
        const bool broken = i % 7 == 3;
        const std::string name = "t" + std::to_string(100 + i);
        ASSERT_TRUE(table.add({name, DType::kF32, {1}, std::as_bytes(std::span(broken ? &bad : &good, 1)), "x"}).ok());
    }
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        EXPECT_EQ(check_weights_finite(table, pool).error().message, "x: tensor 't103' holds infinity at [0]");
        EXPECT_TRUE(check_weights_finite(TensorTable(), pool).ok());
    }
}

}  // namespace
}  // namespace dwubit
