// The forward pass: pre-norm residual blocks of grouped-query attention with rotary positions and a SwiGLU MLP
// (Touvron et al. 2023, section 2.2; q/k norms as in Qwen3).
//
// Work is cut into tiles of PackedWeight::kRowTile positions. A tile runs everything between two attentions on one
// thread while its rows are in cache; when there is one tile only (decoding), its linears run their panels in parallel.
#include <algorithm>

#include "base/check.h"
#include "base/error.h"
#include "runtime/model/model.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// Positions per chunk of a long pass: bounds the memory of activations.
constexpr std::int64_t kChunk = 512;

// The calling thread's scratch for a tile, kept between tiles. `slot` tells buffers that live at the same time apart.
MatrixView<float> scratch(int slot, std::int64_t rows, std::int64_t cols) {
    thread_local AlignedBuffer<float> buffers[4];
    return {buffers[slot].reserve(static_cast<std::size_t>(rows * cols)), rows, cols};
}

}  // namespace

// One chunk of a pass.
class ForwardPass {
public:
    ForwardPass(const Model& model, KvCache& cache, ThreadPool& pool)
        : model_(model),
          config_(model.config_),
          cache_(cache),
          pool_(pool),
          shape_{config_.heads, config_.kv_heads, config_.head_dim},
          product_type_(choose_dense_kernel(DType::kBf16, model.act_).type) {}

    Result<void> run(std::span<const TokenId> ids) {
        rows_ = static_cast<std::int64_t>(ids.size());
        first_ = cache_.length();
        cache_.rope().grow(first_ + rows_);
        const auto rows = static_cast<std::size_t>(rows_);
        const std::int64_t width = config_.heads * config_.head_dim;
        KvCache::Buffers& buffers = cache_.buffers();
        x_ = {buffers.residual.reserve(rows * static_cast<std::size_t>(config_.hidden)), rows_, config_.hidden};
        q_ = {buffers.queries.reserve(rows * static_cast<std::size_t>(width)), rows_, width};
        attended_ = {buffers.attended.reserve(rows * static_cast<std::size_t>(width)), rows_, width};
        DWUBIT_TRY(embed(ids));
        for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
            for_each_tile([&](std::int64_t first, std::int64_t count) { before_attention(layer, first, count); });
            attention(shape_, q_, cache_.view(layer), first_, product_type_, attended_, pool_);
            for_each_tile([&](std::int64_t first, std::int64_t count) { after_attention(layer, first, count); });
        }
        cache_.advance(rows_);
        return {};
    }

    // Logits of rows [from, rows); sink gets row + offset.
    void logits(std::int64_t from, std::int64_t offset, const LogitSink& sink) {
        const std::int64_t tiles = (rows_ - from + kTile - 1) / kTile;
        pool_.parallel_for(tiles, [&](std::int64_t t) {
            const std::int64_t first = from + t * kTile;
            const std::int64_t count = std::min(kTile, rows_ - first);
            const auto normed = scratch(0, count, config_.hidden);
            norm(x_.row_range(first, count), model_.norm_, normed);
            const auto out = scratch(1, count, config_.vocab);
            multiply(model_.head_, tiles, normed, out);
            for (std::int64_t r = 0; r < count; ++r) sink(offset + first + r, out.row(r));
        });
    }

private:
    static constexpr std::int64_t kTile = PackedWeight::kRowTile;

    template <class Unit>
    void for_each_tile(const Unit& unit) {
        pool_.parallel_for((rows_ + kTile - 1) / kTile,
                           [&](std::int64_t t) { unit(t * kTile, std::min(kTile, rows_ - t * kTile)); });
    }

    // With several tiles each runs its linears alone; a single one shares them among the threads.
    void multiply(const Linear& linear, std::int64_t tiles, MatrixView<const float> x, MatrixView<float> y) const {
        if (tiles == 1) {
            linear.apply(x, y, pool_);
        } else {
            linear.apply_tile(x, y);
        }
    }

    void linear(const Linear& linear, MatrixView<const float> x, MatrixView<float> y) const {
        multiply(linear, (rows_ + kTile - 1) / kTile, x, y);
    }

    Result<void> embed(std::span<const TokenId> ids) {
        const std::int64_t row_bytes = config_.hidden * static_cast<std::int64_t>(dtype_size(model_.embedding_->dtype));
        TensorView row = *model_.embedding_;
        row.shape = {config_.hidden};
        for (std::int64_t r = 0; r < rows_; ++r) {
            const std::int64_t id = ids[static_cast<std::size_t>(r)];
            row.bytes = model_.embedding_->bytes.subspan(static_cast<std::size_t>(id * row_bytes),
                                                         static_cast<std::size_t>(row_bytes));
            DWUBIT_TRY(read_as_f32(row, x_.row(r)));
        }
        return {};
    }

    void norm(MatrixView<const float> x, const std::vector<float>& weight, MatrixView<float> out) const {
        for (std::int64_t r = 0; r < x.rows; ++r) {
            active_ops().rms_norm(x.row(r).data(), weight.data(), static_cast<float>(config_.rms_norm_eps),
                                  out.row(r).data(), x.cols);
        }
    }

    // Normalises (if the family does) and rotates the heads of one position, in place.
    void rotate(float* heads, std::int64_t count, const std::vector<float>& head_norm, std::int64_t position) {
        const RopeTable& rope = cache_.rope();
        for (std::int64_t h = 0; h < count; ++h) {
            float* head = heads + h * config_.head_dim;
            if (!head_norm.empty()) {
                active_ops().rms_norm(head, head_norm.data(), static_cast<float>(config_.rms_norm_eps), head,
                                      config_.head_dim);
            }
            active_ops().rope(head, rope.cosine(position), rope.sine(position), config_.head_dim / 2);
        }
    }

    // x -> q, and keys and values into the cache.
    void before_attention(std::int64_t index, std::int64_t first, std::int64_t count) {
        const LayerWeights& layer = model_.layers_[static_cast<std::size_t>(index)];
        const auto normed = scratch(0, count, config_.hidden);
        const std::int64_t kv_width = config_.kv_heads * config_.head_dim;
        const auto keys = scratch(1, count, kv_width);
        const auto values = scratch(2, count, kv_width);
        norm(x_.row_range(first, count), layer.attention_norm, normed);
        linear(layer.q, normed, q_.row_range(first, count));
        linear(layer.k, normed, keys);
        linear(layer.v, normed, values);
        for (std::int64_t r = 0; r < count; ++r) {
            const std::int64_t position = first_ + first + r;
            rotate(q_.row(first + r).data(), config_.heads, layer.q_norm, position);
            rotate(keys.row(r).data(), config_.kv_heads, layer.k_norm, position);
            for (std::int64_t g = 0; g < config_.kv_heads; ++g) {
                const std::int64_t offset = g * config_.head_dim;
                std::copy_n(keys.row(r).data() + offset, config_.head_dim, cache_.key(index, g, position));
                std::copy_n(values.row(r).data() + offset, config_.head_dim, cache_.value(index, g, position));
            }
        }
    }

    // x += o(attended); x += down(silu(gate(norm x)) * up(norm x))
    void after_attention(std::int64_t index, std::int64_t first, std::int64_t count) {
        const LayerWeights& layer = model_.layers_[static_cast<std::size_t>(index)];
        const auto x = x_.row_range(first, count);
        const auto delta = scratch(0, count, config_.hidden);
        linear(layer.o, attended_.row_range(first, count), delta);
        active_ops().add(delta.data, x.data, count * config_.hidden);

        const auto normed = scratch(1, count, config_.hidden);
        const auto gate = scratch(2, count, config_.intermediate);
        const auto up = scratch(3, count, config_.intermediate);
        norm(x, layer.mlp_norm, normed);
        linear(layer.gate, normed, gate);
        linear(layer.up, normed, up);
        active_ops().swiglu(gate.data, up.data, count * config_.intermediate);
        linear(layer.down, gate, delta);
        active_ops().add(delta.data, x.data, count * config_.hidden);
    }

    const Model& model_;
    const ModelConfig& config_;
    KvCache& cache_;
    ThreadPool& pool_;
    AttentionShape shape_;
    GemmType product_type_;  // of the attention's products, whose factors are activations both
    std::int64_t rows_ = 0;
    std::int64_t first_ = 0;      // position of row 0
    MatrixView<float> x_;         // [rows, hidden], the residual stream
    MatrixView<float> q_;         // [rows, heads * head_dim]
    MatrixView<float> attended_;  // [rows, heads * head_dim]
};

Result<void> Model::forward(std::span<const TokenId> ids, KvCache& cache, LogitRows rows, const LogitSink& sink,
                            ThreadPool& pool) const {
    const auto count = static_cast<std::int64_t>(ids.size());
    for (std::int64_t i = 0; i < count; ++i) {
        const TokenId id = ids[static_cast<std::size_t>(i)];
        if (id < 0 || id >= config_.vocab) {
            return errorf(ErrorKind::kInvalidInput, "token id {} at place {} is outside the model's vocabulary of {}",
                          id, i, config_.vocab);
        }
    }
    const std::int64_t end = cache.length() + count;
    if (end > cache.capacity()) {
        return errorf(ErrorKind::kInvalidInput, "{} positions do not fit into a context of {}", end, cache.capacity());
    }
    if (config_.full_attention_limit && end > *config_.full_attention_limit) {
        return errorf(ErrorKind::kUnsupported,
                      "position {} needs the model's sliding-window attention of {} positions, which is not supported",
                      end, *config_.full_attention_limit)
            .with_hint("use a context of at most that many tokens");
    }
    ForwardPass pass(*this, cache, pool);
    for (std::int64_t first = 0; first < count; first += kChunk) {
        const std::int64_t size = std::min(kChunk, count - first);
        DWUBIT_TRY(pass.run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size))));
        if (rows == LogitRows::kAll) pass.logits(0, first, sink);
        if (rows == LogitRows::kLast && first + size == count) pass.logits(size - 1, first, sink);
    }
    return {};
}

}  // namespace dwubit
