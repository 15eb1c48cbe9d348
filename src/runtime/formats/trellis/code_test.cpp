#include "runtime/formats/trellis/code.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/float16.h"
#include "base/philox.h"
#include "runtime/formats/trellis/hash.h"

namespace dwubit {
namespace {

constexpr TrellisCode kCodes[] = {TrellisCode::k1Mad, TrellisCode::k3Inst, TrellisCode::kMul1, TrellisCode::kHyb};

// Vectors worked out from the definitions in the QTIP paper and in EXL3, by state.
struct Vector {
    std::uint32_t state;
    std::uint32_t x_1mad;
    int sum_1mad;
    double v_1mad;
    std::uint16_t f16_3inst;
    std::uint32_t x_mul1;
    int sum_mul1;
    std::uint16_t f16_mul1;
    std::uint32_t hash;
    std::uint32_t pair;
    bool flips;
};
constexpr Vector kVectors[] = {
    {0x0000, 0x0491367a, 325, -1.251687, 0x3a25, 0x00000000, 0, 0xc2e8, 0x00000000, 0, false},
    {0x0001, 0x0698994b, 386, -0.838969, 0xbb5b, 0x83dcd12d, 605, 0x3921, 0x00000002, 0, false},
    {0x0002, 0x089ffc1c, 447, -0.426250, 0x3b74, 0x07b9a25a, 444, 0xb72d, 0x00000006, 0, false},
    {0x1234, 0xf303faee, 734, 1.515556, 0xc066, 0x4f8fa724, 425, 0xb89e, 0x014b6cc4, 435, false},
    {0x8000, 0xb5f9b67a, 734, 1.515556, 0xb7f8, 0x68968000, 382, 0xbaf2, 0x40008000, 0, true},
    {0xffff, 0x655ad3a9, 571, 0.412718, 0xb110, 0x4d502ed3, 414, 0xb936, 0xffff0000, 0, false},
};

std::vector<std::uint16_t> some_table() {
    Philox random(3);
    std::vector<std::uint16_t> table(kHybTableSize);
    for (std::uint16_t& bits : table) bits = to_f16(random.next_normal()).bits;
    return table;
}

TEST(TrellisCode, GivesThePublishedVectors) {
    const std::vector<float> mad = trellis_values(TrellisCode::k1Mad, {});
    const std::vector<float> inst = trellis_values(TrellisCode::k3Inst, {});
    const std::vector<float> mul = trellis_values(TrellisCode::kMul1, {});
    for (const Vector& v : kVectors) {
        SCOPED_TRACE(v.state);
        EXPECT_EQ(trellis::k1MadFactor * v.state + trellis::k1MadTerm, v.x_1mad);
        EXPECT_EQ(trellis::byte_sum(v.x_1mad), v.sum_1mad);
        EXPECT_NEAR(mad[v.state], v.v_1mad, 5e-7);
        EXPECT_EQ(to_f16(inst[v.state]).bits, v.f16_3inst);
        EXPECT_EQ(to_float(to_f16(inst[v.state])), inst[v.state]);
        EXPECT_EQ(trellis::kMul1Factor * v.state, v.x_mul1);
        EXPECT_EQ(trellis::byte_sum(v.x_mul1), v.sum_mul1);
        EXPECT_EQ(to_f16(mul[v.state]).bits, v.f16_mul1);
        EXPECT_EQ(trellis::hyb_hash(v.state), v.hash);
        EXPECT_EQ(trellis::hyb_pair(v.hash), v.pair);
        EXPECT_EQ(trellis::hyb_flips(v.hash), v.flips);
    }
}

// MUL1 as it was measured: rounded to f16.
TEST(TrellisCode, HasTheRmsAndTheCountOfValuesThatWereMeasured) {
    struct Expected {
        TrellisCode code;
        double rms;
        std::size_t distinct;
    };
    for (const Expected& e :
         {Expected{TrellisCode::k1Mad, 1.000088, 908}, Expected{TrellisCode::k3Inst, 1.243711, 10598},
          Expected{TrellisCode::kMul1, 1.000312, 913}}) {
        SCOPED_TRACE(std::string(trellis_code_name(e.code)));
        std::vector<float> values = trellis_values(e.code, {});
        ASSERT_EQ(values.size(), static_cast<std::size_t>(kTrellisStates));
        if (e.code == TrellisCode::kMul1) {
            for (float& value : values) value = to_float(to_f16(value));
        }
        double squares = 0;
        for (const float value : values) squares += double{value} * value;
        EXPECT_NEAR(std::sqrt(squares / kTrellisStates), e.rms, 1e-6);
        EXPECT_EQ(std::set<float>(values.begin(), values.end()).size(), e.distinct);
    }
}

// Halves of the constants, and one rounding: an f16 multiply-add gives the value rounded.
TEST(TrellisCode, Mul1IsThatOfHalfPrecisionButForTheLastRounding) {
    EXPECT_EQ(to_float(F16{0x1eee}), trellis::kMul1Slope);
    EXPECT_EQ(to_float(F16{0xc931}), trellis::kMul1Offset);
    for (int sum = 0; sum <= 4 * 255; ++sum) {
        const double exact = (1024.0 + sum) * double{trellis::kMul1Slope} + double{trellis::kMul1Offset};
        EXPECT_EQ(trellis::value_mul1(sum), static_cast<float>(exact)) << sum;
    }
}

// What the vector kernels do instead of dividing.
TEST(TrellisCode, AProductAndItsCorrectionAreTheQuotient) {
    constexpr float kInverse = 1 / trellis::k1MadDivisor;
    for (int sum = 0; sum <= 4 * 255; ++sum) {
        const auto value = static_cast<float>(sum - trellis::kByteSumCentre);
        const float guess = value * kInverse;
        const float rest = std::fma(-guess, trellis::k1MadDivisor, value);
        EXPECT_EQ(std::fma(rest, kInverse, guess), trellis::value_1mad(sum)) << sum;
    }
}

TEST(TrellisCode, HybLooksUpAPairAndFlipsItsFirstNumber) {
    const std::vector<std::uint16_t> table = some_table();
    const std::vector<float> values = trellis_values(TrellisCode::kHyb, table);
    ASSERT_EQ(values.size(), 2U * kTrellisStates);
    for (std::uint64_t s = 0; s < kTrellisStates; ++s) {
        const std::uint64_t hash = s * (s + 1);
        const std::uint64_t pair = hash / 64 % 512;
        const float first = to_float(F16{table[2 * pair]});
        EXPECT_EQ(values[s], hash / 32768 % 2 == 1 ? -first : first) << s;
        EXPECT_EQ(values[kTrellisStates + s], to_float(F16{table[2 * pair + 1]})) << s;
    }
}

TEST(TrellisCode, OrdersArePermutations) {
    for (const TrellisCode code : kCodes) {
        for (int bits = 1; bits <= 4; ++bits) {
            const auto order = trellis_order(code, bits);
            EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 256U);
            const bool fragments = code == TrellisCode::kHyb && bits > 1;
            // lane 4 b + d of the product's first operand: rows b and b + 8, columns 2 d and 2 d + 8
            EXPECT_EQ(order[2], fragments ? 8 * 16 : 2);
            EXPECT_EQ(order[4], fragments ? 8 : 4);
            EXPECT_EQ(order[8], fragments ? 2 : 8);
            EXPECT_EQ(order[32], fragments ? 16 : 32);
            EXPECT_EQ(order[255], 255);
        }
    }
}

TEST(TrellisCode, NamesAreReadBack) {
    for (const TrellisCode code : kCodes) {
        EXPECT_EQ(trellis_code_from_name(trellis_code_name(code)).value(), code);
        EXPECT_EQ(trellis_step_values(code), code == TrellisCode::kHyb ? 2 : 1);
    }
    const auto misspelt = trellis_code_from_name("mul2");
    ASSERT_FALSE(misspelt.ok());
    EXPECT_EQ(misspelt.error().kind, ErrorKind::kInvalidInput);
    EXPECT_NE(misspelt.error().hint.find("'mul1'"), std::string::npos);
    EXPECT_NE(trellis_code_from_name("lattice").error().hint.find("1mad, 3inst, mul1, hyb"), std::string::npos);
}

}  // namespace
}  // namespace dwubit
