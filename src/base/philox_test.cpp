#include "base/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dwubit {
namespace {

// Known answers published with Random123 (kat_vectors, philox4x32 10 rounds).
TEST(Philox, KnownAnswers) {
    EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}),
              (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    constexpr std::uint32_t kOnes = 0xffffffff;
    EXPECT_EQ(philox4x32_10({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
              (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, SeekingGivesTheSameNumbersAsRunning) {
    Philox run(42, 7);
    std::vector<std::uint32_t> all(20);
    for (auto& x : all) x = run.next_u32();
    Philox jump(42, 7);
    jump.seek_block(3);
    for (std::size_t i = 12; i < 20; ++i) EXPECT_EQ(jump.next_u32(), all[i]);
    EXPECT_NE(Philox(42, 8).next_u32(), all[0]);
    EXPECT_NE(Philox(43, 7).next_u32(), all[0]);
}

TEST(Philox, DistributionsHaveTheirMoments) {
    Philox random(1);
    constexpr int kCount = 200000;
    double sum = 0, squares = 0, uniform = 0;
    for (int i = 0; i < kCount; ++i) {
        const double x = random.next_normal();
        sum += x;
        squares += x * x;
    }
    for (int i = 0; i < kCount; ++i) {
        const float u = random.next_uniform();
        ASSERT_TRUE(u >= 0.0f && u < 1.0f);
        uniform += u;
    }
    EXPECT_NEAR(sum / kCount, 0.0, 0.01);  // 4.5 standard errors
    EXPECT_NEAR(squares / kCount, 1.0, 0.015);
    EXPECT_NEAR(uniform / kCount, 0.5, 0.003);
}

TEST(Philox, BelowCoversItsRangeEvenly) {
    Philox random(5);
    std::vector<int> counts(7);
    for (int i = 0; i < 70000; ++i) ++counts[random.next_below(7)];
    for (const int count : counts) EXPECT_NEAR(count, 10000, 450);
    EXPECT_EQ(random.next_below(1), 0u);
}

}  // namespace
}  // namespace dwubit
