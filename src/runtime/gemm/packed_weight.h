// A weight matrix packed for the GEMM library, and how products with it are cut into units of work.
//
// A unit is a block of rows times a panel of output features; the cut depends on shapes only. Panels keep the weights
// of a unit in cache (all features at once would stream the whole matrix from memory for every block of rows) and give
// one row of activations several units.
#pragma once

#include <cstdint>
#include <memory>

#include "base/span.h"
#include "checkpoint/tensor_table.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/activations.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {

// A part of a product: y[r, c] belongs to row first_row + r and output feature first_column + c.
struct Panel {
    std::int64_t first_row = 0;
    std::int64_t first_column = 0;
    MatrixView<float> y;
};

class PackedWeight {
public:
    // Rows per unit.
    static constexpr std::int64_t kRowBlock = 256;

    // Packs `weight` [n, k] of dtype F32, F16 or BF16 as `type`. kBf16 takes BF16 weights only (others would be
    // rounded).
    static Result<PackedWeight> pack(const TensorView& weight, GemmType type);

    std::int64_t out_features() const { return n_; }
    std::int64_t in_features() const { return k_; }
    GemmType type() const { return type_; }

    // Units of a product with this many rows.
    std::int64_t units(std::int64_t rows) const;

    // One of them, on the calling thread. x: [rows, k] in this weight's type. The panel lies in `room`.
    Panel run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const;

private:
    GemmType type_ = GemmType::kF32;
    std::int64_t n_ = 0;
    std::int64_t k_ = 0;
    std::unique_ptr<PackedMatrix> matrix_;
};

}  // namespace dwubit
