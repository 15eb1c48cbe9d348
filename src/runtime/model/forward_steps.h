// The steps of a decoder that treat each row by itself: embedding, norms, linears, RoPE, MLP, head. What differs
// between passes, which positions a row attends to, is theirs.
//
// Every step is cut into units that depend on shapes only. A linear's units are panels of its output; what comes after
// it (residual, SwiGLU, rounding for the next product) is done to a panel while it is in cache.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/span.h"
#include "base/thread_pool.h"
#include "runtime/model/forward_buffers.h"
#include "runtime/model/model.h"

namespace dwubit {

// Positions per chunk of a long pass: bounds the memory of activations.
inline constexpr std::int64_t kPassRows = 512;

class ForwardSteps {
protected:
    // `blocked`: as in Activations.
    ForwardSteps(const Model& model, ForwardBuffers& buffers, ThreadPool& pool, bool blocked)
        : model_(model), config_(model.config_), buffers_(buffers), pool_(pool), blocked_(blocked) {}

    // Positions per unit of the steps between linears.
    static constexpr std::int64_t kRows = 32;

    static MatrixView<float> matrix(AlignedBuffer<float>& buffer, std::int64_t rows, std::int64_t cols) {
        return {buffer.reserve(static_cast<std::size_t>(rows * cols)), rows, cols};
    }

    // Makes room for `rows` rows; x = the embedding's rows of the ids, q, k and v are not initialised.
    void start(std::int64_t rows);
    void embed(std::span<const TokenId> ids, std::int64_t first_row);

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
        if (!std::all_of(linears.begin(), linears.end(), [](const Linear* linear) { return linear->plain(); })) {
            multiply_whole(linears, x, use);
            return;
        }
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

    // The same where some have transforms or are parts of a fused linear, which runs once for all of its parts: outputs
    // are complete before use() sees them, a row to a panel.
    using PanelUse = std::function<void(std::size_t, const Panel&)>;
    void multiply_whole(std::span<const Linear* const> linears, const Activations& x, const PanelUse& use);

    static void copy(const Panel& panel, MatrixView<float> out);
    // x += panel
    void add(const Panel& panel);

    // Activations in the forms that these linears read.
    void prepare(Activations& activations, std::int64_t rows, std::int64_t cols,
                 std::initializer_list<const Linear*> readers) const;
    // buffers_.normed = RMSNorm of x, for `readers`.
    void norm(MatrixView<const float> x, const std::vector<float>& weight,
              std::initializer_list<const Linear*> readers);
    // Normalises (if the family does) and rotates the heads of one position, in place.
    void rotate(float* heads, std::int64_t count, const std::vector<float>& head_norm, const RopeTable& rope,
                std::int64_t position) const;
    // x += down(silu(gate(norm x)) * up(norm x))
    void mlp_block(const LayerWeights& layer);
    // Logits of the rows of x; sink gets the number of the row in x + offset.
    void head(std::int64_t offset, const LogitSink& sink);

    // x after the transform of the linear's inputs; x itself without one.
    const Activations& transformed_input(const Linear& linear, const Activations& x);

    const LayerWeights& layer(std::int64_t index) const { return model_.layers_[static_cast<std::size_t>(index)]; }

    const Model& model_;
    const ModelConfig& config_;
    ForwardBuffers& buffers_;
    ThreadPool& pool_;
    bool blocked_;
    MatrixView<float> x_;  // [rows, hidden], the residual stream
    MatrixView<float> q_;  // [rows, heads * head_dim]
    MatrixView<float> k_;  // [rows, kv_heads * head_dim]
    MatrixView<float> v_;  // [rows, kv_heads * head_dim]
};

}  // namespace dwubit
