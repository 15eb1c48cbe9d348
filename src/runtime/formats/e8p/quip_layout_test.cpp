#include "runtime/formats/e8p/quip_layout.h"

#include <gtest/gtest.h>

#include "base/philox.h"

namespace dwubit::e8p {
namespace {

std::vector<std::uint32_t> random_list(const Shape& matrix, int bits) {
    Philox random(9, static_cast<std::uint64_t>(bits));
    std::vector<std::uint32_t> codes(static_cast<std::size_t>(matrix[0] * matrix[1] / 8));
    for (std::uint32_t& code : codes) {
        code = static_cast<std::uint32_t>(random.next_below(std::uint64_t{1} << (8 * bits)));
    }
    return codes;
}

TEST(QuipLayout, IsUndoneBitForBit) {
    for (const int bits : {2, 3, 4}) {
        for (const Shape& matrix : {Shape{16, 64}, Shape{48, 192}, Shape{32, 512}}) {
            const std::vector<std::uint32_t> codes = random_list(matrix, bits);
            const std::vector<std::uint64_t> words = to_quip(codes, matrix, bits);
            std::int64_t count = 0;
            ASSERT_TRUE(element_count(quip_shape(matrix, bits).value(), &count));
            ASSERT_EQ(static_cast<std::int64_t>(words.size()), count);
            EXPECT_EQ(from_quip(words, matrix, bits), codes) << bits << " " << to_string(matrix);
        }
    }
}

// The definition, step by step as the page of the layout has it: words of row pairs and code pairs, then the view
// [m / 16, 8, n / 64, 4] with its middle axes swapped.
TEST(QuipLayout, WordsStandWhereTheViewsSay) {
    const Shape matrix = {32, 128};
    const std::int64_t per_row = 16;
    const std::vector<std::uint32_t> codes = random_list(matrix, 2);
    std::vector<std::uint64_t> expected;
    for (std::int64_t block = 0; block < 2; ++block) {         // m / 16
        for (std::int64_t across = 0; across < 2; ++across) {  // n / 64
            for (std::int64_t pair = 0; pair < 8; ++pair) {
                for (std::int64_t group = 0; group < 4; ++group) {
                    const std::int64_t row = 2 * (8 * block + pair);
                    const std::int64_t code = 2 * (4 * across + group);
                    std::uint64_t word = 0;
                    for (int i = 0; i < 4; ++i) {
                        const std::uint64_t c = codes[static_cast<std::size_t>((row + i % 2) * per_row + code + i / 2)];
                        word |= (c >> 8) << (8 * i);
                        for (int j = 0; j < 8; ++j) word |= (c >> j & 1) << (32 + 4 * j + i);
                    }
                    expected.push_back(word);
                }
            }
        }
    }
    EXPECT_EQ(to_quip(codes, matrix, 2), expected);
}

TEST(QuipLayout, ShapesThatDoNotFitSayWhy) {
    EXPECT_EQ(quip_shape({4096, 4096}, 2).value(), (Shape{4096, 128}));
    EXPECT_EQ(quip_shape({4096, 4096}, 4).value(), (Shape{4096, 256}));
    EXPECT_EQ(quip_shape({4096, 4096}, 3).value(), (Shape{4096, 192}));
    for (const Shape& matrix : {Shape{8, 64}, Shape{16, 32}, Shape{65536, 64}, Shape{24, 96}}) {
        const auto shape = quip_shape(matrix, 2);
        ASSERT_FALSE(shape.ok()) << to_string(matrix);
        EXPECT_NE(shape.error().message.find(to_string(matrix)), std::string::npos);
        EXPECT_NE(shape.error().message.find("multiple of 16"), std::string::npos);
    }
}

}  // namespace
}  // namespace dwubit::e8p
