// The codes of trellis as QTIP's released checkpoints store them (`trellis`, I16 [out / 16 * in / 16, 16 * bits]). A
// tile's stream of 256 * bits bits, the first highest, lies there
//
//   plain         tile after tile, row by row, in words of 16 bits
//   kernel order  HYB of 2 bits and more. A lane l = 0..31 of a warp has stream bytes [bits * l, bits * (l + 1)), and
//                 reads those of 2 x 2 tiles at once: bytes [out / 32][in / 32][lane][column of tiles % 2][row %
//                 2][bits], the last in reverse order (a little-endian number whose highest bit is the stream's first)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/formats/trellis/trellis.h"

namespace dwubit::trellis {

// QTIP's decode_mode of a code. Unsupported for MUL1, which its loader does not know; the hint names those that it
// does.
Result<std::string_view> qtip_decode_mode(TrellisCode code);
// HYB of 2 bits and more has kernels in QTIP's code.
bool qtip_kernel_order(const TrellisParams& params);

// The shape of that tensor for a matrix [out, in]; an error that says which multiples they must be of.
Result<Shape> qtip_shape(const Shape& matrix, const TrellisParams& params);

// codes: what code_fields() has. The inverse of each other, bit for bit.
std::vector<std::uint16_t> to_qtip(std::span<const std::uint8_t> codes, const Shape& matrix,
                                   const TrellisParams& params);
std::vector<std::uint8_t> from_qtip(std::span<const std::uint16_t> words, const Shape& matrix,
                                    const TrellisParams& params);

}  // namespace dwubit::trellis
