// Every type against what the Python package gguf decodes (tests/oracle/ggml_decode_golden.py).
#include "ggml/block_type.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <bitset>
#include <cmath>
#include <map>

#include "base/sha256.h"
#include "ggml/tables.h"
#include "json/json.h"

namespace dwubit {
namespace {

std::vector<std::byte> splitmix_bytes(std::uint64_t seed, std::size_t count) {
    std::vector<std::byte> bytes(count);
    for (std::size_t i = 0; i < count; i += 8) {
        seed += 0x9E3779B97F4A7C15u;
        std::uint64_t z = (seed ^ seed >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        std::memcpy(bytes.data() + i, &z, std::min<std::size_t>(8, count - i));
    }
    return bytes;
}

// As bits, every NaN the same.
std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
    std::vector<std::uint32_t> bits;
    for (const float x : values) bits.push_back(std::isnan(x) ? 0x7fc00000u : std::bit_cast<std::uint32_t>(x));
    return bits;
}

TEST(BlockType, DecodesBitForBitAsGguf) {
    const Result<Json> golden = read_json_file("tests/golden/ggml/decode.json");
    ASSERT_TRUE(golden.ok()) << golden.error().message;
    const auto blocks = golden->at("blocks").get<std::int64_t>();
    const auto shown = golden->at("shown").get<std::int64_t>();
    EXPECT_EQ(golden->at("types").size(), block_types().size());
    for (const Json& json : golden->at("types")) {
        SCOPED_TRACE(json.at("name").get<std::string>());
        const BlockType* const type = find_block_type(json.at("id").get<std::uint32_t>());
        ASSERT_NE(type, nullptr);
        EXPECT_EQ(find_block_type(json.at("name").get<std::string>()), type);
        EXPECT_EQ(type->weights, json.at("weights").get<int>());
        EXPECT_EQ(type->bytes, json.at("bytes").get<int>());
        // One byte further: blocks may lie anywhere.
        std::vector<std::byte> bytes(1);
        const auto random = splitmix_bytes(type->id, static_cast<std::size_t>(blocks * type->bytes));
        bytes.insert(bytes.end(), random.begin(), random.end());
        std::vector<float> values(static_cast<std::size_t>(type->weights));
        type->decode(bytes.data() + 1 + shown * type->bytes, 1, values.data());
        EXPECT_EQ(bits_of(values), json.at("shown").get<std::vector<std::uint32_t>>());
        values.resize(static_cast<std::size_t>(blocks * type->weights));
        type->decode(bytes.data() + 1, blocks, values.data());
        const std::vector<std::uint32_t> bits = bits_of(values);
        EXPECT_EQ(sha256_hex(std::as_bytes(std::span(bits))), json.at("sha256").get<std::string>());
    }
}

TEST(BlockType, UnknownOnesAreNotFound) {
    EXPECT_EQ(find_block_type(4), nullptr);
    EXPECT_EQ(find_block_type(1000), nullptr);
    EXPECT_EQ(find_block_type("Q9_K"), nullptr);
    EXPECT_EQ(find_block_type("q4_0"), nullptr);
    EXPECT_DOUBLE_EQ(find_block_type("IQ2_XXS")->bits_per_weight(), 2.0625);
    EXPECT_DOUBLE_EQ(find_block_type("BF16")->bits_per_weight(), 16);
}

// Of the 256 points: all different, ascending, sums of levels even, and how many of each composition there are.
TEST(BlockType, TheGridOfIq2XxsIsTheOneThatIsKnown) {
    std::map<std::array<int, 3>, int> census;
    for (std::size_t i = 0; i < ggml::kIq2XxsGrid.size(); ++i) {
        std::array<int, 3> levels{};
        int sum = 0;
        for (int k = 0; k < 8; ++k) {
            const int level = ggml::kIq2XxsGrid[i] >> (2 * k) & 3;
            ASSERT_LT(level, 3);
            ++levels[static_cast<std::size_t>(level)];
            sum += level;
        }
        EXPECT_EQ(sum % 2, 0);
        ++census[levels];
        if (i > 0) {
            EXPECT_LT(ggml::kIq2XxsGrid[i - 1], ggml::kIq2XxsGrid[i]);
        }
    }
    const std::map<std::array<int, 3>, int> expected = {
        {{8, 0, 0}, 1}, {{7, 0, 1}, 8},  {{6, 2, 0}, 28}, {{6, 0, 2}, 10}, {{5, 2, 1}, 89}, {{5, 0, 3}, 18},
        {{4, 4, 0}, 4}, {{4, 2, 2}, 20}, {{3, 4, 1}, 25}, {{3, 2, 3}, 26}, {{2, 4, 2}, 24}, {{1, 6, 1}, 3}};
    EXPECT_EQ(census, expected);
}

}  // namespace
}  // namespace dwubit
