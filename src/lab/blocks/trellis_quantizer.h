// Tiles of a bitshift trellis (format `trellis`) as a block quantizer: 16 columns of 16 rows, one Viterbi path each.
#pragma once

#include "lab/blocks/ldlq.h"
#include "runtime/formats/trellis/code.h"

namespace dwubit::lab {

class TrellisQuantizer final : public BlockQuantizer {
public:
    // table: HYB's pairs, empty for the other codes. Throws Failure where the device has no encoder in this build.
    TrellisQuantizer(TrellisCode code, int bits, std::span<const std::uint16_t> table, at::Device device);

    std::int64_t columns() const override { return kTrellisTile; }
    std::int64_t rows() const override { return kTrellisTile; }
    // The tile's new bits, a byte per state in the order of the sequence, cut into its rows.
    std::int64_t code_words() const override { return 4 / step_; }
    // Rows and columns in multiples of 16.
    void quantize(const at::Tensor& target, at::Tensor& value, at::Tensor& codes) const override;

    // Root mean square of the code's values.
    double rms() const { return rms_; }

private:
    // x: [tiles, 256] in the sequence's order -> states [tiles, 256 / V] int32
    at::Tensor encode(const at::Tensor& x) const;

    int bits_;
    int step_;  // V
    at::Device device_;
    double rms_ = 0;
    at::Tensor values_;   // [V, 2^16] float32
    at::Tensor order_;    // [256] int64: where an element of the sequence lies in its tile; undefined: row by row
    at::Tensor inverse_;  // of it
};

// What BlockSolution::codes [blocks, code_words, rows] of a TrellisQuantizer holds: [rows / 16, blocks, 256 / V] bytes
// on the CPU, each the kV bits that its state takes in.
at::Tensor trellis_tiles(const at::Tensor& codes);

}  // namespace dwubit::lab
