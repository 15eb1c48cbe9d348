#include "runtime/ops/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/gemm.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// A unit of work: one kv head and at most kQueryTile positions, with all query heads of the group stacked as rows.
constexpr std::int64_t kQueryTile = 64;
constexpr std::int64_t kKeyBlock = 256;

struct Tile {
    std::int64_t kv_head = 0;
    std::int64_t first_row = 0;  // of q
    std::int64_t rows = 0;       // positions
};

// Stacked row i is position i / group, head i % group of the group.
class TileAttention {
public:
    TileAttention(const AttentionShape& shape, const KvView& cache, std::int64_t first_position, const Tile& tile)
        : cache_(cache),
          tile_(tile),
          group_(shape.heads / shape.kv_heads),
          dim_(shape.head_dim),
          stacked_(tile.rows * group_),
          position_(first_position + tile.first_row) {
        thread_local AlignedBuffer<float> storage;
        const auto rows = static_cast<std::size_t>(stacked_);
        const auto dim = static_cast<std::size_t>(dim_);
        query_ = storage.reserve(rows * (2 * dim + kKeyBlock + 2));
        sum_ = query_ + rows * dim;
        scores_ = sum_ + rows * dim;
        running_max_ = scores_ + rows * kKeyBlock;
        running_sum_ = running_max_ + rows;
    }

    void run(MatrixView<const float> q, MatrixView<float> out) {
        load(q);
        const std::int64_t keys = position_ + tile_.rows;
        for (std::int64_t first = 0; first < keys; first += kKeyBlock) {
            add_block(first, std::min(kKeyBlock, keys - first));
        }
        store(out);
    }

private:
    void load(MatrixView<const float> q) {
        const float scale = 1.0f / std::sqrt(static_cast<float>(dim_));
        for (std::int64_t i = 0; i < stacked_; ++i) {
            const float* from = q.row(tile_.first_row + i / group_).data() + head(i) * dim_;
            for (std::int64_t d = 0; d < dim_; ++d) query_[i * dim_ + d] = from[d] * scale;
        }
        std::fill_n(running_max_, stacked_, -std::numeric_limits<float>::infinity());
        std::fill_n(running_sum_, stacked_, 0.0f);
        std::fill_n(sum_, stacked_ * dim_, 0.0f);
    }

    // Keys [first, first + count): scores, their softmax step, and the weighted values onto the sums.
    void add_block(std::int64_t first, std::int64_t count) {
        const std::int64_t offset = (tile_.kv_head * cache_.capacity + first) * dim_;
        // Rows before this one attend to none of these keys.
        const std::int64_t start = std::max<std::int64_t>(0, first - position_) * group_;
        const std::int64_t rows = stacked_ - start;
        float* scores = scores_ + start * kKeyBlock;
        const GemmBackend& gemm = active_gemm();
        gemm.multiply(true, rows, count, dim_, query_ + start * dim_, dim_, cache_.keys + offset, dim_, false, scores,
                      kKeyBlock);
        for (std::int64_t i = start; i < stacked_; ++i) {
            const std::int64_t visible = std::min(count, position_ + i / group_ - first + 1);
            float* row = scores_ + i * kKeyBlock;
            const float correction = active_ops().softmax_block(row, visible, running_max_ + i, running_sum_ + i);
            std::fill(row + visible, row + count, 0.0f);
            if (correction != 1.0f) {
                for (std::int64_t d = 0; d < dim_; ++d) sum_[i * dim_ + d] *= correction;
            }
        }
        gemm.multiply(false, rows, dim_, count, scores, kKeyBlock, cache_.values + offset, dim_, true,
                      sum_ + start * dim_, dim_);
    }

    void store(MatrixView<float> out) const {
        for (std::int64_t i = 0; i < stacked_; ++i) {
            float* to = out.row(tile_.first_row + i / group_).data() + head(i) * dim_;
            const float scale = 1.0f / running_sum_[i];
            for (std::int64_t d = 0; d < dim_; ++d) to[d] = sum_[i * dim_ + d] * scale;
        }
    }

    std::int64_t head(std::int64_t stacked_row) const { return tile_.kv_head * group_ + stacked_row % group_; }

    const KvView& cache_;
    Tile tile_;
    std::int64_t group_;
    std::int64_t dim_;
    std::int64_t stacked_;   // rows x group
    std::int64_t position_;  // of the tile's first row
    float* query_;           // [stacked, dim], scaled
    float* sum_;             // [stacked, dim]
    float* scores_;          // [stacked, kKeyBlock]
    float* running_max_;     // [stacked]
    float* running_sum_;     // [stacked]
};

}  // namespace

void attention(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache, std::int64_t first_position,
               MatrixView<float> out, ThreadPool& pool) {
    const std::int64_t tiles = (q.rows + kQueryTile - 1) / kQueryTile;
    pool.parallel_for(tiles * shape.kv_heads, [&](std::int64_t unit) {
        const std::int64_t tile = tiles - 1 - unit / shape.kv_heads;  // the last tiles have most keys: start with them
        const std::int64_t first_row = tile * kQueryTile;
        const Tile part{unit % shape.kv_heads, first_row, std::min(kQueryTile, q.rows - first_row)};
        TileAttention(shape, cache, first_position, part).run(q, out);
    });
}

}  // namespace dwubit
