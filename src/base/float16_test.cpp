#include "base/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dwubit {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The value of a half by its definition, in double.
double half_by_definition(std::uint16_t bits) {
    const int exponent = (bits >> 10) & 31;
    const int mantissa = bits & 1023;
    const double magnitude = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

TEST(F16, EveryFinitePatternWidensExactlyAndComesBack) {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const F16 half{static_cast<std::uint16_t>(bits)};
        if (((bits >> 10) & 31) == 31) continue;
        ASSERT_EQ(static_cast<double>(to_float(half)), half_by_definition(half.bits)) << bits;
        ASSERT_EQ(to_f16(to_float(half)).bits, half.bits) << bits;
    }
}

TEST(F16, RoundsMidpointsToEven) {
    for (std::uint32_t bits = 0; bits + 1 < 0x7c00; ++bits) {  // between each pair of neighbours
        const double low = half_by_definition(static_cast<std::uint16_t>(bits));
        const double high = half_by_definition(static_cast<std::uint16_t>(bits + 1));
        const auto middle = static_cast<float>((low + high) / 2);  // exact in float
        const std::uint32_t even = bits % 2 == 0 ? bits : bits + 1;
        ASSERT_EQ(to_f16(middle).bits, even) << bits;
        ASSERT_EQ(to_f16(std::nextafter(middle, kInfinity)).bits, bits + 1) << bits;
        ASSERT_EQ(to_f16(std::nextafter(middle, 0.0f)).bits, bits) << bits;
        ASSERT_EQ(to_f16(-middle).bits, even | 0x8000) << bits;
    }
}

TEST(F16, SpecialValues) {
    EXPECT_EQ(to_f16(kInfinity).bits, 0x7c00);
    EXPECT_EQ(to_f16(-kInfinity).bits, 0xfc00);
    EXPECT_EQ(to_f16(65519.0f).bits, 0x7bff);
    EXPECT_EQ(to_f16(65520.0f).bits, 0x7c00);
    EXPECT_EQ(to_f16(-0.0f).bits, 0x8000);
    EXPECT_TRUE(std::isnan(to_float(to_f16(std::nanf("")))));
    EXPECT_TRUE(std::isnan(to_float(F16{0x7c01})));
    EXPECT_EQ(to_float(F16{0xfc00}), -kInfinity);
}

TEST(Bf16, RoundsToNearestEven) {
    EXPECT_EQ(to_bf16(1.0f).bits, 0x3f80);
    EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808000u)).bits, 0x3f80);  // midpoint, even below
    EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f818000u)).bits, 0x3f82);  // midpoint, even above
    EXPECT_EQ(to_bf16(std::bit_cast<float>(0x3f808001u)).bits, 0x3f81);
    EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()).bits, 0x7f80);
    EXPECT_TRUE(std::isnan(to_float(to_bf16(std::nanf("")))));
    EXPECT_TRUE(std::isnan(to_float(to_bf16(std::bit_cast<float>(0x7f800001u)))));  // not rounded to infinity
}

}  // namespace
}  // namespace dwubit
