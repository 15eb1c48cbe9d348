// A weight matrix packed for the GEMM library, and how products with it are cut into units of work.
//
// The cut depends on the number of rows only. Up to kRowTile rows: panels of output features, so that one row of
// activations still gives several units. More: tiles of rows over all features.
#pragma once

#include <cstdint>
#include <memory>

#include "base/span.h"
#include "base/thread_pool.h"
#include "checkpoint/tensor_table.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {

class PackedWeight {
public:
    // Rows per unit of work: with fewer the weights are streamed from memory too often, with more a prompt has too few
    // units. One thread's pass over 512 tokens of orlik takes 46.5 ms with 64 rows, 43 with 128, 43.5 with 256.
    static constexpr std::int64_t kRowTile = 128;

    // Packs `weight` [n, k] of dtype F32, F16 or BF16 as `type`. kBf16 takes BF16 weights only (others would be
    // rounded).
    static Result<PackedWeight> pack(const TensorView& weight, GemmType type);

    std::int64_t out_features() const { return n_; }
    std::int64_t in_features() const { return k_; }

    // y = x Wᵀ. x: [rows, k] without gaps between rows; y: [rows, n].
    void apply(MatrixView<const float> x, MatrixView<float> y, ThreadPool& pool) const;

    // One tile of a longer pass, on the calling thread: at most kRowTile rows, the unit that apply() makes of them.
    void apply_tile(MatrixView<const float> x, MatrixView<float> y) const;

private:
    GemmType type_ = GemmType::kF32;
    std::int64_t n_ = 0;
    std::int64_t k_ = 0;
    std::unique_ptr<PackedMatrix> matrix_;
};

}  // namespace dwubit
