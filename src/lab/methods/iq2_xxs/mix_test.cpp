#include "lab/methods/iq2_xxs/mix.h"

#include <gtest/gtest.h>

namespace dwubit::lab {
namespace {

std::string type_of(MixRole role, std::int64_t layer, std::int64_t layers, std::int64_t heads, std::int64_t columns) {
    const BlockType* const type = iq2_xxs_mix({role, layer, layers, heads}, columns);
    return type == nullptr ? "none" : type->name;
}

TEST(Iq2XxsMix, FollowsTheRulesOfLlamaCpp) {
    EXPECT_EQ(type_of(MixRole::kValue, 3, 32, 4, 4096), "Q4_K");
    EXPECT_EQ(type_of(MixRole::kValue, 3, 32, 3, 4096), "Q2_K");
    EXPECT_EQ(type_of(MixRole::kDown, 3, 32, 4, 14336), "Q2_K");
    EXPECT_EQ(type_of(MixRole::kDown, 4, 32, 4, 14336), "IQ2_XXS");
    EXPECT_EQ(type_of(MixRole::kDown, 0, 6, 4, 1792), "IQ2_XXS");  // 6 / 8 = 0 layers
    for (const MixRole role : {MixRole::kQuery, MixRole::kKey, MixRole::kOutput, MixRole::kGate, MixRole::kUp}) {
        EXPECT_EQ(type_of(role, 0, 32, 4, 4096), "IQ2_XXS");
    }
}

TEST(Iq2XxsMix, SmallBlocksServeOtherWidths) {
    EXPECT_EQ(type_of(MixRole::kQuery, 0, 30, 3, 576), "IQ4_NL");
    EXPECT_EQ(type_of(MixRole::kValue, 0, 30, 3, 576), "Q4_0");
    EXPECT_EQ(type_of(MixRole::kValue, 0, 30, 4, 576), "Q5_0");
    EXPECT_EQ(type_of(MixRole::kQuery, 0, 30, 3, 100), "none");
}

// Bytes of Bielik-11B-v2's linears, embedding (Q2_K) and head (Q5_K) as llama.cpp writes them; the norms are F32.
TEST(Iq2XxsMix, ElevenBillionWeightsTakeTheBytesThatAreKnown) {
    constexpr std::int64_t kLayers = 50, kHidden = 4096, kInner = 14336, kVocab = 32128;
    double bytes = 0;
    const auto add = [&](const BlockType* type, std::int64_t rows, std::int64_t columns) {
        bytes += static_cast<double>(rows) * static_cast<double>(columns / type->weights * type->bytes);
    };
    for (std::int64_t layer = 0; layer < kLayers; ++layer) {
        const auto linear = [&](MixRole role, std::int64_t rows, std::int64_t columns) {
            add(iq2_xxs_mix({role, layer, kLayers, 4}, columns), rows, columns);
        };
        linear(MixRole::kQuery, kHidden, kHidden);
        linear(MixRole::kKey, 1024, kHidden);
        linear(MixRole::kValue, 1024, kHidden);
        linear(MixRole::kOutput, kHidden, kHidden);
        linear(MixRole::kGate, kInner, kHidden);
        linear(MixRole::kUp, kInner, kHidden);
        linear(MixRole::kDown, kHidden, kInner);
    }
    add(find_block_type("Q2_K"), kVocab, kHidden);
    add(find_block_type("Q5_K"), kVocab, kHidden);
    bytes += 4.0 * kHidden * (2 * kLayers + 1);
    EXPECT_EQ(bytes, 3035471872.0);
}

}  // namespace
}  // namespace dwubit::lab
