#include "lab/kernels/viterbi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "runtime/formats/trellis/code.h"
#include "support/test_trellis.h"

namespace dwubit {
namespace {

using testing::TestTrellis;
using testing::trellis_of;

constexpr TrellisCode kCodes[] = {TrellisCode::k1Mad, TrellisCode::k3Inst, TrellisCode::kMul1, TrellisCode::kHyb};

std::vector<Isa> fast_levels() {
    std::vector<Isa> list;
    const Isa most = detect_cpu_isa().isa;
    if (most >= Isa::kAvx2) list.push_back(Isa::kAvx2);
    if (most >= Isa::kAvx512) list.push_back(Isa::kAvx512);
    return list;
}

// Ordinary tiles and those at the ends of what costs can hold.
std::vector<float> odd_tiles(float rms) {
    std::vector<float> x = testing::gaussian_tiles(8, rms, 1);
    const auto tile = [&](std::size_t t) { return x.data() + t * kViterbiTile; };
    for (std::size_t i = 0; i < kViterbiTile; ++i) {
        tile(1)[i] *= 5;
        tile(2)[i] = 0;
        tile(3)[i] = 0.7f;
        tile(5)[i] = i % 2 == 0 ? 8.0f : -8.0f;
        tile(6)[i] = -1e30f;
    }
    tile(4)[77] = 100;
    tile(7)[0] = std::numeric_limits<float>::quiet_NaN();
    tile(7)[255] = std::numeric_limits<float>::infinity();
    tile(7)[128] = -std::numeric_limits<float>::infinity();
    return x;
}

class ViterbiAll : public ::testing::TestWithParam<std::tuple<TrellisCode, int>> {
protected:
    TestTrellis test_ = trellis_of(std::get<0>(GetParam()), std::get<1>(GetParam()));
};

TEST_P(ViterbiAll, EveryLevelTakesTheSamePath) {
    const std::vector<float> x = odd_tiles(test_.rms);
    const std::vector<std::uint16_t> expected = testing::encode(viterbi_encode_u16_ref, test_, x);
    EXPECT_TRUE(testing::valid_paths(test_, expected));
    for (const Isa isa : fast_levels()) {
        EXPECT_EQ(testing::encode(viterbi_encode(isa), test_, x), expected) << isa_name(isa);
        // Alone, too: what a tile gets does not depend on its neighbours.
        for (std::size_t tile = 0; tile < x.size() / kViterbiTile; ++tile) {
            const auto begin = x.begin() + static_cast<std::ptrdiff_t>(tile * kViterbiTile);
            const auto states = testing::encode(viterbi_encode(isa), test_, {begin, begin + kViterbiTile});
            EXPECT_TRUE(std::equal(states.begin(), states.end(),
                                   expected.begin() + static_cast<std::ptrdiff_t>(tile * states.size())))
                << isa_name(isa) << ", tile " << tile;
        }
    }
}

TEST_P(ViterbiAll, CostsOf16BitsAreAsGoodAsFloat32) {
    const std::vector<float> x = testing::gaussian_tiles(2, test_.rms, 2);
    const auto by_float = testing::encode(viterbi_encode_f32_ref, test_, x);
    EXPECT_TRUE(testing::valid_paths(test_, by_float));
    const auto by_fixed = testing::encode(viterbi_encode_u16_ref, test_, x);
    const double energy = testing::energy(x);
    EXPECT_NEAR(testing::squared_error(test_, x, by_fixed) / energy,
                testing::squared_error(test_, x, by_float) / energy, 0.0003);
}

INSTANTIATE_TEST_SUITE_P(Codes, ViterbiAll, ::testing::Combine(::testing::ValuesIn(kCodes), ::testing::Range(1, 5)),
                         [](const auto& p) {
                             return std::string(trellis_code_name(std::get<0>(p.param))) + "_" +
                                    std::to_string(std::get<1>(p.param));
                         });

// A tile that is the values of some path is encoded without error.
TEST(Viterbi, FindsAPathWithoutError) {
    for (const TrellisCode code : kCodes) {
        for (int bits = 1; bits <= 4; ++bits) {
            const TestTrellis test = trellis_of(code, bits);
            Philox random(3);
            // The states of a circular stream of random bits.
            std::vector<std::uint8_t> stream(static_cast<std::size_t>(kViterbiTile * bits));
            for (std::uint8_t& bit : stream) bit = static_cast<std::uint8_t>(random.next_below(2));
            std::vector<float> x(kViterbiTile);
            for (int step = 0; step < test.steps(); ++step) {
                std::size_t state = 0;
                for (int b = 0; b < 16; ++b)
                    state = state << 1 | stream[static_cast<std::size_t>(step * test.kv() + b) % stream.size()];
                for (int v = 0; v < test.step_values; ++v) {
                    x[static_cast<std::size_t>(step * test.step_values + v)] =
                        test.values[static_cast<std::size_t>(v) * kTrellisStates + state];
                }
            }
            EXPECT_EQ(testing::squared_error(test, x, testing::encode(viterbi_encode_f32_ref, test, x)), 0)
                << test.name;
            // Errors below 2^-8 count as none.
            for (const Isa isa : fast_levels()) {
                EXPECT_LE(testing::squared_error(test, x, testing::encode(viterbi_encode(isa), test, x)),
                          kViterbiTile / 256.0)
                    << test.name;
            }
        }
    }
}

// The least squared error of all circular paths, where values depend on the last kv + 3 bits of a state alone: 8 nodes,
// each of them tried as the seam.
double least_error(const ViterbiTrellis& trellis, const float* x) {
    const int kv = trellis.bits * trellis.step_values;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t seam = 0; seam < 8; ++seam) {
        std::vector<double> cost(8, std::numeric_limits<double>::infinity());
        cost[seam] = 0;
        for (int step = 0; step < kViterbiTile / trellis.step_values; ++step) {
            std::vector<double> next(8, std::numeric_limits<double>::infinity());
            for (std::size_t node = 0; node < 8; ++node) {
                for (std::size_t choice = 0; choice < std::size_t{1} << kv; ++choice) {
                    const std::size_t state = node << kv | choice;
                    double error = cost[node];
                    for (int v = 0; v < trellis.step_values; ++v) {
                        const double value = trellis.values[static_cast<std::size_t>(v) * kTrellisStates + state];
                        const double off = value - x[step * trellis.step_values + v];
                        error += off * off;
                    }
                    next[state % 8] = std::min(next[state % 8], error);
                }
            }
            cost = next;
        }
        least = std::min(least, cost[seam]);
    }
    return least;
}

TEST(Viterbi, NoCircularPathIsBetter) {
    for (const TrellisCode code : kCodes) {
        for (int bits = 1; bits <= 4; ++bits) {
            TestTrellis test = trellis_of(code, bits);
            const std::size_t period = std::size_t{8} << test.kv();
            for (std::size_t i = 0; i < test.values.size(); ++i) {
                const std::size_t state = i % kTrellisStates;
                test.values[i] = test.values[i - state + state % period];
            }
            const std::vector<float> x = testing::gaussian_tiles(2, test.rms, 4);
            for (std::size_t tile = 0; tile < x.size() / kViterbiTile; ++tile) {
                const std::vector<float> numbers(x.begin() + static_cast<std::ptrdiff_t>(tile * kViterbiTile),
                                                 x.begin() + static_cast<std::ptrdiff_t>((tile + 1) * kViterbiTile));
                const double least = least_error(test.trellis(), numbers.data());
                const auto error = [&](ViterbiEncode encoder) {
                    return testing::squared_error(test, numbers, testing::encode(encoder, test, numbers));
                };
                EXPECT_NEAR(error(viterbi_encode_f32_ref), least, 1e-4 * least) << test.name;
                // Each number's error is rounded down by less than 1/256.
                for (const Isa isa : fast_levels()) EXPECT_NEAR(error(viterbi_encode(isa)), least, 1.0) << test.name;
            }
        }
    }
}

}  // namespace
}  // namespace dwubit
