// The table of HYB that models are quantized with: 512 pairs of f16, trained once by train_hyb_table() and kept as
// data.
#pragma once

#include <cstdint>
#include <span>

namespace dwubit {

std::span<const std::uint16_t, 1024> hyb_table();

}  // namespace dwubit
