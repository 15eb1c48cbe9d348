#include "support/packed_model.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "base/atomic_file.h"
#include "base/float16.h"
#include "base/philox.h"
#include "checkpoint/hf_dir.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/safetensors_writer.h"
#include "runtime/formats/uniform_group/uniform_group.h"
#include "runtime/model/config.h"

namespace dwubit::testing {
namespace {

namespace fs = std::filesystem;
using Grid = UniformGroupParams::Grid;

struct GroupGrid {
    float scale = 0;
    int zero = 0;
};

// Min-max over the values of a group.
GroupGrid grid_of(const UniformGroupParams& params, const std::vector<float>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    const auto levels = static_cast<float>((1 << params.bits) - 1);
    if (params.grid == Grid::kMirror) {
        const float largest = std::max(std::abs(*low), std::abs(*high));
        return {to_float(to_f16(largest / params.mirror_offset())), 0};
    }
    const float first = std::min(*low, 0.0f);
    const float scale = to_float(to_f16((std::max(*high, 0.0f) - first) / levels));
    return {scale,
            scale == 0 ? 0 : std::clamp(static_cast<int>(std::lround(-first / scale)), 0, (1 << params.bits) - 1)};
}

// weight: [out, in]; columns in the order of the codes' `perm` if there is one.
Codes round_to_nearest(const Shape& shape, const UniformGroupParams& params, const std::vector<float>& weight) {
    const Format& format = uniform_group_format();
    const std::int64_t in = shape[1];
    Codes codes{shape, to_json(params), {}};
    for (const FieldSpec& spec : format.code_fields(codes.params, shape)) codes.fields.push_back(make_field(spec));
    std::vector<std::uint32_t> order(static_cast<std::size_t>(in));
    std::iota(order.begin(), order.end(), 0U);
    if (params.perm) {
        Philox random(static_cast<std::uint64_t>(shape[0]), static_cast<std::uint64_t>(in));
        for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.next_below(i)]);
        std::copy(order.begin(), order.end(), codes.find("perm")->as<std::uint32_t>().begin());
    }
    const std::int64_t groups = params.groups(in);
    for (std::int64_t r = 0; r < shape[0]; ++r) {
        for (std::int64_t g = 0; g < groups; ++g) {
            const std::int64_t first = g * params.group;
            const std::int64_t end = std::min(in, first + params.group);
            std::vector<float> values;
            for (std::int64_t j = first; j < end; ++j) {
                values.push_back(weight[static_cast<std::size_t>(r * in) + order[static_cast<std::size_t>(j)]]);
            }
            const GroupGrid grid = grid_of(params, values);
            const auto index = static_cast<std::size_t>(r * groups + g);
            codes.find("scales")->as<F16>()[index] = to_f16(grid.scale);
            if (params.grid == Grid::kZero) {
                codes.find("zeros")->as<std::uint8_t>()[index] = static_cast<std::uint8_t>(grid.zero);
            }
            const float offset = params.grid == Grid::kZero ? static_cast<float>(grid.zero) : params.mirror_offset();
            for (std::int64_t j = first; j < end; ++j) {
                const float value = values[static_cast<std::size_t>(j - first)];
                const float level = grid.scale == 0 ? 0 : std::round(value / grid.scale + offset);
                codes.find("codes")->as<std::uint8_t>()[static_cast<std::size_t>(r * in + j)] =
                    static_cast<std::uint8_t>(std::clamp(level, 0.0f, static_cast<float>((1 << params.bits) - 1)));
            }
        }
    }
    return codes;
}

// Owns what the two folders are written from.
class Twins {
public:
    Result<void> add_linear(const LinearShape& linear, const TensorView& weight, const Json& params) {
        const Shape shape = {linear.out, linear.in};
        DWUBIT_ASSIGN(const UniformGroupParams read, uniform_group_params(params, shape));
        std::vector<float> values(static_cast<std::size_t>(linear.out * linear.in));
        DWUBIT_TRY(read_as_f32(weight, values));
        const Format& format = uniform_group_format();
        DWUBIT_ASSIGN(PackedTensor made, format.pack(round_to_nearest(shape, read, values)));
        tensors_.push_back(std::move(made));
        DWUBIT_ASSIGN(const auto reader, format.bind(view_of(tensors_.back())));
        reader->dequantize(0, linear.out, values.data());
        for (const Field& buffer : tensors_.back().buffers) {
            packed_.push_back({linear.module + "." + buffer.name, buffer.dtype, buffer.shape, buffer.bytes});
        }
        values_.push_back(std::move(values));
        dense_.push_back({weight.name, DType::kF32, shape, std::as_bytes(std::span(values_.back()))});
        return {};
    }

    void add_dense(const TensorView& tensor) {
        packed_.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.bytes});
        dense_.push_back(packed_.back());
    }

    Result<void> write(const PackedModel& model) const {
        DWUBIT_TRY(write_file(model.packed, packed_));
        return write_file(model.dense, dense_);
    }

private:
    static Result<void> write_file(const fs::path& folder, const std::vector<TensorToWrite>& tensors) {
        auto written = write_safetensors(folder / "model.safetensors", tensors);
        if (!written.ok()) return std::move(written).error();
        return {};
    }

    std::deque<PackedTensor> tensors_;
    std::deque<std::vector<float>> values_;
    std::vector<TensorToWrite> packed_;
    std::vector<TensorToWrite> dense_;
};

Result<void> write_config(const fs::path& folder, Json config, const Json* quantization) {
    if (quantization != nullptr) config["quantization_config"] = *quantization;
    return write_file_atomically(folder / "config.json", dump_json(config, 2));
}

void copy_tokenizer(const fs::path& from, const fs::path& to) {
    for (const char* name : {"tokenizer.json", "tokenizer_config.json", "generation_config.json"}) {
        std::error_code missing;
        fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing, missing);
    }
}

}  // namespace

Result<PackedModel> write_packed_model(const fs::path& from, const fs::path& folder,
                                       const PackedModelOptions& options) {
    DWUBIT_ASSIGN(const HfDir dir, open_hf_dir(from));
    DWUBIT_ASSIGN(const ModelConfig config, read_model_config(dir.config, nullptr));
    std::map<std::string, LinearShape> linears;  // by the weight's name
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
        for (const LinearShape& linear : layer_linears(config, layer)) {
            if (options.skip_down && linear.module.ends_with("down_proj")) continue;
            linears[linear.module + ".weight"] = linear;
        }
    }
    if (options.pack_head && !config.tied_embeddings) linears["lm_head.weight"] = head_linear(config);

    QuantizationConfig quantization;
    Twins twins;
    for (const auto& [name, tensor] : dir.tensors.tensors()) {
        const auto at = linears.find(name);
        if (at == linears.end()) {
            twins.add_dense(tensor);
            continue;
        }
        DWUBIT_TRY(twins.add_linear(at->second, tensor, options.params));
        ModuleQuantization module{"uniform_group", 1, options.params, {}, {}};
        const bool by_pattern = options.patterns && at->second.module.starts_with("model.");
        quantization.modules[by_pattern ? "model.*_proj" : at->second.module] = std::move(module);
    }
    if (options.patterns && options.skip_down) {
        for (std::int64_t layer = 0; layer < config.layers; ++layer) {
            quantization.unquantized.push_back(layer_tensor_names(config, layer).down);
        }
    }
    const PackedModel model{folder / "packed", folder / "dense"};
    const Json json = to_json(quantization);
    DWUBIT_TRY(write_config(model.packed, dir.config, &json));
    DWUBIT_TRY(write_config(model.dense, dir.config, nullptr));
    DWUBIT_TRY(twins.write(model));
    copy_tokenizer(from, model.packed);
    copy_tokenizer(from, model.dense);
    return model;
}

}  // namespace dwubit::testing
