// Where the bits of a trellis matrix [out, in] lie. Normative text: docs/formats/trellis.md.
//
//     codes       U8 [out / 16, 2 * bits * in]    band after band: 16 rows of W, their tiles of 16 columns in turn
//     scales      F32 [1]                         one scale for the matrix
//     codebook.0  F16 [512, 2]                    HYB's pairs
//
// A tile is a circular stream of 256 * bits bits, cut into 16 parts of 16 * bits: part r is lane r of a vector (with
// order row by row the bits of row r). A part is cut into pieces of 32 bits, at 1 and 3 bits the last of 16. All first
// pieces of a tile come first, then all second ones; a piece is a little-endian integer whose highest bit is the
// stream's first.
//
//       1 bit    | 16 x u16                  |                      lane r: stream bits [16 r, 16 r + 16)
//       2 bits   | 16 x u32                  |                              [32 r, 32 r + 32): one 512-bit register
//       3 bits   | 16 x u32      | 16 x u16  |                              [48 r, 48 r + 32), [48 r + 32, 48 r + 48)
//       4 bits   | 16 x u32      | 16 x u32  |                              [64 r, 64 r + 32), [64 r + 32, 64 r + 64)
//
// Window t, state t, is 16 bits from bit kV t on. With D_j(r) = the 32 bits from bit 16 (bits r + j) on, which are two
// pieces of lanes r and r + 1 shifted into one register, all lanes have their windows by one shift, the same for all:
//
//       column c of row r = D_j(r) >> (16 - o) & 0xffff,   16 j + o = bits * c,  o < 16       (one weight per state)
#pragma once

#include <cstdint>
#include <cstring>

#include "runtime/formats/trellis/kernels.h"
#include "runtime/formats/trellis/trellis.h"

namespace dwubit::trellis {

// The entries of Format. Contracts: runtime/formats/format.h.
Result<PackedTensor> pack(const Codes& codes);
Result<Codes> unpack(const PackedView& packed);
Result<std::unique_ptr<FormatReader>> bind(const PackedView& packed);

// The scale and the pairs of HYB; errors where they are not finite, or are together beyond float32.
Result<float> read_scale(const TensorView& scales);
Result<void> check_table(const TensorView& table, float scale);

}  // namespace dwubit::trellis
