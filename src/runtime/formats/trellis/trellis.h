// Format trellis: 256 weights of a tile of 16 x 16 are one path through a bitshift trellis with L = 16 bits of state, 1
// to 4 bits per weight; one scale for the matrix (QTIP, Tseng et al. 2024, arXiv 2406.11235). docs/formats/trellis.md
//
//   value = scale * value(state)      state t = 16 bits of the tile's circular stream at bit kV t, kV = bits * V
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/formats/format.h"
#include "runtime/formats/trellis/code.h"

namespace dwubit {

struct TrellisParams {
    TrellisCode code = TrellisCode::kMul1;
    int bits = 2;  // K, 1 to 4

    int step_bits() const { return bits * trellis_step_values(code); }          // kV: new bits of a state
    int steps() const { return kTrellisTileSize / trellis_step_values(code); }  // states of a tile
};

Json to_json(const TrellisParams& params);
Result<TrellisParams> trellis_params(const Json& params, const Shape& shape);

// The codes of tiles from the states that an encoder found, and back; [tiles, steps]. A code is the first step_bits()
// of a state. Any codes are a path; the states come back if they are one (the first follows the last).
std::vector<std::uint8_t> trellis_codes(const TrellisParams& params, std::span<const std::uint16_t> states);
std::vector<std::uint16_t> trellis_states(const TrellisParams& params, std::span<const std::uint8_t> codes);

const Format& trellis_format();

}  // namespace dwubit
