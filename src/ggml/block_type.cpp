#include "ggml/block_type.h"

#include <algorithm>
#include <array>

#include "ggml/decode.h"
#include "ggml/encode.h"

namespace dwubit {
namespace {

constexpr std::array kTypes = {
    BlockType{0, "F32", 1, 4, ggml::decode_f32, ggml::encode_f32},
    BlockType{1, "F16", 1, 2, ggml::decode_f16, ggml::encode_f16},
    BlockType{2, "Q4_0", 32, 18, ggml::decode_q4_0, ggml::encode_q4_0},
    BlockType{3, "Q4_1", 32, 20, ggml::decode_q4_1},
    BlockType{6, "Q5_0", 32, 22, ggml::decode_q5_0, ggml::encode_q5_0},
    BlockType{7, "Q5_1", 32, 24, ggml::decode_q5_1},
    BlockType{8, "Q8_0", 32, 34, ggml::decode_q8_0, ggml::encode_q8_0},
    BlockType{10, "Q2_K", 256, 84, ggml::decode_q2_k, ggml::encode_q2_k},
    BlockType{11, "Q3_K", 256, 110, ggml::decode_q3_k},
    BlockType{12, "Q4_K", 256, 144, ggml::decode_q4_k, ggml::encode_q4_k},
    BlockType{13, "Q5_K", 256, 176, ggml::decode_q5_k, ggml::encode_q5_k},
    BlockType{14, "Q6_K", 256, 210, ggml::decode_q6_k, ggml::encode_q6_k},
    BlockType{16, "IQ2_XXS", 256, 66, ggml::decode_iq2_xxs, ggml::encode_iq2_xxs, true},
    BlockType{17, "IQ2_XS", 256, 74, ggml::decode_iq2_xs},
    BlockType{18, "IQ3_XXS", 256, 98, ggml::decode_iq3_xxs},
    BlockType{20, "IQ4_NL", 32, 18, ggml::decode_iq4_nl, ggml::encode_iq4_nl},
    BlockType{22, "IQ2_S", 256, 82, ggml::decode_iq2_s},
    BlockType{30, "BF16", 1, 2, ggml::decode_bf16, ggml::encode_bf16},
};

template <class Match>
const BlockType* find(const Match& match) {
    const auto* const at = std::find_if(kTypes.begin(), kTypes.end(), match);
    return at == kTypes.end() ? nullptr : &*at;
}

}  // namespace

std::span<const BlockType> block_types() {
    return kTypes;
}

const BlockType* find_block_type(std::uint32_t id) {
    return find([&](const BlockType& type) { return type.id == id; });
}

const BlockType* find_block_type(std::string_view name) {
    return find([&](const BlockType& type) { return type.name == name; });
}

}  // namespace dwubit
