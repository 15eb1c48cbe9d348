// Format uniform_group: integers of 2, 3, 4 or 8 bits and one scale per group of a row. docs/formats/uniform_group.md
//
//   grid kZero     value = scale * (code - zero), zero an integer of the codes' range, one per group
//   grid kMirror   value = scale * (code - (2^bits - 1) / 2)
//
// Values are exact in float32.
#pragma once

#include <cstdint>

#include "runtime/formats/format.h"

namespace dwubit {

struct UniformGroupParams {
    enum class Grid { kZero, kMirror };

    int bits = 2;
    std::int64_t group = 128;  // a multiple of 8 from 32 on, or the whole row
    Grid grid = Grid::kZero;
    bool perm = false;  // columns are stored in another order than the model's

    std::int64_t groups(std::int64_t in) const { return (in + group - 1) / group; }
    // What code - offset is multiplied with the scale: the mirror grid's.
    float mirror_offset() const { return static_cast<float>((1 << bits) - 1) / 2; }
};

// Not normalised: Format::check_params does that.
Json to_json(const UniformGroupParams& params);
// A group that is longer than a row of `shape` becomes the row.
Result<UniformGroupParams> uniform_group_params(const Json& params, const Shape& shape);

const Format& uniform_group_format();

}  // namespace dwubit
