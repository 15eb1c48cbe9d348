#include "runtime/model/model.h"

#include <atomic>
#include <map>
#include <set>

#include "base/error.h"
#include "checkpoint/stored_tensor.h"
#include "runtime/model/config.h"
#include "runtime/model/open_model.h"

namespace dwubit {
namespace {

// Binds the tensors of one checkpoint; counts what it has bound for the progress line. Used by several threads at once.
class Binder {
public:
    Binder(const ModelConfig& config, const TensorTable& table, ActType act, ProgressSink& progress)
        : config_(config), table_(table), act_(act), progress_(progress) {}

    Result<void> vector(const std::string& module, std::vector<float>& out) const {
        DWUBIT_ASSIGN(const TensorView* tensor, table_.require(module + ".weight"));
        out.resize(static_cast<std::size_t>(tensor->shape.at(0)));
        return read_as_f32(*tensor, out);
    }

    // check_tensors has seen to it that the tensors are there.
    Result<void> linear(const LinearShape& shape, Linear& out) {
        const bool has_bias = shape.bias && shape.parts.empty();
        const TensorView* bias = has_bias ? table_.find(shape.module + ".bias") : nullptr;
        const auto packed = config_.packed.find(shape.module);
        if (packed != config_.packed.end()) {
            const PackedView view = packed_view(table_, shape, packed->second);
            const std::string where = fmt::format("{}: module '{}'", view.buffers.front().file, shape.module);
            DWUBIT_ASSIGN(out, Linear::bind(*packed->second.format, view, bias, act_, where));
            LinearTransforms transforms;
            DWUBIT_ASSIGN(transforms.in, transform(shape, packed->second, Side::kIn, where));
            DWUBIT_ASSIGN(transforms.out, transform(shape, packed->second, Side::kOut, where));
            out.set_transforms(std::move(transforms));
            if (shape.bias && !has_bias) DWUBIT_TRY(part_biases(shape, out));
        } else {
            DWUBIT_ASSIGN(const TensorView* weight, table_.require(shape.module + ".weight"));
            const Format* const format = choose_stored_kernel(*weight, act_).format;
            if (format != nullptr) {
                DWUBIT_ASSIGN(out, Linear::bind_blocks(*format, *weight, bias, act_));
            } else {
                DWUBIT_ASSIGN(out, Linear::bind(*weight, bias, act_).context(shape.module));
            }
        }
        progress_.update(++bound_);
        return {};
    }

private:
    // nullptr where it changes nothing.
    Result<std::shared_ptr<const BoundTransform>> transform(const LinearShape& shape, const LinearFormat& packed,
                                                            Side side, const std::string& where) const {
        const LinearTransform& use = side == Side::kIn ? packed.in : packed.out;
        const std::int64_t n = side == Side::kIn ? shape.in : shape.out;
        DWUBIT_ASSIGN(auto bound, bind_transform(*use.transform, use.params, n, side,
                                                 transform_view(table_, shape, packed, side), where));
        if (bound->identity()) return std::shared_ptr<const BoundTransform>();
        return std::shared_ptr<const BoundTransform>(std::move(bound));
    }

    Result<void> part_biases(const LinearShape& shape, Linear& out) const {
        std::vector<float> bias;
        for (const LinearPart& part : shape.parts) {
            DWUBIT_ASSIGN(const TensorView* tensor, table_.require(part.module + ".bias"));
            std::vector<float> values(static_cast<std::size_t>(part.rows));
            DWUBIT_TRY(read_as_f32(*tensor, values));
            bias.insert(bias.end(), values.begin(), values.end());
        }
        out.set_bias(std::move(bias));
        return {};
    }

    const ModelConfig& config_;
    const TensorTable& table_;
    ActType act_;
    ProgressSink& progress_;
    std::atomic<std::int64_t> bound_{0};
};

// Blocks of a GGUF file become plain values, but for linears that run on them, and an embedding that is read by rows.
void decode_weights(const ModelConfig& config, ActType act, TensorTable& table, ThreadPool& pool) {
    std::set<std::string> linears;
    for (const LinearShape& linear : all_linears(config)) linears.insert(linear.module + ".weight");
    const GlobalTensorNames names = global_tensor_names(config);
    linears.insert(names.head + ".weight");
    make_plain(table, pool, [&](const TensorView& tensor) {
        if (linears.count(tensor.name) > 0) return choose_stored_kernel(tensor, act).format != nullptr;
        return tensor.name == names.embedding + ".weight";
    });
}

Result<void> bind_layer(Binder& binder, const ModelConfig& config, std::int64_t index, LayerWeights& layer) {
    const LayerTensorNames names = layer_tensor_names(config, index);
    DWUBIT_TRY(binder.vector(names.attention_norm, layer.attention_norm));
    DWUBIT_TRY(binder.vector(names.mlp_norm, layer.mlp_norm));
    if (config.qk_norm) {
        DWUBIT_TRY(binder.vector(names.q_norm, layer.q_norm));
        DWUBIT_TRY(binder.vector(names.k_norm, layer.k_norm));
    }
    const std::map<std::string, Linear*> slots = {
        {names.q, &layer.q},       {names.k, &layer.k},   {names.v, &layer.v},      {names.o, &layer.o},
        {names.gate, &layer.gate}, {names.up, &layer.up}, {names.down, &layer.down}};
    for (const LinearShape& shape : layer_linears(config, index)) {
        Linear linear;
        DWUBIT_TRY(binder.linear(shape, linear));
        if (shape.parts.empty()) {
            *slots.at(shape.module) = std::move(linear);
            continue;
        }
        const auto whole = std::make_shared<const Linear>(std::move(linear));
        std::int64_t first = 0;
        for (const LinearPart& part : shape.parts) {
            *slots.at(part.module) = Linear::part_of(whole, first, part.rows);
            first += part.rows;
        }
    }
    return {};
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path, ActType act, ThreadPool& pool, ProgressSink& progress) {
    DWUBIT_ASSIGN(HfDir directory, open_model_files(path));
    return load(std::move(directory), act, pool, progress);
}

Result<Model> Model::load(HfDir directory, ActType act, ThreadPool& pool, ProgressSink& progress) {
    Model model;
    DWUBIT_ASSIGN(OpenModel opened, open_model(std::move(directory)));
    model.directory_ = std::move(opened.directory);
    model.config_ = std::move(opened.config);
    model.act_ = act;
    decode_weights(model.config_, act, model.directory_.tensors, pool);
    const HfDir& dir = model.directory_;
    const ModelConfig& config = model.config_;
    const std::string where = "model " + dir.path.string();
    DWUBIT_TRY(check_weights_finite(dir.tensors, pool).context(where));

    const auto stored = static_cast<std::int64_t>(all_linears(config).size());
    progress.begin("load", stored + (config.tied_embeddings ? 1 : 0), "linears");  // the head is bound always
    Binder binder(config, dir.tensors, act, progress);
    const GlobalTensorNames names = global_tensor_names(config);
    DWUBIT_ASSIGN(model.embedding_, dir.tensors.require(names.embedding + ".weight"));
    model.layers_.resize(static_cast<std::size_t>(config.layers));
    std::vector<Result<void>> bound(model.layers_.size());
    pool.parallel_for(config.layers, [&](std::int64_t i) {
        const auto index = static_cast<std::size_t>(i);
        bound[index] = bind_layer(binder, config, i, model.layers_[index]);
    });
    for (auto& result : bound) DWUBIT_TRY(std::move(result).context(where));
    DWUBIT_TRY(binder.vector(names.norm, model.norm_).context(where));
    DWUBIT_TRY(binder.linear(head_linear(config), model.head_).context(where));
    progress.end();
    return model;
}

}  // namespace dwubit
