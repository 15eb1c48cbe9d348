// The encoder on the device against the CPU's: other costs, so other paths, but as good ones.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "lab/kernels/viterbi.h"
#include "support/device_array.h"
#include "support/test_trellis.h"

namespace dwubit {
namespace {

using testing::from_device;
using testing::TestTrellis;
using testing::to_device;
using testing::trellis_of;

bool has_device() {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

std::vector<std::uint16_t> encode_on_device(const TestTrellis& test, const std::vector<float>& x) {
    const std::vector<std::uint16_t> poison(x.size() / static_cast<std::size_t>(test.step_values), 0xabcd);
    float* const values = to_device(test.values.data(), test.values.size());
    float* const numbers = to_device(x.data(), x.size());
    std::uint16_t* const states = to_device(poison.data(), poison.size());
    auto* const workspace = to_device<unsigned char>(nullptr, viterbi_workspace_bytes(test.bits, test.step_values));
    const ViterbiTrellis trellis = {test.bits, test.step_values, values};
    const char* const error = viterbi_encode_cuda(trellis, numbers, static_cast<std::int64_t>(x.size()) / kViterbiTile,
                                                  states, workspace, nullptr);
    EXPECT_EQ(error, nullptr) << error;
    std::vector<std::uint16_t> found = from_device(states, poison.size());
    for (void* memory : {static_cast<void*>(values), static_cast<void*>(numbers), static_cast<void*>(states),
                         static_cast<void*>(workspace)}) {
        EXPECT_EQ(cudaFree(memory), cudaSuccess);
    }
    return found;
}

class ViterbiCuda : public ::testing::TestWithParam<std::tuple<TrellisCode, int>> {
protected:
    void SetUp() override {
        if (!has_device()) GTEST_SKIP() << "needs a CUDA device";
    }
    TestTrellis test_ = trellis_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
};

TEST_P(ViterbiCuda, IsAsGoodAsTheCpuOnGaussianTiles) {
    const std::vector<float> x = testing::gaussian_tiles(300, test_.rms, 5);  // more than twice the multiprocessors
    const std::vector<std::uint16_t> found = encode_on_device(test_, x);
    EXPECT_TRUE(testing::valid_paths(test_, found));
    const std::vector<std::uint16_t> cpu = testing::encode(viterbi_encode(detect_cpu_isa().isa), test_, x);
    const double ratio = testing::squared_error(test_, x, found) / testing::squared_error(test_, x, cpu);
    EXPECT_LT(ratio, 1.005);
    EXPECT_GT(ratio, 0.97);  // at 4 bits the CPU's costs, in units of 1/256, are the coarser ones
    EXPECT_EQ(found, encode_on_device(test_, x));
}

TEST_P(ViterbiCuda, PathsOfExtremeTilesAreValid) {
    std::vector<float> x = testing::gaussian_tiles(6, test_.rms, 6);
    const auto tile = [&](std::size_t t) { return x.data() + t * kViterbiTile; };
    for (std::size_t i = 0; i < kViterbiTile; ++i) {
        tile(1)[i] *= 5;
        tile(2)[i] = 0;
        tile(3)[i] = 1e30f;
        tile(4)[i] = i % 2 == 0 ? 8.0f : -8.0f;
    }
    tile(5)[0] = 100;
    const std::vector<std::uint16_t> found = encode_on_device(test_, x);
    EXPECT_TRUE(testing::valid_paths(test_, found));
    for (float& number : x) number = std::min(std::max(number, -8.0f), 8.0f);
    const std::vector<std::uint16_t> cpu = testing::encode(viterbi_encode(detect_cpu_isa().isa), test_, x);
    EXPECT_LT(testing::squared_error(test_, x, found), 1.01 * testing::squared_error(test_, x, cpu));
}

INSTANTIATE_TEST_SUITE_P(Codes, ViterbiCuda,
                         ::testing::Combine(::testing::Values(TrellisCode::k1Mad, TrellisCode::k3Inst,
                                                              TrellisCode::kMul1, TrellisCode::kHyb),
                                            ::testing::Range(1, 5)),
                         [](const auto& p) {
                             return std::string(trellis_code_name(std::get<0>(p.param))) + "_" +
                                    std::to_string(std::get<1>(p.param));
                         });

}  // namespace
}  // namespace dwubit
