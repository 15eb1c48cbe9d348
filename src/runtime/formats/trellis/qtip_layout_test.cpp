#include "runtime/formats/trellis/qtip_layout.h"

#include <gtest/gtest.h>

#include "base/philox.h"

namespace dwubit::trellis {
namespace {

constexpr TrellisParams kParams[] = {{TrellisCode::kHyb, 2},   {TrellisCode::kHyb, 3},  {TrellisCode::kHyb, 4},
                                     {TrellisCode::kHyb, 1},   {TrellisCode::k1Mad, 2}, {TrellisCode::k3Inst, 3},
                                     {TrellisCode::k3Inst, 1}, {TrellisCode::k1Mad, 4}};

std::vector<std::uint8_t> random_codes(const Shape& matrix, const TrellisParams& params) {
    Philox random(9, static_cast<std::uint64_t>(params.bits));
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(matrix[0] * matrix[1] / trellis_step_values(params.code)));
    for (std::uint8_t& code : codes) {
        code = static_cast<std::uint8_t>(random.next_below(std::uint64_t{1} << params.step_bits()));
    }
    return codes;
}

TEST(QtipLayout, IsUndoneBitForBit) {
    for (const TrellisParams& params : kParams) {
        for (const Shape& matrix : {Shape{32, 64}, Shape{96, 192}}) {
            const std::vector<std::uint8_t> codes = random_codes(matrix, params);
            const std::vector<std::uint16_t> words = to_qtip(codes, matrix, params);
            std::int64_t count = 0;
            ASSERT_TRUE(element_count(qtip_shape(matrix, params).value(), &count));
            ASSERT_EQ(static_cast<std::int64_t>(words.size()), count);
            EXPECT_EQ(from_qtip(words, matrix, params), codes) << params.bits << " " << to_string(matrix);
        }
    }
}

// At 2 bits a lane's word of a tile is 16 bits of the stream: word l of tile (R, C) lies at
// ((R / 2) (n / 32) + C / 2) 128 + 4 l + 2 (C % 2) + R % 2.
TEST(QtipLayout, LanesOfTwoBitsReadFourTilesAtOnce) {
    const TrellisParams params = {TrellisCode::kHyb, 2};
    const Shape matrix = {64, 128};
    const std::vector<std::uint8_t> codes = random_codes(matrix, params);
    const std::vector<std::uint16_t> words = to_qtip(codes, matrix, params);
    for (std::size_t row = 0; row < 4; ++row) {
        for (std::size_t column = 0; column < 8; ++column) {
            for (std::size_t lane = 0; lane < 32; ++lane) {
                const std::uint8_t* const c = codes.data() + (row * 8 + column) * 128 + 4 * lane;
                const unsigned word = c[0] << 12U | c[1] << 8U | c[2] << 4U | c[3];
                ASSERT_EQ(words[((row / 2) * 4 + column / 2) * 128 + 4 * lane + 2 * (column % 2) + row % 2], word);
            }
        }
    }
}

// Without a kernel: the states as QTIP packs them, first all 16 bits of state 0, then the new bits of those behind it,
// without the last ones, which are the first.
TEST(QtipLayout, PlainWordsAreTheStatesOneAfterAnother) {
    const TrellisParams params = {TrellisCode::k3Inst, 3};
    const Shape matrix = {32, 32};
    const std::vector<std::uint8_t> codes = random_codes(matrix, params);
    const std::vector<std::uint16_t> states = trellis_states(params, codes);
    const std::vector<std::uint16_t> words = to_qtip(codes, matrix, params);
    for (std::size_t tile = 0; tile < 4; ++tile) {
        std::vector<unsigned> stream;
        for (std::size_t t = 0; t < 256; ++t) {
            for (int bit = t == 0 ? 15 : 2; bit >= 0; --bit) stream.push_back(states[256 * tile + t] >> bit & 1U);
        }
        ASSERT_EQ(stream.size(), 768U + 13);
        for (std::size_t i = 0; i < 13; ++i) ASSERT_EQ(stream[768 + i], stream[i]);
        for (std::size_t w = 0; w < 48; ++w) {
            unsigned word = 0;
            for (std::size_t bit = 0; bit < 16; ++bit) word = 2 * word + stream[16 * w + bit];
            ASSERT_EQ(words[48 * tile + w], word) << tile << " " << w;
        }
    }
}

TEST(QtipLayout, WhatDoesNotFitSaysWhy) {
    EXPECT_EQ(qtip_shape({4096, 14336}, {TrellisCode::kHyb, 3}).value(), (Shape{256 * 896, 48}));
    EXPECT_EQ(qtip_shape({16, 48}, {TrellisCode::k1Mad, 2}).value(), (Shape{3, 32}));
    const auto refused = qtip_shape({48, 96}, {TrellisCode::kHyb, 2});
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.error().message.find("multiple of 32, columns of 64"), std::string::npos);
    EXPECT_EQ(qtip_decode_mode(TrellisCode::kHyb).value(), "quantlut_sym");
    const auto unknown = qtip_decode_mode(TrellisCode::kMul1);
    ASSERT_FALSE(unknown.ok());
    EXPECT_NE(unknown.error().message.find("mul1"), std::string::npos);
    EXPECT_NE(unknown.error().hint.find("3inst"), std::string::npos);
}

}  // namespace
}  // namespace dwubit::trellis
