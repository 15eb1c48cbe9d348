// IQ2_XXS with errors fed back by the whole Hessian: scales from the search row by row, then points and signs column
// block by column block.
#pragma once

#include <span>
#include <vector>

#include "lab/blocks/ldlq.h"

namespace dwubit::lab {

inline constexpr std::int64_t kIq2FeedbackBlock = 8;

// weight: [rows, in] float32 on the CPU. blocks: the rows as the search encoded them, [rows, in / 256 * 66] bytes,
// whose scales are kept; points and signs are replaced. importance: [in], none negative.
void feed_back_iq2(const at::Tensor& weight, const BlockFeedback& feedback, std::span<const float> importance,
                   int sweeps, std::span<std::byte> blocks);

}  // namespace dwubit::lab
