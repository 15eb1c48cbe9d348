#include "runtime/formats/e8p/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace dwubit::e8p {
namespace {

// Facts of the table in QuIP#'s own code, which checkpoints depend on.
TEST(E8pTable, IsThatOfQuipSharp) {
    const std::array<std::uint32_t, kRows> words = packed_table();
    const std::uint32_t first[] = {0x99999999, 0x59999999, 0xd9999999, 0x7999b999,
                                   0xb999b999, 0x3999b999, 0x9999d999, 0x5999d999};
    for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(words[i], first[i]) << i;
    EXPECT_EQ(words[226], 0x799b999dU);
    EXPECT_EQ(words[227], 0x5b99bb9bU);
    EXPECT_EQ(words[255], 0x7b9bbb9bU);
    std::uint64_t sum = 0;
    std::uint32_t all = 0;
    std::uint64_t hash = 1469598103934665603U;  // FNV-1a's steps over the little-endian bytes, from this number
    for (const std::uint32_t word : words) {
        sum += word;
        all ^= word;
        for (int byte = 0; byte < 4; ++byte) hash = (hash ^ (word >> (8 * byte) & 255)) * 0x100000001b3U;
    }
    EXPECT_EQ(sum, 575420593940U);
    EXPECT_EQ(all, 0xc2020000U);
    EXPECT_EQ(hash, 0x5acbac33b2585417U);
}

TEST(E8pTable, CodesDecodeToPublishedVectors) {
    const std::pair<int, Quarters> cases[] = {
        {0x0000, {3, 3, 3, 3, 3, 3, 3, 3}},     {0x0001, {1, 1, 1, 1, 1, 1, 1, 1}},
        {0x0003, {-1, 3, -1, 3, 3, 3, 3, 3}},   {0x00ff, {-1, -1, -1, -1, -1, -1, -1, -1}},
        {0x0100, {3, 3, 3, 3, 3, 3, 3, -5}},    {0x01ff, {-1, -1, -1, -1, -1, -1, -1, 7}},
        {0x1234, {-3, -3, 1, -3, -7, 1, 1, 5}}, {0x8001, {1, 5, 5, 1, 1, 5, 1, -3}},
        {0xabcd, {5, 1, 1, 5, -3, -7, -3, 1}},  {0xffff, {-5, -5, -1, -1, -5, -5, -5, 3}},
    };
    for (const auto& [code, values] : cases) EXPECT_EQ(decode(static_cast<std::uint16_t>(code)), values) << code;
}

// Every point without its shift is a vector of odd halves with an even sum, and no two codes are the same point.
TEST(E8pTable, PointsAreDistinctAndOfTheLattice) {
    std::set<Quarters> points;
    double squares = 0;
    for (int code = 0; code < 65536; ++code) {
        const Quarters values = decode(static_cast<std::uint16_t>(code));
        points.insert(values);
        const int shift = __builtin_parity(static_cast<unsigned>(code & 255)) != 0 ? -1 : 1;
        int sum = 0;
        for (const int value : values) {
            squares += value * value / 16.0;
            const int quarters = value - shift;  // twice an odd number
            EXPECT_EQ(quarters & 3, 2) << code;
            sum += quarters;
        }
        EXPECT_EQ(sum % 8, 0) << code;
    }
    EXPECT_EQ(points.size(), 65536U);
    EXPECT_EQ(std::sqrt(squares / (65536 * 8)), 1.09375);
}

TEST(E8pTable, SecondStageIsShortPointsOfE8) {
    std::set<std::array<std::int8_t, kWidth>> points(e8_points().begin(), e8_points().end());
    EXPECT_EQ(points.size(), 256U);
    int by_norm[5] = {};
    for (const auto& point : e8_points()) {
        int sum = 0;
        int squares = 0;
        for (const int value : point) {
            sum += value;
            squares += value * value;
        }
        EXPECT_EQ(sum % 4, 0);
        ++by_norm[squares / 4];
    }
    EXPECT_EQ(by_norm[0], 1);
    EXPECT_EQ(by_norm[2], 112 + 128);
    EXPECT_EQ(by_norm[4], 15);
    EXPECT_EQ(points.count({0, 0, 0, 0, 0, 0, 0, -4}), 0U);
    EXPECT_EQ(e8_points()[0], (std::array<std::int8_t, kWidth>{-2, -2, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(e8_points()[255], (std::array<std::int8_t, kWidth>{0, 0, 0, 0, 0, 0, -4, 0}));
}

}  // namespace
}  // namespace dwubit::e8p
