#include "runtime/model/forward_steps.h"

#include "base/check.h"
#include "checkpoint/stored_tensor.h"
#include "runtime/ops/op_table.h"

namespace dwubit {
namespace {

// Floats that the logits of a chunk may take before they are made in several steps.
constexpr std::int64_t kLogitFloats = std::int64_t{1} << 25;

}  // namespace

void ForwardSteps::start(std::int64_t rows) {
    x_ = matrix(buffers_.residual, rows, config_.hidden);
    q_ = matrix(buffers_.queries, rows, config_.heads * config_.head_dim);
    k_ = matrix(buffers_.keys, rows, config_.kv_heads * config_.head_dim);
    v_ = matrix(buffers_.values, rows, config_.kv_heads * config_.head_dim);
}

void ForwardSteps::embed(std::span<const TokenId> ids, std::int64_t first_row) {
    if (model_.embedding_->dtype == DType::kBlocks) {
        for_each_row(static_cast<std::int64_t>(ids.size()), [&](std::int64_t r) {
            read_stored_rows(*model_.embedding_, ids[static_cast<std::size_t>(r)], 1, x_.row(first_row + r).data());
        });
        return;
    }
    // check_tensors has seen to the dtype of the embedding.
    const std::int64_t row_bytes = config_.hidden * static_cast<std::int64_t>(dtype_size(model_.embedding_->dtype));
    for_each_row(static_cast<std::int64_t>(ids.size()), [&](std::int64_t r) {
        TensorView row;
        row.dtype = model_.embedding_->dtype;
        row.shape = {config_.hidden};
        const std::int64_t id = ids[static_cast<std::size_t>(r)];
        row.bytes = model_.embedding_->bytes.subspan(static_cast<std::size_t>(id * row_bytes),
                                                     static_cast<std::size_t>(row_bytes));
        DWUBIT_CHECK(read_as_f32(row, x_.row(first_row + r)).ok());
    });
}

void ForwardSteps::copy(const Panel& panel, MatrixView<float> out) {
    for (std::int64_t r = 0; r < panel.y.rows; ++r) {
        std::copy_n(panel.y.row(r).data(), panel.y.cols, out.row(panel.first_row + r).data() + panel.first_column);
    }
}

void ForwardSteps::add(const Panel& panel) {
    for (std::int64_t r = 0; r < panel.y.rows; ++r) {
        active_ops().add(panel.y.row(r).data(), x_.row(panel.first_row + r).data() + panel.first_column, panel.y.cols);
    }
}

void ForwardSteps::prepare(Activations& activations, std::int64_t rows, std::int64_t cols,
                           std::initializer_list<const Linear*> readers) const {
    const auto reads = [&](GemmType type) {
        return std::any_of(readers.begin(), readers.end(),
                           [&](const Linear* l) { return l->input(rows, blocked_) == type; });
    };
    activations.prepare(rows, cols, reads(GemmType::kF32), reads(GemmType::kBf16), blocked_);
}

const Activations& ForwardSteps::transformed_input(const Linear& linear, const Activations& x) {
    if (linear.transforms().in == nullptr) return x;
    Activations& transformed = buffers_.transformed;
    const GemmType type = linear.weight_input(x.rows(), blocked_);
    transformed.prepare(x.rows(), x.cols(), type == GemmType::kF32, type == GemmType::kBf16, blocked_);
    for_each_row(x.rows(), [&](std::int64_t r) {
        thread_local AlignedBuffer<float> room;
        float* const row = room.reserve(static_cast<std::size_t>(x.cols()));
        std::copy_n(static_cast<const float*>(x.data(GemmType::kF32, r)), x.cols(), row);
        linear.transforms().in->apply(1, row);
        transformed.write(r, 0, row, x.cols());
    });
    return transformed;
}

void ForwardSteps::multiply_whole(std::span<const Linear* const> linears, const Activations& x, const PanelUse& use) {
    for (std::size_t i = 0; i < linears.size(); ++i) {
        const Linear& whole = linears[i]->whole();
        const auto same = [&](const Linear* other) { return &other->whole() == &whole; };
        if (std::any_of(linears.begin(), linears.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
        const Activations& input = transformed_input(whole, x);
        const MatrixView<float> y = matrix(buffers_.untransformed, x.rows(), whole.out_features());
        pool_.parallel_for(whole.units(x.rows()), [&](std::int64_t unit) {
            thread_local AlignedBuffer<float> room;
            copy(whole.run_unit(input, unit, room), y);
        });
        for_each_row(x.rows(), [&](std::int64_t r) {
            whole.finish_row(y.row(r).data());
            for (std::size_t j = i; j < linears.size(); ++j) {
                if (!same(linears[j])) continue;
                use(j, {r, 0, {y.row(r).data() + linears[j]->first_row(), 1, linears[j]->out_features()}});
            }
        });
    }
}

void ForwardSteps::norm(MatrixView<const float> x, const std::vector<float>& weight,
                        std::initializer_list<const Linear*> readers) {
    prepare(buffers_.normed, x.rows, x.cols, readers);
    for_each_row(x.rows, [&](std::int64_t r) {
        thread_local AlignedBuffer<float> room;
        float* const row = room.reserve(static_cast<std::size_t>(x.cols));
        active_ops().rms_norm(x.row(r).data(), weight.data(), static_cast<float>(config_.rms_norm_eps), row, x.cols);
        buffers_.normed.write(r, 0, row, x.cols);
    });
}

void ForwardSteps::rotate(float* heads, std::int64_t count, const std::vector<float>& head_norm, const RopeTable& rope,
                          std::int64_t position) const {
    for (std::int64_t h = 0; h < count; ++h) {
        float* head = heads + h * config_.head_dim;
        if (!head_norm.empty()) {
            active_ops().rms_norm(head, head_norm.data(), static_cast<float>(config_.rms_norm_eps), head,
                                  config_.head_dim);
        }
        active_ops().rope(head, rope.cosine(position), rope.sine(position), config_.head_dim / 2);
    }
}

void ForwardSteps::mlp_block(const LayerWeights& layer) {
    norm(x_, layer.mlp_norm, {&layer.gate, &layer.up});
    prepare(buffers_.mlp, x_.rows, config_.intermediate, {&layer.down});
    if (!layer.gate.plain() || !layer.up.plain()) {
        const MatrixView<float> gate = matrix(buffers_.gate, x_.rows, config_.intermediate);
        const MatrixView<float> up = matrix(buffers_.up, x_.rows, config_.intermediate);
        multiply<2>({&layer.gate, &layer.up}, buffers_.normed,
                    [&](std::size_t i, const Panel& panel) { copy(panel, i == 0 ? gate : up); });
        for_each_row(x_.rows, [&](std::int64_t r) {
            active_ops().swiglu(gate.row(r).data(), up.row(r).data(), config_.intermediate);
            buffers_.mlp.write(r, 0, gate.row(r).data(), config_.intermediate);
        });
        multiply<1>({&layer.down}, buffers_.mlp, [&](std::size_t, const Panel& panel) { add(panel); });
        return;
    }
    // Gate and up have one shape, so their units are the same panels.
    pool_.parallel_for(layer.gate.units(x_.rows), [&](std::int64_t unit) {
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

void ForwardSteps::head(std::int64_t offset, const LogitSink& sink) {
    const std::int64_t step = std::clamp<std::int64_t>(kLogitFloats / config_.vocab, 1, kPassRows);
    for (std::int64_t first = 0; first < x_.rows; first += step) {
        const std::int64_t count = std::min(step, x_.rows - first);
        norm(x_.row_range(first, count), model_.norm_, {&model_.head_});
        const MatrixView<float> out = matrix(buffers_.logits, count, config_.vocab);
        multiply<1>({&model_.head_}, buffers_.normed, [&](std::size_t, const Panel& panel) { copy(panel, out); });
        for_each_row(count, [&](std::int64_t r) { sink(offset + first + r, out.row(r)); });
    }
}

}  // namespace dwubit
