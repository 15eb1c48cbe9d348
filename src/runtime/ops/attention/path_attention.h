// Attention of rows that do not follow one another: each has a path of earlier positions of its own, part of it in a
// cache, part of it among the rows of the same pass. Sequences that share their beginnings are so evaluated side by
// side.
//
// A row's output is a function of its query and of the keys and values on its path, the same bits wherever these lie
// and whatever rows are beside it. Float32 throughout.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/span.h"
#include "base/thread_pool.h"
#include "runtime/gemm/activations.h"
#include "runtime/ops/attention/attention.h"

namespace dwubit {

// The paths of the rows of a pass.
class RowPaths {
public:
    // The first `count` positions of a cache, or `count` rows of the pass from `first` on.
    struct Piece {
        std::int64_t cache = -1;  // its number; -1: rows of the pass
        std::int64_t first = 0;
        std::int64_t count = 0;
    };

    // Rows of a tree in depth-first order: a row follows the nearest row before it that stands one position earlier,
    // and the first ones follow the first positions of `cache`. positions[0] >= 0, and none is more than one above the
    // one before it. May be called again: the rows are appended.
    void append(std::int64_t cache, std::span<const std::int64_t> positions);
    void clear();

    std::int64_t rows() const { return static_cast<std::int64_t>(positions_.size()); }
    std::int64_t position(std::int64_t row) const { return positions_[static_cast<std::size_t>(row)]; }
    // From position 0 on, the last is a piece of the pass that ends with the row; its count is for the last row of a
    // run of rows that follow each other, so of it the rows up to `row` are meant.
    std::span<const Piece> pieces(std::int64_t row) const;

private:
    struct Run {
        std::int64_t first_piece = 0;
        std::int64_t end_piece = 0;
    };
    std::vector<std::int64_t> positions_;
    std::vector<std::int64_t> run_of_row_;
    std::vector<Run> runs_;
    std::vector<Piece> pieces_;
};

// q: [n, heads * head_dim], row i that of row rows[i] of the pass. keys, values: [paths.rows(), kv_heads * head_dim],
// of all rows of the pass. caches: float32. out: prepared with the shape of q.
void path_attention(const AttentionShape& shape, MatrixView<const float> q, std::span<const std::int64_t> rows,
                    const RowPaths& paths, std::span<const KvView> caches, MatrixView<const float> keys,
                    MatrixView<const float> values, Activations& out, ThreadPool& pool);

}  // namespace dwubit
