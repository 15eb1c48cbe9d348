// What codes and encoder together lose of a Gaussian, at the scale 1.0 relative to the code's rms. The limits are
// published or measured elsewhere: Tseng et al. 2024 (arXiv 2406.11235), table 1 has 0.069, 0.069 and 0.071 for 1MAD,
// 3INST and HYB at 2 bits; other rates are bounded below by D(R) = 2^(-2 bits).
#include <gtest/gtest.h>

#include <cmath>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "runtime/formats/trellis/code.h"
#include "support/test_trellis.h"

namespace dwubit {
namespace {

using testing::TestTrellis;
using testing::trellis_of;

constexpr std::int64_t kTiles = 4096;  // 2^20 numbers

double loss(ViterbiEncode encoder, const TestTrellis& test, std::int64_t tiles) {
    const std::vector<float> x = testing::gaussian_tiles(tiles, test.rms, 21);
    const std::vector<std::uint16_t> states = testing::encode(encoder, test, x);
    EXPECT_TRUE(testing::valid_paths(test, states)) << test.name;
    return testing::squared_error(test, x, states) / testing::energy(x);
}

class ViterbiGaussian : public ::testing::TestWithParam<std::tuple<TrellisCode, int, double>> {};

TEST_P(ViterbiGaussian, LosesNoMoreThanPublished) {
    const auto& [code, bits, most] = GetParam();
    const Isa isa = detect_cpu_isa().isa;
    if (isa == Isa::kRef) GTEST_SKIP() << "needs AVX2: the reference encodes five tiles a second";
    const double lost = loss(viterbi_encode(isa), trellis_of(code, bits), kTiles);
    EXPECT_LE(lost, most);
    EXPECT_GE(lost, std::exp2(-2 * bits));
    RecordProperty("loss", std::to_string(lost));
}

INSTANTIATE_TEST_SUITE_P(
    Codes, ViterbiGaussian,
    ::testing::Values(std::tuple{TrellisCode::k1Mad, 2, 0.0695}, std::tuple{TrellisCode::k3Inst, 2, 0.0694},
                      std::tuple{TrellisCode::kMul1, 2, 0.0690}, std::tuple{TrellisCode::kHyb, 2, 0.0711},
                      std::tuple{TrellisCode::kMul1, 1, 0.2800}, std::tuple{TrellisCode::kMul1, 3, 0.0181},
                      std::tuple{TrellisCode::kMul1, 4, 0.0048}),
    [](const auto& p) {
        return std::string(trellis_code_name(std::get<0>(p.param))) + "_" + std::to_string(std::get<1>(p.param));
    });

}  // namespace
}  // namespace dwubit
