#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <set>

#include "base/error.h"
#include "base/float16.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/text.h"
#include "convert/folder_writer.h"
#include "convert/quip_sharp.h"
#include "convert/quip_sharp_names.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/quip_layout.h"
#include "runtime/model/open_model.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

// Tensors of a shard and the memory they lie in.
class Shard {
public:
    template <class T>
    void add(std::string name, DType dtype, Shape shape, std::span<const T> values) {
        const auto bytes = std::as_bytes(values);
        owned_.emplace_back(bytes.begin(), bytes.end());
        tensors_.push_back({std::move(name), dtype, std::move(shape), owned_.back()});
    }
    std::vector<TensorToWrite> take() { return std::move(tensors_); }

private:
    std::deque<std::vector<std::byte>> owned_;
    std::vector<TensorToWrite> tensors_;
};

class Exporter {
public:
    Exporter(const OpenModel& model, FolderWriter& writer) : model_(model), config_(model.config), writer_(writer) {}

    Result<void> check() {
        DWUBIT_TRY(check_family());
        const std::string where = "model " + model_.directory.path.string();
        for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
            for (const QuipModule& module : quip_modules(config_, layer)) {
                DWUBIT_TRY(find(module, layer).context(where));
            }
        }
        if (config_.packed.size() == modules_.size()) return {};
        return errorf(ErrorKind::kUnsupported,
                      "the layout has no quantized module outside the layers, such as the head");
    }

    Result<void> write(ProgressSink& progress) {
        progress.begin("export", config_.layers + 1, "shards");
        for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
            Shard shard;
            for (const Found& found : modules_) {
                if (layer_of(config_, found.linear.module) == layer) DWUBIT_TRY(add_module(found, shard));
            }
            DWUBIT_TRY(add_rest(layer, shard));
            DWUBIT_TRY(writer_.write(shard.take()));
            progress.update(layer + 1);
        }
        Shard rest;
        DWUBIT_TRY(add_rest(config_.layers, rest));
        DWUBIT_TRY(writer_.write(rest.take()));
        progress.end();
        return writer_.finish(dump_json(config_json(), 2) + "\n", model_.directory);
    }

    std::int64_t modules() const { return static_cast<std::int64_t>(modules_.size()); }
    double factor_rounding() const { return factor_rounding_; }

private:
    struct Found {
        QuipModule module;
        LinearShape linear;
        const LinearFormat* packed = nullptr;
    };

    // The loader is that of Llama: what it does not know cannot be carried.
    Result<void> check_family() const {
        const auto refuse = [&](const char* what) {
            return errorf(ErrorKind::kUnsupported,
                          "{} models with {} do not fit QuIP#'s layout, which has Llama's only", config_.architecture,
                          what);
        };
        if (config_.qk_norm) return refuse("norms of queries and keys");
        if (config_.qkv_bias || config_.o_bias || config_.mlp_bias) return refuse("biases");
        if (config_.full_attention_limit) return refuse("a sliding window");
        if (config_.family != "llama" && config_.family != "mistral") return refuse("this model_type");
        return {};
    }

    Result<void> find(const QuipModule& module, std::int64_t layer) {
        Found found{module, {}, nullptr};
        for (const LinearShape& linear : layer_linears(config_, layer)) {
            std::vector<std::string> parts;
            for (const LinearPart& part : linear.parts) parts.push_back(part.module);
            if (parts.empty()) parts.push_back(linear.module);
            if (parts == module.parts) found.linear = linear;
        }
        const std::string name =
            module.parts.size() == 1 ? module.module : fmt::format("{}", fmt::join(module.parts, ", "));
        if (found.linear.module.empty()) {
            return errorf(ErrorKind::kUnsupported, "QuIP#'s layout has {} in one module of rows in this order", name)
                .with_hint("quantize with quip-sharp's fused recipe");
        }
        const auto packed = config_.packed.find(found.linear.module);
        if (packed == config_.packed.end() || packed->second.format->id != std::string_view("e8p")) {
            return errorf(ErrorKind::kUnsupported, "module '{}' is {}, QuIP#'s layout has e8p only",
                          found.linear.module,
                          packed == config_.packed.end() ? "not quantized" : packed->second.format->id);
        }
        found.packed = &packed->second;
        for (const auto& [side, use] :
             {std::pair<const char*, const LinearTransform*>{"in", &found.packed->in}, {"out", &found.packed->out}}) {
            if (use->transform->id == std::string_view("rht")) continue;
            return errorf(ErrorKind::kUnsupported,
                          "module '{}': its {} transform is {}, QuIP#'s layout has rht on both sides",
                          found.linear.module, side, use->transform->id);
        }
        const auto params = e8p_params(found.packed->params, {found.linear.out, found.linear.in});
        if (modules_.empty()) params_ = params.value();
        if (params->bits != params_.bits || params->residual != params_.residual) {
            return errorf(ErrorKind::kUnsupported,
                          "module '{}' has other parameters than '{}'; QuIP#'s layout has one codebook",
                          found.linear.module, modules_.front().linear.module);
        }
        DWUBIT_TRY(e8p::quip_shape({found.linear.out, found.linear.in}, params_.bits)
                       .context(fmt::format("module '{}'", found.linear.module)));
        modules_.push_back(std::move(found));
        return {};
    }

    Result<void> add_module(const Found& found, Shard& shard) {
        const TensorTable& table = model_.directory.tensors;
        const LinearShape& linear = found.linear;
        const std::string where = fmt::format("module '{}'", linear.module);
        const Shape matrix = {linear.out, linear.in};
        const PackedView view = packed_view(table, linear, *found.packed);
        DWUBIT_TRY(check_packed(*found.packed->format, view, where));
        DWUBIT_ASSIGN(Codes codes, found.packed->format->unpack(view).context(where));
        std::vector<std::uint32_t> wide;
        if (params_.bits == 2) {
            const auto narrow = codes.find("codes")->as<std::uint16_t>();
            wide.assign(narrow.begin(), narrow.end());
        } else {
            const auto list = codes.find("codes")->as<std::uint32_t>();
            wide.assign(list.begin(), list.end());
        }
        const std::vector<std::uint64_t> words = e8p::to_quip(wide, matrix, params_.bits);
        if (e8p::from_quip(words, matrix, params_.bits) != wide) {
            return errorf(ErrorKind::kInternal, "{}: the codes came back changed from QuIP#'s layout", where);
        }
        const std::string name = found.module.module + ".";
        DWUBIT_ASSIGN(const Shape shape, e8p::quip_shape(matrix, params_.bits));
        shard.add<std::uint64_t>(name + "Qidxs", DType::kI64, shape, words);
        const std::int64_t id = codebook().id;
        shard.add<std::int64_t>(name + "codebook_id", DType::kI64, {}, {&id, 1});
        const float one = 1;
        shard.add<float>(name + "Wscale", DType::kF32, {}, {&one, 1});
        DWUBIT_TRY(add_factors(found, codes.find("scales")->as<float>()[0], name, where, shard));
        return {};
    }

    // SU; SV, which has the scale in it; the scales of parts, which come out of SV where there are several.
    Result<void> add_factors(const Found& found, float scale, const std::string& name, const std::string& where,
                             Shard& shard) {
        const TensorTable& table = model_.directory.tensors;
        const auto factors_of = [&](Side side) -> Result<std::vector<float>> {
            const LinearTransform& use = side == Side::kIn ? found.packed->in : found.packed->out;
            DWUBIT_ASSIGN(
                const auto bound,
                bind_transform(*use.transform, use.params, side == Side::kIn ? found.linear.in : found.linear.out, side,
                               transform_view(table, found.linear, *found.packed, side), where));
            return std::vector<float>(bound->factors().begin(), bound->factors().end());
        };
        DWUBIT_ASSIGN(const std::vector<float> in, factors_of(Side::kIn));
        DWUBIT_ASSIGN(const std::vector<float> out, factors_of(Side::kOut));
        std::vector<F16> su;
        for (const float factor : in) DWUBIT_TRY(add_f16(factor, su, where + ": SU"));
        std::vector<F16> sv;
        std::vector<float> part_scales;
        std::size_t row = 0;
        std::vector<std::int64_t> parts;
        for (const LinearPart& part : found.linear.parts) parts.push_back(part.rows);
        if (parts.empty()) parts.push_back(found.linear.out);
        for (const std::int64_t rows : parts) {
            const auto end = row + static_cast<std::size_t>(rows);
            float largest = 0;
            for (std::size_t r = row; r < end; ++r) largest = std::max(largest, std::abs(out[r]));
            // with signs alone in `out` SV is exact: +1 and -1
            const float part_scale = parts.size() == 1 ? 1 : largest == 0 ? scale : scale * largest;
            const double factor = static_cast<double>(scale) / static_cast<double>(part_scale == 0 ? 1 : part_scale);
            for (; row < end; ++row) DWUBIT_TRY(add_f16(factor * static_cast<double>(out[row]), sv, where + ": SV"));
            part_scales.push_back(part_scale);
        }
        shard.add<F16>(name + "SU", DType::kF16, {found.linear.in}, su);
        shard.add<F16>(name + "SV", DType::kF16, {found.linear.out}, sv);
        if (part_scales.size() > 1) {
            shard.add<float>(name + "fuse_scales", DType::kF32, {static_cast<std::int64_t>(part_scales.size())},
                             part_scales);
        }
        return {};
    }

    Result<void> add_f16(double value, std::vector<F16>& list, const std::string& what) {
        const F16 half = to_f16(static_cast<float>(value));
        if (!std::isfinite(to_float(half))) {
            return errorf(ErrorKind::kUnsupported, "{} is {} at {}, outside the range of F16", what, value,
                          list.size());
        }
        if (value != 0) {
            factor_rounding_ = std::max(factor_rounding_, std::abs(static_cast<double>(to_float(half)) / value - 1));
        }
        list.push_back(half);
        return {};
    }

    // The tensors of a layer, or those outside the layers, that are no linears of it; as F16.
    Result<void> add_rest(std::int64_t layer, Shard& shard) const {
        std::set<std::string> skipped;
        for (const Found& found : modules_) {
            for (const TensorView& buffer : stored_buffers(model_.directory.tensors, found.linear, *found.packed)) {
                skipped.insert(found.linear.module + "." + buffer.name);
            }
        }
        for (const auto& [name, tensor] : model_.directory.tensors.tensors()) {
            if (layer_of(config_, name).value_or(config_.layers) != layer || skipped.count(name) != 0) continue;
            if (!name.ends_with(".weight")) continue;  // rotary tables, which the loader computes
            DWUBIT_TRY(add_weight(name, tensor, shard));
            // the loader has a head of its own always
            if (config_.tied_embeddings && name == global_tensor_names(config_).embedding + ".weight") {
                DWUBIT_TRY(add_weight("lm_head.weight", tensor, shard));
            }
        }
        return {};
    }

    static Result<void> add_weight(const std::string& name, const TensorView& tensor, Shard& shard) {
        std::int64_t count = 0;
        if (!element_count(tensor.shape, &count))
            return errorf(ErrorKind::kInvalidInput, "tensor '{}' is too large", name);
        std::vector<float> values(static_cast<std::size_t>(count));
        DWUBIT_TRY(read_as_f32(tensor, values));
        std::vector<F16> halves;
        halves.reserve(values.size());
        for (const float value : values) {
            halves.push_back(to_f16(value));
            if (std::isfinite(to_float(halves.back()))) continue;
            return errorf(ErrorKind::kUnsupported, "tensor '{}': {} at {} is outside the range of F16", name, value,
                          halves.size() - 1);
        }
        shard.add<F16>(name, DType::kF16, tensor.shape, halves);
        return {};
    }

    const QuipCodebook& codebook() const {
        return *std::find_if(std::begin(kQuipCodebooks), std::end(kQuipCodebooks),
                             [&](const QuipCodebook& c) { return c.bits == params_.bits; });
    }

    Json config_json() const {
        Json config = model_.directory.config;
        config.erase("quantization_config");
        config.erase("sliding_window");
        config["architectures"] = Json::array({"LlamaForCausalLM"});
        config["model_type"] = "llama";
        config["tie_word_embeddings"] = false;
        config["torch_dtype"] = "float16";
        const bool stock = params_.bits == 2 || params_.residual == E8pParams::default_residual(params_.bits);
        config["quip_params"] = {{"lora_rank", 0},
                                 {"rescale_WH", false},
                                 {"codebook", codebook().name},
                                 {"codebook_version", codebook().version},
                                 {"codesz", 8},
                                 {"idx_dtype", "torch.int64"},
                                 {"packsz", codebook().packsz},
                                 {"resid_scale_override", stock ? Json(-1) : Json(params_.residual)},
                                 {"model_version", 1}};
        if (params_.bits != 3) config["quip_params"]["packsz"] = static_cast<int>(codebook().packsz);
        return config;
    }

    const OpenModel& model_;
    const ModelConfig& config_;
    FolderWriter& writer_;
    E8pParams params_;
    std::vector<Found> modules_;
    double factor_rounding_ = 0;
};

}  // namespace

Result<QuipSharpExport> export_quip_sharp(const fs::path& model, const fs::path& out, bool overwrite,
                                          ThreadPool& /*pool*/, ProgressSink& progress) {
    DWUBIT_ASSIGN(const OpenModel opened, open_model(model));
    std::error_code code;
    const fs::path place = fs::canonical(model, code);
    RunIdentity identity = {
        {"command", "export"}, {"model", printable((code ? model : place).string(), 4096)}, {"to", "quip-sharp"}};
    // Nothing is made before it is known that it can be.
    FolderWriter nowhere({}, 0);
    DWUBIT_TRY(Exporter(opened, nowhere).check());
    DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, std::move(identity), overwrite));
    FolderWriter writer(folder.partial(), opened.config.layers + 1);
    Exporter exporter(opened, writer);
    DWUBIT_TRY(exporter.check());
    auto written = exporter.write(progress);
    if (!written.ok()) {
        folder.keep_if_resumable(written.error());
        return std::move(written).error();
    }
    DWUBIT_TRY(folder.finish());
    DWUBIT_ASSIGN(const std::uint64_t bytes, folder_bytes(out));
    return QuipSharpExport{bytes, exporter.modules(), exporter.factor_rounding()};
}

}  // namespace dwubit
