// The codes of e8p as QuIP#'s released checkpoints store them: 64-bit words for its tensor-core kernel. E8P12 and
// E8P12RVQ4B of codebook version 1, E8P12RVQ3B of version 0.
//
//   2 bits   I64 [m, n / 32]   one word for two rows and two codes: byte i of the low half is the row byte of code i,
//   bit
//                              4 j + i of the high half bit j of its sign byte; i = 0..3: (row, code) (0, 0) (1, 0) (0,
//                              1) (1, 1). Words [m / 2, n / 16] are seen as [m / 16, 8, n / 64, 4] and stored as [m /
//                              16, n / 64, 8, 4]
//   4 bits   I64 [m, n / 16]   that of the first codes, then that of the second, side by side
//   3 bits   I64 [m, 3 n / 64] that of the first codes, then the second's bytes, eight to a word, the first lowest
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/formats/format.h"

namespace dwubit::e8p {

// The shape of that tensor for a matrix [m, n]; an error that says which multiples m and n must be of.
Result<Shape> quip_shape(const Shape& matrix, int bits);

// codes: what code_fields() has, [m, n / 8], widened. The inverse of each other, bit for bit.
std::vector<std::uint64_t> to_quip(std::span<const std::uint32_t> codes, const Shape& matrix, int bits);
std::vector<std::uint32_t> from_quip(std::span<const std::uint64_t> words, const Shape& matrix, int bits);

}  // namespace dwubit::e8p
