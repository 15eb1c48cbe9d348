// The forward pass: pre-norm residual blocks of grouped-query attention with rotary positions and a SwiGLU MLP
// (Touvron et al. 2023, section 2.2; q/k norms as in Qwen3).
#include <algorithm>
#include <array>

#include "base/error.h"
#include "runtime/model/forward_steps.h"
#include "runtime/model/model.h"

namespace dwubit {
namespace {

// One chunk of a pass.
class ForwardPass : ForwardSteps {
public:
    ForwardPass(const Model& model, KvCache& cache, ThreadPool& pool)
        : ForwardSteps(model, cache.buffers(), pool, false),
          cache_(cache),
          shape_{config_.heads, config_.kv_heads, config_.head_dim},
          product_type_(choose_dense_kernel(DType::kBf16, model.act()).type) {}

    // `wanted`: the rows whose logits will be asked for; the last layer does no more for the others than their keys and
    // values.
    void run(std::span<const TokenId> ids, LogitRows wanted) {
        rows_ = static_cast<std::int64_t>(ids.size());
        first_ = cache_.length();
        cache_.rope().grow(first_ + rows_);
        start(rows_);
        embed(ids, 0);
        const std::int64_t last = config_.layers - 1;
        for (std::int64_t index = 0; index < config_.layers; ++index) {
            const std::int64_t reads = index < last || wanted == LogitRows::kAll ? rows_ : wanted == LogitRows::kLast;
            attention_block(index, reads);
            if (reads > 0) mlp_block(layer(index));
        }
        cache_.advance(static_cast<std::int64_t>(ids.size()));
    }

    // Logits of the rows that run() kept; sink gets their number in the chunk + offset.
    void logits(std::int64_t offset, const LogitSink& sink) { head(offset, sink); }

private:
    // x += o(attention(q, k, v)) for the last `reads` rows, to which the pass shrinks; keys and values of all rows go
    // to the cache.
    void attention_block(std::int64_t index, std::int64_t reads) {
        const LayerWeights& weights = layer(index);
        norm(x_, weights.attention_norm, {&weights.q, &weights.k, &weights.v});
        if (reads == rows_) {
            const std::array<MatrixView<float>, 3> outputs = {q_, k_, v_};
            multiply<3>({&weights.q, &weights.k, &weights.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, outputs[i]); });
            cache_keys_and_values(index, weights);
        } else {
            multiply<2>({&weights.k, &weights.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, i == 0 ? k_ : v_); });
            cache_keys_and_values(index, weights);
            if (reads == 0) return;
            shrink(reads);
            norm(x_, weights.attention_norm, {&weights.q});
            multiply<1>({&weights.q}, buffers_.normed, [&](std::size_t, const Panel& panel) { copy(panel, q_); });
        }
        for_each_row(rows_, [&](std::int64_t r) {
            rotate(q_.row(r).data(), config_.heads, weights.q_norm, cache_.rope(), first_ + r);
        });
        prepare(buffers_.attended, rows_, q_.cols, {&weights.o});
        attention(shape_, q_, cache_.view(index), first_, product_type_, buffers_.attended, pool_);
        multiply<1>({&weights.o}, buffers_.attended, [&](std::size_t, const Panel& panel) { add(panel); });
    }

    // Goes on with the last `count` rows alone.
    void shrink(std::int64_t count) {
        const std::int64_t dropped = rows_ - count;
        x_ = x_.row_range(dropped, count);
        q_ = q_.row_range(dropped, count);
        first_ += dropped;
        rows_ = count;
    }

    void cache_keys_and_values(std::int64_t index, const LayerWeights& weights) {
        for_each_row(rows_, [&](std::int64_t r) {
            rotate(k_.row(r).data(), config_.kv_heads, weights.k_norm, cache_.rope(), first_ + r);
            cache_.write(index, first_ + r, k_.row(r).data(), v_.row(r).data());
        });
    }

    KvCache& cache_;
    AttentionShape shape_;
    GemmType product_type_;  // of the attention's products, whose factors are activations both
    std::int64_t rows_ = 0;
    std::int64_t first_ = 0;  // position of row 0
};

}  // namespace

Result<void> Model::check_ids(std::span<const TokenId> ids) const {
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] < 0 || ids[i] >= config_.vocab) {
            return errorf(ErrorKind::kInvalidInput, "token id {} at place {} is outside the model's vocabulary of {}",
                          ids[i], i, config_.vocab);
        }
    }
    return {};
}

Result<void> Model::check_positions(std::int64_t end, const KvCache& cache) const {
    if (end > cache.capacity()) {
        return errorf(ErrorKind::kInvalidInput, "{} positions do not fit into a context of {}", end, cache.capacity());
    }
    if (config_.full_attention_limit && end > *config_.full_attention_limit) {
        return errorf(ErrorKind::kUnsupported,
                      "position {} needs the model's sliding-window attention of {} positions, which is not supported",
                      end, *config_.full_attention_limit)
            .with_hint("use a context of at most that many tokens");
    }
    return {};
}

Result<void> Model::forward(std::span<const TokenId> ids, KvCache& cache, LogitRows rows, const LogitSink& sink,
                            ThreadPool& pool) const {
    const auto count = static_cast<std::int64_t>(ids.size());
    DWUBIT_TRY(check_ids(ids));
    DWUBIT_TRY(check_positions(cache.length() + count, cache));
    ForwardPass pass(*this, cache, pool);
    for (std::int64_t first = 0; first < count; first += kPassRows) {
        const std::int64_t size = std::min(kPassRows, count - first);
        const bool end_of_pass = first + size == count;
        const LogitRows wanted = rows == LogitRows::kLast && !end_of_pass ? LogitRows::kNone : rows;
        pass.run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size)), wanted);
        if (wanted == LogitRows::kAll) pass.logits(first, sink);
        if (wanted == LogitRows::kLast) pass.logits(count - 1, sink);
    }
    return {};
}

}  // namespace dwubit
