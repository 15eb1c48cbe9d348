#include "runtime/ops/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/attention/attention_few.h"
#include "runtime/ops/attention/kv_rows.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// A unit of work: one kv head and at most kQueryTile positions, with all query heads of the group stacked as rows.
constexpr std::int64_t kQueryTile = 64;
constexpr std::int64_t kKeyBlock = 256;
// bf16 products run on rows and keys padded with zeros to this multiple, so that few shapes occur.
constexpr std::int64_t kPadding = 64;
// Rows from which on products of matrices pay, with keys and values rounded for each tile in bf16.
constexpr std::int64_t kTileRows = 16;

std::int64_t padded(std::int64_t count) {
    return (count + kPadding - 1) / kPadding * kPadding;
}

struct Tile {
    std::int64_t kv_head = 0;
    std::int64_t first_row = 0;  // of q
    std::int64_t rows = 0;       // positions
};

// Stacked row i is position i / group, head i % group of the group.
class TileAttention {
public:
    TileAttention(const AttentionShape& shape, const KvView& cache, std::int64_t first_position, GemmType type,
                  const Tile& tile)
        : cache_(cache),
          type_(type),
          tile_(tile),
          group_(shape.heads / shape.kv_heads),
          dim_(shape.head_dim),
          stacked_(tile.rows * group_),
          position_(first_position + tile.first_row) {
        thread_local AlignedBuffer<float> floats;
        const std::int64_t rows = padded(stacked_);
        query_ = floats.reserve(static_cast<std::size_t>(rows * (2 * dim_ + kKeyBlock + 2)));
        sum_ = query_ + rows * dim_;
        scores_ = sum_ + rows * dim_;
        running_max_ = scores_ + rows * kKeyBlock;
        running_sum_ = running_max_ + rows;
        if (type_ != GemmType::kBf16) return;
        thread_local AlignedBuffer<std::uint16_t> halves;
        query16_ = halves.reserve(static_cast<std::size_t>(rows * (dim_ + kKeyBlock) + kKeyBlock * dim_));
        weights16_ = query16_ + rows * dim_;
        keys16_ = weights16_ + rows * kKeyBlock;
    }

    void run(MatrixView<const float> q, Activations& out) {
        load(q);
        const std::int64_t keys = position_ + tile_.rows;
        for (std::int64_t first = 0; first < keys; first += kKeyBlock) {
            const std::int64_t count = std::min(kKeyBlock, keys - first);
            const std::int64_t stride = type_ == GemmType::kBf16 ? padded(count) : count;
            score(first, count, stride);
            soften(first, count, stride);
            add_values(first, count, stride);
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
        std::fill_n(sum_, padded(stacked_) * dim_, 0.0f);
        if (type_ == GemmType::kBf16) {
            std::fill(query_ + stacked_ * dim_, query_ + padded(stacked_) * dim_, 0.0f);
            active_ops().to_bf16(query_, query16_, padded(stacked_) * dim_);
        }
    }

    // scores_ [stacked, stride] = q k^T for keys [first, first + count).
    void score(std::int64_t first, std::int64_t count, std::int64_t stride) {
        const float* keys = key_rows(cache_, tile_.kv_head, first, count, dim_, wide());
        if (type_ == GemmType::kBf16) {
            round_block(keys, count, stride);
            active_gemm().multiply_bf16(true, padded(stacked_), stride, dim_, query16_, keys16_, false, scores_);
        } else {
            active_gemm().multiply(true, stacked_, count, dim_, query_, dim_, keys, dim_, false, scores_, stride);
        }
    }

    // The softmax step of this block: scores become weights, 0 for keys after a row's position, and the sums so far are
    // brought to the new maximum.
    void soften(std::int64_t first, std::int64_t count, std::int64_t stride) {
        for (std::int64_t i = 0; i < stacked_; ++i) {
            const std::int64_t visible = std::clamp<std::int64_t>(position_ + i / group_ - first + 1, 0, count);
            float* row = scores_ + i * stride;
            std::fill(row + visible, row + stride, 0.0f);
            if (visible > 0) {
                const float correction = active_ops().softmax_block(row, visible, running_max_ + i, running_sum_ + i);
                if (correction != 1.0f) {
                    for (std::int64_t d = 0; d < dim_; ++d) sum_[i * dim_ + d] *= correction;
                }
            }
            // Rounded here, while the row is in the first cache.
            if (type_ == GemmType::kBf16) active_ops().to_bf16(row, weights16_ + i * stride, stride);
        }
    }

    // sum_ += weights v
    void add_values(std::int64_t first, std::int64_t count, std::int64_t stride) {
        const float* values = value_rows(cache_, tile_.kv_head, first, count, dim_, wide());
        if (type_ == GemmType::kBf16) {
            round_block(values, count, stride);
            std::fill(weights16_ + stacked_ * stride, weights16_ + padded(stacked_) * stride, std::uint16_t{0});
            active_gemm().multiply_bf16(false, padded(stacked_), dim_, stride, weights16_, keys16_, true, sum_);
        } else {
            active_gemm().multiply(false, stacked_, dim_, count, scores_, stride, values, dim_, true, sum_, dim_);
        }
    }

    void store(Activations& out) const {
        for (std::int64_t i = 0; i < stacked_; ++i) {
            float* row = sum_ + i * dim_;
            const float scale = 1.0f / running_sum_[i];
            for (std::int64_t d = 0; d < dim_; ++d) row[d] *= scale;
            out.write(tile_.first_row + i / group_, head(i) * dim_, row, dim_);
        }
    }

    // keys16_ [rows, dim] = `count` cached vectors in bf16, then zeros.
    void round_block(const float* vectors, std::int64_t count, std::int64_t rows) {
        active_ops().to_bf16(vectors, keys16_, count * dim_);
        std::fill(keys16_ + count * dim_, keys16_ + rows * dim_, std::uint16_t{0});
    }

    std::int64_t head(std::int64_t stacked_row) const { return tile_.kv_head * group_ + stacked_row % group_; }

    // Where vectors of a cache that is not float32 are widened.
    static AlignedBuffer<float>& wide() {
        thread_local AlignedBuffer<float> room;
        return room;
    }

    const KvView& cache_;
    GemmType type_;
    Tile tile_;
    std::int64_t group_;
    std::int64_t dim_;
    std::int64_t stacked_;                // rows x group; the arrays have room for padded(stacked_)
    std::int64_t position_;               // of the tile's first row
    float* query_;                        // [stacked, dim], scaled
    float* sum_;                          // [stacked, dim]
    float* scores_;                       // [stacked, keys of the block]
    float* running_max_;                  // [stacked]
    float* running_sum_;                  // [stacked]
    std::uint16_t* query16_ = nullptr;    // [stacked, dim]
    std::uint16_t* weights16_ = nullptr;  // [stacked, keys of the block]
    std::uint16_t* keys16_ = nullptr;     // [keys of the block, dim], keys and then values
};

}  // namespace

void attention(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache, std::int64_t first_position,
               GemmType type, Activations& out, ThreadPool& pool) {
    if (q.rows < kTileRows) {
        attention_few(shape, q, cache, first_position, out, pool);
        return;
    }
    const std::int64_t tiles = (q.rows + kQueryTile - 1) / kQueryTile;
    pool.parallel_for(tiles * shape.kv_heads, [&](std::int64_t unit) {
        const std::int64_t tile = tiles - 1 - unit / shape.kv_heads;  // the last tiles have most keys: start with them
        const std::int64_t first_row = tile * kQueryTile;
        const Tile part{unit % shape.kv_heads, first_row, std::min(kQueryTile, q.rows - first_row)};
        TileAttention(shape, cache, first_position, type, part).run(q, out);
    });
}

}  // namespace dwubit
