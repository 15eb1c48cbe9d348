#include "runtime/ops/attention/attention_few.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/cpu/aligned_buffer.h"
#include "runtime/ops/attention/kv_rows.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// Positions per unit.
constexpr std::int64_t kStretch = 256;
// Positions whose keys, then values, stay in the first cache while all rows use them.
constexpr std::int64_t kBlock = 64;

// The softmax of some positions alone: out[dim] = sum exp(score - max) v, sum of exp(score - max).
struct Partial {
    float* out;  // [stacked, dim]
    float* max;  // [stacked], -infinity where a row sees none of the positions
    float* sum;  // [stacked]
};

class FewRows {
public:
    // `partials`: room for partial_floats() of each stretch and kv head.
    FewRows(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache, std::int64_t first_position)
        : shape_(shape),
          q_(q),
          cache_(cache),
          first_(first_position),
          group_(shape.heads / shape.kv_heads),
          stacked_(q.rows * group_),
          dim_(shape.head_dim),
          stretches_((first_position + q.rows + kStretch - 1) / kStretch) {
        thread_local AlignedBuffer<float> room;
        partials_ = room.reserve(static_cast<std::size_t>(stretches_ * shape.kv_heads * partial_floats()));
    }

    std::int64_t stretches() const { return stretches_; }

    // One stretch of one kv head.
    void run(std::int64_t stretch, std::int64_t kv_head) const {
        thread_local AlignedBuffer<float> room;
        thread_local AlignedBuffer<float> wide;
        float* const queries = room.reserve(static_cast<std::size_t>(stacked_ * (dim_ + kBlock + 1)));
        float* const scores = queries + stacked_ * dim_;
        float* const corrections = scores + stacked_ * kBlock;
        const Partial to = partial(stretch, kv_head);
        load(kv_head, queries, to);
        const OpTable& ops = active_ops();
        const std::int64_t end = std::min((stretch + 1) * kStretch, first_ + q_.rows);
        for (std::int64_t at = stretch * kStretch; at < end; at += kBlock) {
            const std::int64_t count = std::min(kBlock, end - at);
            const float* const keys = key_rows(cache_, kv_head, at, count, dim_, wide);
            for (std::int64_t i = 0; i < stacked_; ++i) {
                const std::int64_t visible = visible_keys(i, at, count);
                if (visible == 0) continue;
                float* const row = scores + i * kBlock;
                ops.dot_rows(queries + i * dim_, keys, dim_, visible, dim_, row);
                corrections[i] = ops.softmax_block(row, visible, to.max + i, to.sum + i);
            }
            const float* const values = value_rows(cache_, kv_head, at, count, dim_, wide);
            for (std::int64_t i = 0; i < stacked_; ++i) {
                const std::int64_t visible = visible_keys(i, at, count);
                if (visible == 0) continue;
                float* const out = to.out + i * dim_;
                if (corrections[i] != 1.0f) scale(out, corrections[i]);
                ops.add_rows(scores + i * kBlock, values, dim_, visible, dim_, out);
            }
        }
    }

    // The stretches of a kv head put together, in order.
    void finish(std::int64_t kv_head, Activations& out) const {
        const Partial all = partial(0, kv_head);
        for (std::int64_t i = 0; i < stacked_; ++i) {
            float* const row = all.out + i * dim_;
            float maximum = all.max[i];
            for (std::int64_t s = 1; s < stretches_; ++s) maximum = std::max(maximum, partial(s, kv_head).max[i]);
            float total = all.sum[i];
            for (std::int64_t s = 0; s < stretches_ && stretches_ > 1; ++s) {
                const Partial part = partial(s, kv_head);
                const float weight = std::exp(part.max[i] - maximum);  // 0 where the row sees nothing of it
                if (s == 0) {
                    scale(row, weight);
                    total *= weight;
                } else {
                    active_ops().add_rows(&weight, part.out + i * dim_, dim_, 1, dim_, row);
                    total += weight * part.sum[i];
                }
            }
            scale(row, 1.0f / total);
            out.write(i / group_, (kv_head * group_ + i % group_) * dim_, row, dim_);
        }
    }

private:
    std::int64_t partial_floats() const { return stacked_ * (dim_ + 2); }

    Partial partial(std::int64_t stretch, std::int64_t kv_head) const {
        float* const at = partials_ + (kv_head * stretches_ + stretch) * partial_floats();
        return {at, at + stacked_ * dim_, at + stacked_ * (dim_ + 1)};
    }

    // Stacked row i is row i / group of q, head i % group of the group.
    void load(std::int64_t kv_head, float* queries, const Partial& to) const {
        const float factor = 1.0f / std::sqrt(static_cast<float>(dim_));
        for (std::int64_t i = 0; i < stacked_; ++i) {
            const float* const from = q_.row(i / group_).data() + (kv_head * group_ + i % group_) * dim_;
            for (std::int64_t d = 0; d < dim_; ++d) queries[i * dim_ + d] = from[d] * factor;
        }
        std::fill_n(to.out, stacked_ * dim_, 0.0f);
        std::fill_n(to.max, stacked_, -std::numeric_limits<float>::infinity());
        std::fill_n(to.sum, stacked_, 0.0f);
    }

    std::int64_t visible_keys(std::int64_t i, std::int64_t at, std::int64_t count) const {
        return std::clamp<std::int64_t>(first_ + i / group_ + 1 - at, 0, count);
    }

    void scale(float* x, float factor) const {
        for (std::int64_t d = 0; d < dim_; ++d) x[d] *= factor;
    }

    AttentionShape shape_;
    MatrixView<const float> q_;
    const KvView& cache_;
    std::int64_t first_;
    std::int64_t group_;
    std::int64_t stacked_;
    std::int64_t dim_;
    std::int64_t stretches_;
    float* partials_;  // [kv_head, stretch]
};

}  // namespace

void attention_few(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache,
                   std::int64_t first_position, Activations& out, ThreadPool& pool) {
    const FewRows rows(shape, q, cache, first_position);
    if (rows.stretches() == 1) {
        pool.parallel_for(shape.kv_heads, [&](std::int64_t kv_head) {
            rows.run(0, kv_head);
            rows.finish(kv_head, out);
        });
        return;
    }
    pool.parallel_for(rows.stretches() * shape.kv_heads,
                      [&](std::int64_t unit) { rows.run(unit / shape.kv_heads, unit % shape.kv_heads); });
    pool.parallel_for(shape.kv_heads, [&](std::int64_t kv_head) { rows.finish(kv_head, out); });
}

}  // namespace dwubit
