// The forward pass: pre-norm residual blocks of grouped-query attention with rotary positions and a SwiGLU MLP
// (Touvron et al. 2023, section 2.2; q/k norms as in Qwen3).
//
// Every step is cut into units that depend on shapes only. A linear's units are panels of its output; what comes after
// it (residual, SwiGLU, rounding for the next product) is done to a panel while it is in cache.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/error.h"
#include "runtime/model/model.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// Positions per chunk of a long pass: bounds the memory of activations.
constexpr std::int64_t kChunk = 512;
// Positions per unit of the steps between linears.
constexpr std::int64_t kRows = 32;
// Floats that the logits of a chunk may take before they are made in several steps.
constexpr std::int64_t kLogitFloats = std::int64_t{1} << 25;

MatrixView<float> matrix(AlignedBuffer<float>& buffer, std::int64_t rows, std::int64_t cols) {
    return {buffer.reserve(static_cast<std::size_t>(rows * cols)), rows, cols};
}

// Activations in the forms that these linears read.
void prepare(Activations& activations, std::int64_t rows, std::int64_t cols,
             std::initializer_list<const Linear*> readers) {
    const auto reads = [&](GemmType type) {
        return std::any_of(readers.begin(), readers.end(), [&](const Linear* l) { return l->type() == type; });
    };
    activations.prepare(rows, cols, reads(GemmType::kF32), reads(GemmType::kBf16));
}

}  // namespace

// One chunk of a pass.
class ForwardPass {
public:
    ForwardPass(const Model& model, KvCache& cache, ThreadPool& pool)
        : model_(model),
          config_(model.config_),
          cache_(cache),
          buffers_(cache.buffers()),
          pool_(pool),
          shape_{config_.heads, config_.kv_heads, config_.head_dim},
          product_type_(choose_dense_kernel(DType::kBf16, model.act_).type) {}

    // `wanted`: the rows whose logits will be asked for; the last layer does no more for the others than their keys and
    // values.
    void run(std::span<const TokenId> ids, LogitRows wanted) {
        rows_ = static_cast<std::int64_t>(ids.size());
        first_ = cache_.length();
        cache_.rope().grow(first_ + rows_);
        x_ = matrix(buffers_.residual, rows_, config_.hidden);
        q_ = matrix(buffers_.queries, rows_, config_.heads * config_.head_dim);
        k_ = matrix(buffers_.keys, rows_, config_.kv_heads * config_.head_dim);
        v_ = matrix(buffers_.values, rows_, config_.kv_heads * config_.head_dim);
        embed(ids);
        const std::int64_t last = config_.layers - 1;
        for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
            const std::int64_t reads = layer < last || wanted == LogitRows::kAll ? rows_ : wanted == LogitRows::kLast;
            attention_block(layer, reads);
            if (reads > 0) mlp_block(model_.layers_[static_cast<std::size_t>(layer)]);
        }
        cache_.advance(static_cast<std::int64_t>(ids.size()));
    }

    // Logits of the rows that run() kept; sink gets their number in the chunk + offset.
    void logits(std::int64_t offset, const LogitSink& sink) {
        const std::int64_t step = std::clamp<std::int64_t>(kLogitFloats / config_.vocab, 1, kChunk);
        for (std::int64_t first = 0; first < rows_; first += step) {
            const std::int64_t count = std::min(step, rows_ - first);
            norm(x_.row_range(first, count), model_.norm_, {&model_.head_});
            const MatrixView<float> out = matrix(buffers_.logits, count, config_.vocab);
            multiply<1>({&model_.head_}, buffers_.normed, [&](std::size_t, const Panel& panel) { copy(panel, out); });
            for_each_row(count, [&](std::int64_t r) { sink(offset + first + r, out.row(r)); });
        }
    }

private:
    // unit(r) for each row, kRows of them to a unit of work.
    template <class Unit>
    void for_each_row(std::int64_t rows, const Unit& unit) {
        pool_.parallel_for((rows + kRows - 1) / kRows, [&](std::int64_t t) {
            for (std::int64_t r = t * kRows; r < std::min(rows, (t + 1) * kRows); ++r) unit(r);
        });
    }

    // The panels of several linears with one input; use(i, panel) takes those of linears[i], on any thread.
    template <std::size_t kCount, class Use>
    void multiply(const std::array<const Linear*, kCount>& linears, const Activations& x, const Use& use) {
        std::array<std::int64_t, kCount> ends;
        std::int64_t total = 0;
        for (std::size_t i = 0; i < kCount; ++i) ends[i] = total += linears[i]->units(x.rows());
        pool_.parallel_for(total, [&](std::int64_t unit) {
            thread_local AlignedBuffer<float> room;
            std::size_t i = 0;
            while (unit >= ends[i]) ++i;
            use(i, linears[i]->run_unit(x, unit - (i == 0 ? 0 : ends[i - 1]), room));
        });
    }

    static void copy(const Panel& panel, MatrixView<float> out) {
        for (std::int64_t r = 0; r < panel.y.rows; ++r) {
            std::copy_n(panel.y.row(r).data(), panel.y.cols, out.row(panel.first_row + r).data() + panel.first_column);
        }
    }

    // x += panel
    void add(const Panel& panel) {
        for (std::int64_t r = 0; r < panel.y.rows; ++r) {
            active_ops().add(panel.y.row(r).data(), x_.row(panel.first_row + r).data() + panel.first_column,
                             panel.y.cols);
        }
    }

    // x = the embedding's rows, whose dtype check_tensors has seen to.
    void embed(std::span<const TokenId> ids) {
        const std::int64_t row_bytes = config_.hidden * static_cast<std::int64_t>(dtype_size(model_.embedding_->dtype));
        for_each_row(rows_, [&](std::int64_t r) {
            TensorView row;
            row.dtype = model_.embedding_->dtype;
            row.shape = {config_.hidden};
            const std::int64_t id = ids[static_cast<std::size_t>(r)];
            row.bytes = model_.embedding_->bytes.subspan(static_cast<std::size_t>(id * row_bytes),
                                                         static_cast<std::size_t>(row_bytes));
            DWUBIT_CHECK(read_as_f32(row, x_.row(r)).ok());
        });
    }

    // buffers_.normed = RMSNorm of x, for `readers`.
    void norm(MatrixView<const float> x, const std::vector<float>& weight,
              std::initializer_list<const Linear*> readers) {
        prepare(buffers_.normed, x.rows, x.cols, readers);
        for_each_row(x.rows, [&](std::int64_t r) {
            thread_local AlignedBuffer<float> room;
            float* const row = room.reserve(static_cast<std::size_t>(x.cols));
            active_ops().rms_norm(x.row(r).data(), weight.data(), static_cast<float>(config_.rms_norm_eps), row,
                                  x.cols);
            buffers_.normed.write(r, 0, row, x.cols);
        });
    }

    // x += o(attention(q, k, v)) for the last `reads` rows, to which the pass shrinks; keys and values of all rows go
    // to the cache.
    void attention_block(std::int64_t index, std::int64_t reads) {
        const LayerWeights& layer = model_.layers_[static_cast<std::size_t>(index)];
        norm(x_, layer.attention_norm, {&layer.q, &layer.k, &layer.v});
        if (reads == rows_) {
            const std::array<MatrixView<float>, 3> outputs = {q_, k_, v_};
            multiply<3>({&layer.q, &layer.k, &layer.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, outputs[i]); });
            cache_keys_and_values(index, layer);
        } else {
            multiply<2>({&layer.k, &layer.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, i == 0 ? k_ : v_); });
            cache_keys_and_values(index, layer);
            if (reads == 0) return;
            shrink(reads);
            norm(x_, layer.attention_norm, {&layer.q});
            multiply<1>({&layer.q}, buffers_.normed, [&](std::size_t, const Panel& panel) { copy(panel, q_); });
        }
        for_each_row(rows_, [&](std::int64_t r) { rotate(q_.row(r).data(), config_.heads, layer.q_norm, first_ + r); });
        prepare(buffers_.attended, rows_, q_.cols, {&layer.o});
        attention(shape_, q_, cache_.view(index), first_, product_type_, buffers_.attended, pool_);
        multiply<1>({&layer.o}, buffers_.attended, [&](std::size_t, const Panel& panel) { add(panel); });
    }

    // Goes on with the last `count` rows alone.
    void shrink(std::int64_t count) {
        const std::int64_t dropped = rows_ - count;
        x_ = x_.row_range(dropped, count);
        q_ = q_.row_range(dropped, count);
        first_ += dropped;
        rows_ = count;
    }

    void cache_keys_and_values(std::int64_t index, const LayerWeights& layer) {
        for_each_row(rows_, [&](std::int64_t r) {
            const std::int64_t position = first_ + r;
            rotate(k_.row(r).data(), config_.kv_heads, layer.k_norm, position);
            for (std::int64_t g = 0; g < config_.kv_heads; ++g) {
                const std::int64_t offset = g * config_.head_dim;
                std::copy_n(k_.row(r).data() + offset, config_.head_dim, cache_.key(index, g, position));
                std::copy_n(v_.row(r).data() + offset, config_.head_dim, cache_.value(index, g, position));
            }
        });
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

    // x += down(silu(gate(norm x)) * up(norm x))
    void mlp_block(const LayerWeights& layer) {
        norm(x_, layer.mlp_norm, {&layer.gate, &layer.up});
        prepare(buffers_.mlp, rows_, config_.intermediate, {&layer.down});
        // Gate and up have one shape, so their units are the same panels.
        pool_.parallel_for(layer.gate.units(rows_), [&](std::int64_t unit) {
            thread_local AlignedBuffer<float> gate_room;
            thread_local AlignedBuffer<float> up_room;
            const Panel gate = layer.gate.run_unit(buffers_.normed, unit, gate_room);
            const Panel up = layer.up.run_unit(buffers_.normed, unit, up_room);
            for (std::int64_t r = 0; r < gate.y.rows; ++r) {
                float* const row = gate.y.row(r).data();
                active_ops().swiglu(row, up.y.row(r).data(), gate.y.cols);
                buffers_.mlp.write(gate.first_row + r, gate.first_column, row, gate.y.cols);
            }
        });
        multiply<1>({&layer.down}, buffers_.mlp, [&](std::size_t, const Panel& panel) { add(panel); });
    }

    const Model& model_;
    const ModelConfig& config_;
    KvCache& cache_;
    KvCache::Buffers& buffers_;
    ThreadPool& pool_;
    AttentionShape shape_;
    GemmType product_type_;  // of the attention's products, whose factors are activations both
    std::int64_t rows_ = 0;
    std::int64_t first_ = 0;  // position of row 0
    MatrixView<float> x_;     // [rows, hidden], the residual stream
    MatrixView<float> q_;     // [rows, heads * head_dim]
    MatrixView<float> k_;     // [rows, kv_heads * head_dim]
    MatrixView<float> v_;     // [rows, kv_heads * head_dim]
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
        const bool end_of_pass = first + size == count;
        const LogitRows wanted = rows == LogitRows::kLast && !end_of_pass ? LogitRows::kNone : rows;
        pass.run(ids.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size)), wanted);
        if (wanted == LogitRows::kAll) pass.logits(first, sink);
        if (wanted == LogitRows::kLast) pass.logits(count - 1, sink);
    }
    return {};
}

}  // namespace dwubit
