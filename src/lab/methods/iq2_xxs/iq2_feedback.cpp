#include "lab/methods/iq2_xxs/iq2_feedback.h"

#include <cstring>

#include "ggml/iq2_search.h"
#include "ggml/layout.h"

namespace dwubit::lab {
namespace {

constexpr std::int64_t kGroup = 32;  // columns with a scale
constexpr std::int64_t kEights = kGroup / kIq2FeedbackBlock;

class Iq2Quantizer final : public BlockQuantizer {
public:
    // scales: [in / 32, rows]
    Iq2Quantizer(std::span<const float> importance, std::vector<float> scales)
        : importance_(importance), scales_(std::move(scales)) {}

    std::int64_t columns() const override { return kIq2FeedbackBlock; }
    void quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const override {
        quantize_block(0, target, value, codes);
    }
    void quantize_block(std::int64_t block, const at::Tensor& target, at::Tensor& value,
                        at::Tensor& codes) const override {
        const std::int64_t rows = target.size(1);
        ggml::round_iq2_eights(target.data_ptr<float>(), importance_.data() + block * kIq2FeedbackBlock,
                               scales_.data() + block / kEights * rows, rows, value.data_ptr<float>(),
                               codes.data_ptr<std::int32_t>());
    }

private:
    std::span<const float> importance_;
    std::vector<float> scales_;
};

// Block `column / 256` of row `r`.
ggml::BlockIq2Xxs* block_of(std::span<std::byte> blocks, std::int64_t row_blocks, std::int64_t r, std::int64_t column) {
    return reinterpret_cast<ggml::BlockIq2Xxs*>(blocks.data()) + r * row_blocks + column / ggml::kSuper;
}

// The 8 bytes of a group.
ggml::Byte* group_of(ggml::BlockIq2Xxs* block, std::int64_t column) {
    return block->qs + column % ggml::kSuper / kGroup * 8;
}

std::vector<float> scales_of(std::span<std::byte> blocks, std::int64_t rows, std::int64_t columns) {
    std::vector<float> scales;
    for (std::int64_t column = 0; column < columns; column += kGroup) {
        for (std::int64_t r = 0; r < rows; ++r) {
            ggml::BlockIq2Xxs* const block = block_of(blocks, columns / ggml::kSuper, r, column);
            const int code = group_of(block, column)[7] >> 4;
            scales.push_back(ggml::read_f16(block->d) * (0.5f + static_cast<float>(code)) * 0.25f);
        }
    }
    return scales;
}

// codes: of one eight, as round_iq2_eights() gives them.
void store(std::int32_t code, std::int64_t column, ggml::BlockIq2Xxs* block) {
    ggml::Byte* const group = group_of(block, column);
    const auto place = static_cast<unsigned>(column % kGroup / kIq2FeedbackBlock);
    group[place] = static_cast<ggml::Byte>(code & 255);
    std::uint32_t word = ggml::read_u32(group + 4);
    word &= ~(127u << (7 * place));
    word |= static_cast<std::uint32_t>(code >> 8 & 127) << (7 * place);
    std::memcpy(group + 4, &word, sizeof(word));
}

}  // namespace

void feed_back_iq2(const at::Tensor& weight, const BlockFeedback& feedback, std::span<const float> importance,
                   int sweeps, std::span<std::byte> blocks) {
    const std::int64_t rows = weight.size(0);
    const std::int64_t columns = weight.size(1);
    const Iq2Quantizer quantizer(importance, scales_of(blocks, rows, columns));
    const BlockSolution found = quantize_blocks(weight, feedback, quantizer, sweeps);
    const std::int32_t* code = found.codes.data_ptr<std::int32_t>();  // [eights, 1, rows]
    for (std::int64_t column = 0; column < columns; column += kIq2FeedbackBlock) {
        for (std::int64_t r = 0; r < rows; ++r) {
            store(*code++, column, block_of(blocks, columns / ggml::kSuper, r, column));
        }
    }
}

}  // namespace dwubit::lab
