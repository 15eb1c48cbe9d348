#include "runtime/ops/attention/path_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// Rows of a unit of work: neighbours mostly share their keys.
constexpr std::int64_t kRows = 8;

// One row's heads of one kv head.
class RowAttention {
public:
    RowAttention(const AttentionShape& shape, const RowPaths& paths, std::span<const KvView> caches,
                 MatrixView<const float> keys, MatrixView<const float> values, std::int64_t kv_head)
        : paths_(paths), caches_(caches), keys_(keys), values_(values), kv_head_(kv_head), dim_(shape.head_dim) {}

    // out[dim] = softmax(query k^T / sqrt(dim)) v over the path of `row`.
    void run(std::int64_t row, const float* query, float* out) const {
        thread_local AlignedBuffer<float> room;
        const std::int64_t count = paths_.position(row) + 1;
        float* const scaled = room.reserve(static_cast<std::size_t>(dim_ + count));
        float* const scores = scaled + dim_;
        const float scale = 1.0f / std::sqrt(static_cast<float>(dim_));
        for (std::int64_t d = 0; d < dim_; ++d) scaled[d] = query[d] * scale;
        for_each_stretch(row,
                         [&](const float* keys, const float*, std::int64_t stride, std::int64_t first, std::int64_t n) {
                             active_ops().dot_rows(scaled, keys, stride, n, dim_, scores + first);
                         });
        float maximum = -std::numeric_limits<float>::infinity();
        float sum = 0;
        active_ops().softmax_block(scores, count, &maximum, &sum);
        std::fill_n(out, dim_, 0.0f);
        for_each_stretch(
            row, [&](const float*, const float* values, std::int64_t stride, std::int64_t first, std::int64_t n) {
                active_ops().add_rows(scores + first, values, stride, n, dim_, out);
            });
        const float inverse = 1.0f / sum;
        for (std::int64_t d = 0; d < dim_; ++d) out[d] *= inverse;
    }

private:
    // use(keys, values, stride, first position, positions) for the path, from position 0 on.
    template <class Use>
    void for_each_stretch(std::int64_t row, const Use& use) const {
        const std::int64_t end = paths_.position(row) + 1;
        std::int64_t position = 0;
        for (const RowPaths::Piece& piece : paths_.pieces(row)) {
            const std::int64_t n = std::min(piece.count, end - position);
            if (piece.cache >= 0) {
                const KvView& cache = caches_[static_cast<std::size_t>(piece.cache)];
                const std::int64_t offset = kv_head_ * cache.capacity * dim_;
                use(static_cast<const float*>(cache.keys) + offset, static_cast<const float*>(cache.values) + offset,
                    dim_, position, n);
            } else {
                const std::int64_t offset = piece.first * keys_.stride + kv_head_ * dim_;
                use(keys_.data + offset, values_.data + offset, keys_.stride, position, n);
            }
            position += n;
        }
    }

    const RowPaths& paths_;
    std::span<const KvView> caches_;
    MatrixView<const float> keys_;
    MatrixView<const float> values_;
    std::int64_t kv_head_;
    std::int64_t dim_;
};

}  // namespace

void RowPaths::clear() {
    positions_.clear();
    run_of_row_.clear();
    runs_.clear();
    pieces_.clear();
}

void RowPaths::append(std::int64_t cache, std::span<const std::int64_t> positions) {
    const std::int64_t base = rows();
    std::vector<std::int64_t> row_at;  // of the latest path, from position `least` on
    std::int64_t least = positions.empty() ? 0 : positions[0];
    for (std::size_t i = 0; i < positions.size(); ++i) {
        const std::int64_t position = positions[i];
        const std::int64_t row = base + static_cast<std::int64_t>(i);
        DWUBIT_CHECK(position >= 0 && (i == 0 || position <= positions[i - 1] + 1));
        least = std::min(least, position);
        const bool follows = i > 0 && position == positions[i - 1] + 1;
        if (!follows) {
            Run run{static_cast<std::int64_t>(pieces_.size()), 0};
            if (position == least) {
                if (position > 0) pieces_.push_back({cache, 0, position});
            } else {
                // The parent's path, its last piece up to the parent.
                const std::int64_t parent = row_at[static_cast<std::size_t>(position - 1)];
                const Run& before = runs_[static_cast<std::size_t>(run_of_row_[static_cast<std::size_t>(parent)])];
                for (std::int64_t p = before.first_piece; p < before.end_piece; ++p) {
                    pieces_.push_back(Piece(pieces_[static_cast<std::size_t>(p)]));
                }
                pieces_.back().count = parent - pieces_.back().first + 1;
            }
            pieces_.push_back({-1, row, 0});
            run.end_piece = static_cast<std::int64_t>(pieces_.size());
            runs_.push_back(run);
        }
        ++pieces_.back().count;
        positions_.push_back(position);
        run_of_row_.push_back(static_cast<std::int64_t>(runs_.size()) - 1);
        if (static_cast<std::int64_t>(row_at.size()) <= position) row_at.resize(static_cast<std::size_t>(position + 1));
        row_at[static_cast<std::size_t>(position)] = row;
    }
}

std::span<const RowPaths::Piece> RowPaths::pieces(std::int64_t row) const {
    const Run& run = runs_[static_cast<std::size_t>(run_of_row_[static_cast<std::size_t>(row)])];
    return std::span(pieces_).subspan(static_cast<std::size_t>(run.first_piece),
                                      static_cast<std::size_t>(run.end_piece - run.first_piece));
}

void path_attention(const AttentionShape& shape, MatrixView<const float> q, std::span<const std::int64_t> rows,
                    const RowPaths& paths, std::span<const KvView> caches, MatrixView<const float> keys,
                    MatrixView<const float> values, Activations& out, ThreadPool& pool) {
    for (const KvView& cache : caches) DWUBIT_CHECK(cache.type == KvType::kF32);
    const std::int64_t group = shape.heads / shape.kv_heads;
    const std::int64_t tiles = (q.rows + kRows - 1) / kRows;
    pool.parallel_for(tiles * shape.kv_heads, [&](std::int64_t unit) {
        thread_local AlignedBuffer<float> room;
        float* const answer = room.reserve(static_cast<std::size_t>(shape.head_dim));
        const std::int64_t kv_head = unit % shape.kv_heads;
        const RowAttention one(shape, paths, caches, keys, values, kv_head);
        const std::int64_t first = unit / shape.kv_heads * kRows;
        for (std::int64_t i = first; i < std::min(q.rows, first + kRows); ++i) {
            for (std::int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
                one.run(rows[static_cast<std::size_t>(i)], q.row(i).data() + h * shape.head_dim, answer);
                out.write(i, h * shape.head_dim, answer, shape.head_dim);
            }
        }
    });
}

}  // namespace dwubit
