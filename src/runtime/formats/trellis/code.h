// The codes of a bitshift trellis (Tseng et al. 2024, arXiv 2406.11235, sections 3 and 3.1): what a state of L = 16
// bits stands for. Values are computed from the state (1MAD, 3INST, MUL1) or looked up by a hash of it (HYB).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

enum class TrellisCode { k1Mad, k3Inst, kMul1, kHyb };

// "1mad", "3inst", "mul1", "hyb".
std::string_view trellis_code_name(TrellisCode code);
// InvalidInput with the nearest name as hint.
Result<TrellisCode> trellis_code_from_name(std::string_view name);

inline constexpr int kTrellisStateBits = 16;
inline constexpr int kTrellisStates = 1 << kTrellisStateBits;
inline constexpr int kTrellisTile = 16;                               // rows and columns of a tile
inline constexpr int kTrellisTileSize = kTrellisTile * kTrellisTile;  // weights of a tile's sequence
inline constexpr int kHybTableBits = 9;
inline constexpr int kHybTableSize = (1 << kHybTableBits) * 2;  // f16 numbers: pairs

// V: weights that one state stands for. 2 for HYB, else 1.
int trellis_step_values(TrellisCode code);

// What states stand for, before a matrix's scale: value v of state s at [v * 2^16 + s], V * 2^16 numbers.
// table: HYB's 512 pairs as f16 bits; empty for the others.
std::vector<float> trellis_values(TrellisCode code, std::span<const std::uint16_t> table);

// The order of a tile's sequence: element p of the sequence is row order[p] / 16, column order[p] % 16. Row by row, but
// for HYB of 2 bits and more, which has the order of QTIP's released kernels (mma fragments), so that its checkpoints
// need no new encoding.
std::span<const std::uint8_t, kTrellisTileSize> trellis_order(TrellisCode code, int bits);

}  // namespace dwubit
