#include "runtime/ops/rope/rope.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dwubit {
namespace {

TEST(Rope, FrequenciesFallGeometrically) {
    const auto f = rope_inverse_frequencies({.theta = 10000.0}, 8);
    ASSERT_EQ(f.size(), 4u);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(f[i], std::pow(10000.0, -0.25 * static_cast<double>(i)), 1e-7);
}

TEST(Rope, LinearScalingDividesAll) {
    const auto plain = rope_inverse_frequencies({.theta = 500.0}, 16);
    const auto scaled = rope_inverse_frequencies({.theta = 500.0, .scaling = RopeScaling::kLinear, .factor = 4.0}, 16);
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_FLOAT_EQ(scaled[i], plain[i] / 4.0f);
}

TEST(Rope, Llama3ScalingKeepsShortWavesAndDividesLongOnes) {
    const RopeConfig config{.theta = 500000.0,
                            .scaling = RopeScaling::kLlama3,
                            .factor = 8.0,
                            .low_freq_factor = 1.0,
                            .high_freq_factor = 4.0,
                            .original_context = 8192};
    const auto plain = rope_inverse_frequencies({.theta = 500000.0}, 128);
    const auto scaled = rope_inverse_frequencies(config, 128);
    EXPECT_EQ(scaled.front(), plain.front());
    EXPECT_FLOAT_EQ(scaled.back(), plain.back() / 8.0f);
    int between = 0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
        EXPECT_LE(scaled[i], plain[i]);
        EXPECT_GE(scaled[i], plain[i] / 8.0f * 0.999f);
        if (scaled[i] < plain[i] && scaled[i] > plain[i] / 8.0f * 1.001f) ++between;
    }
    EXPECT_GT(between, 3);
}

TEST(Rope, TableGrowsWithoutChangingEarlierPositions) {
    RopeTable table(rope_inverse_frequencies({.theta = 1e6}, 64));
    table.grow(10);
    const float before = table.cosine(9)[3];
    table.grow(1000);
    EXPECT_EQ(table.cosine(9)[3], before);
    EXPECT_EQ(table.cosine(0)[5], 1.0f);
    EXPECT_EQ(table.sine(0)[5], 0.0f);
    EXPECT_NEAR(table.sine(999)[0], std::sin(999.0), 1e-6);
}

}  // namespace
}  // namespace dwubit
