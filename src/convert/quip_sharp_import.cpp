#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <set>

#include "base/error.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/text.h"
#include "checkpoint/hf_dir.h"
#include "checkpoint/quantization_config.h"
#include "convert/folder_writer.h"
#include "convert/quip_sharp.h"
#include "convert/quip_sharp_names.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/quip_layout.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWhere = "config.json: quip_params";

// What quip_params says, as far as it decides what the tensors mean.
Result<E8pParams> read_quip_params(const Json& config) {
    const Fields outer(config, "config.json");
    DWUBIT_ASSIGN(const Json* json, outer.object("quip_params"));
    const Fields fields(*json, kWhere);
    DWUBIT_ASSIGN(const std::string name, fields.string("codebook"));
    const auto* const book = std::find_if(std::begin(kQuipCodebooks), std::end(kQuipCodebooks),
                                          [&](const QuipCodebook& c) { return name == c.name; });
    if (book == std::end(kQuipCodebooks)) return fields.invalid("codebook", "E8P12, E8P12RVQ3B or E8P12RVQ4B");
    DWUBIT_ASSIGN(const std::int64_t version, fields.integer("codebook_version", 0, 1000, 0));
    if (version != book->version) {
        return errorf(ErrorKind::kUnsupported,
                      "{}: codebook_version {} of {} is packed in another way; this build reads {}", kWhere, version,
                      name, book->version);
    }
    DWUBIT_ASSIGN(const std::int64_t rank, fields.integer("lora_rank", 0, 1 << 20, 0));
    if (rank != 0) return errorf(ErrorKind::kUnsupported, "{}: lora_rank {} is not supported", kWhere, rank);
    DWUBIT_ASSIGN(const bool rescale, fields.boolean("rescale_WH", false));
    if (rescale) return errorf(ErrorKind::kUnsupported, "{}: rescale_WH is not supported", kWhere);
    E8pParams params;
    params.bits = book->bits;
    DWUBIT_ASSIGN(const double residual, fields.number("resid_scale_override", -1e6, 1e6, -1.0));
    if (params.bits > 2) params.residual = residual > 0 ? residual : E8pParams::default_residual(params.bits);
    return params;
}

// Tensors of a shard and the memory of those that are made here.
struct Shard {
    std::deque<std::vector<std::byte>> owned;
    std::vector<TensorToWrite> tensors;

    void add(std::string name, DType dtype, Shape shape, std::vector<std::byte> bytes) {
        owned.push_back(std::move(bytes));
        tensors.push_back({std::move(name), dtype, std::move(shape), owned.back()});
    }
};

class Importer {
public:
    Importer(const HfDir& directory, const ModelConfig& config, const E8pParams& params)
        : directory_(directory), config_(config), params_(params) {}

    Result<void> write(FolderWriter& writer, ProgressSink& progress) {
        progress.begin("import", config_.layers + 1, "shards");
        for (std::int64_t layer = 0; layer <= config_.layers; ++layer) {
            Shard shard;
            if (layer < config_.layers) {
                for (const QuipModule& module : quip_modules(config_, layer)) {
                    DWUBIT_TRY(add_module(module, layer, shard).context(fmt::format("module '{}'", module.module)));
                }
            }
            for (const auto& [name, tensor] : directory_.tensors.tensors()) {
                if (layer_of(config_, name).value_or(config_.layers) != layer || used_.count(name) != 0) continue;
                if (!name.ends_with(".weight")) continue;  // constants of QuIP#'s own modules
                shard.tensors.push_back({name, tensor.dtype, tensor.shape, tensor.bytes});
            }
            DWUBIT_TRY(writer.write(std::move(shard.tensors)));
            progress.update(layer + 1);
        }
        progress.end();
        Json config = directory_.config;
        config.erase("quip_params");
        config["quantization_config"] = to_json(quantization_);
        return writer.finish(dump_json(config, 2) + "\n", directory_);
    }

    std::int64_t modules() const { return static_cast<std::int64_t>(quantization_.modules.size()); }

private:
    // A tensor of `module` with this dtype and shape.
    Result<const TensorView*> tensor(const std::string& module, const char* field, DType dtype, const Shape& shape) {
        const std::string name = module + "." + field;
        DWUBIT_ASSIGN(const TensorView* found, directory_.tensors.require(name));
        used_.insert(name);
        if (found->dtype == dtype && found->shape == shape) return found;
        return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is {} {}, expected {} {}", found->file, name,
                      dtype_name(found->dtype), to_string(found->shape), dtype_name(dtype), to_string(shape));
    }

    // SU, SV, Wscale, fuse_scales: of any float dtype.
    Result<std::vector<float>> floats(const std::string& module, const char* field, std::int64_t count) {
        const std::string name = module + "." + field;
        DWUBIT_ASSIGN(const TensorView* found, directory_.tensors.require(name));
        used_.insert(name);
        std::int64_t elements = 0;
        if (!element_count(found->shape, &elements) || elements != count) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' has shape {}, expected {} values", found->file,
                          name, to_string(found->shape), count);
        }
        std::vector<float> values(static_cast<std::size_t>(count));
        DWUBIT_TRY(read_as_f32(*found, values));
        for (const float value : values) {
            if (std::isfinite(value)) continue;
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' has a value that is not finite", found->file,
                          name);
        }
        return values;
    }

    LinearShape shape_of(const QuipModule& module, std::int64_t layer) const {
        LinearShape shape{module.module, 0, 0, false, {}};
        for (const std::string& part : module.parts) {
            for (const LinearShape& linear : model_linears(config_, layer)) {
                if (linear.module != part) continue;
                shape.in = linear.in;
                shape.out += linear.out;
                shape.parts.push_back({part, linear.out});
            }
        }
        return shape;
    }

    Result<void> add_codes(const LinearShape& linear, float scale, Shard& shard) {
        const Shape matrix = {linear.out, linear.in};
        DWUBIT_ASSIGN(const Shape shape, e8p::quip_shape(matrix, params_.bits));
        DWUBIT_ASSIGN(const TensorView* qidxs, tensor(linear.module, "Qidxs", DType::kI64, shape));
        std::vector<std::uint64_t> words(qidxs->bytes.size() / sizeof(std::uint64_t));
        std::memcpy(words.data(), qidxs->bytes.data(), qidxs->bytes.size());
        const std::vector<std::uint32_t> list = e8p::from_quip(words, matrix, params_.bits);
        if (e8p::to_quip(list, matrix, params_.bits) != words) {
            return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}.Qidxs' has bits that stand for no code",
                          qidxs->file, linear.module);
        }
        const Format& format = e8p_format();
        Codes codes{matrix, dwubit::to_json(params_), {}};
        for (const FieldSpec& spec : format.code_fields(codes.params, matrix)) codes.fields.push_back(make_field(spec));
        if (params_.bits == 2) {
            std::transform(list.begin(), list.end(), codes.find("codes")->as<std::uint16_t>().begin(),
                           [](std::uint32_t code) { return static_cast<std::uint16_t>(code); });
        } else {
            std::copy(list.begin(), list.end(), codes.find("codes")->as<std::uint32_t>().begin());
        }
        codes.find("scales")->as<float>()[0] = scale;
        DWUBIT_ASSIGN(PackedTensor packed, format.pack(codes));
        for (Field& buffer : packed.buffers) {
            shard.add(linear.module + "." + buffer.name, buffer.dtype, buffer.shape, std::move(buffer.bytes));
        }
        return {};
    }

    // The factors as rht stores them: in F16 where that is exact.
    Result<TransformUse> add_factors(const LinearShape& linear, Side side, const std::vector<float>& factors,
                                     Shard& shard) {
        const Transform& rht = *find_transform("rht").value();
        const auto n = static_cast<std::int64_t>(factors.size());
        for (const char* sign : {"bit", "f16", "f32"}) {
            DWUBIT_ASSIGN(const Json params, rht.check_params({{"sign", sign}}, n));
            auto bytes = rht.write(params, n, factors);
            if (!bytes.ok()) continue;
            const std::vector<TransformField> fields = rht.fields(params, n, side);
            shard.add(linear.module + "." + fields[0].name, fields[0].dtype, fields[0].shape, std::move((*bytes)[0]));
            return TransformUse{"rht", params};
        }
        return errorf(ErrorKind::kInvalidInput, "factors that are not finite");
    }

    Result<void> add_module(const QuipModule& module, std::int64_t layer, Shard& shard) {
        const LinearShape linear = shape_of(module, layer);
        const bool fused = module.parts.size() > 1;
        DWUBIT_ASSIGN(const std::vector<float> su, floats(module.module, "SU", linear.in));
        DWUBIT_ASSIGN(std::vector<float> sv, floats(module.module, "SV", linear.out));
        DWUBIT_ASSIGN(const std::vector<float> scale, floats(module.module, "Wscale", 1));
        DWUBIT_TRY(add_codes(linear, scale[0], shard));
        if (fused) {
            DWUBIT_ASSIGN(const std::vector<float> scales,
                          floats(module.module, "fuse_scales", static_cast<std::int64_t>(linear.parts.size())));
            std::size_t row = 0;
            for (std::size_t i = 0; i < linear.parts.size(); ++i) {
                for (std::int64_t r = 0; r < linear.parts[i].rows; ++r) sv[row++] *= scales[i];
            }
            std::vector<std::string>& parts = quantization_.fused[module.module];
            for (const std::string& part : module.parts) parts.push_back(part.substr(part.rfind('.') + 1));
        }
        ModuleQuantization quantized{"e8p", e8p_format().version, dwubit::to_json(params_), {}, {}};
        DWUBIT_ASSIGN(quantized.in, add_factors(linear, Side::kIn, su, shard));
        DWUBIT_ASSIGN(quantized.out, add_factors(linear, Side::kOut, sv, shard));
        quantization_.modules[module.module] = std::move(quantized);
        return {};
    }

    const HfDir& directory_;
    const ModelConfig& config_;
    const E8pParams& params_;
    QuantizationConfig quantization_;
    std::set<std::string> used_;
};

}  // namespace

Result<QuipSharpImport> import_quip_sharp(const fs::path& model, const fs::path& out, bool overwrite,
                                          ThreadPool& /*pool*/, ProgressSink& progress) {
    DWUBIT_ASSIGN(const HfDir directory, open_hf_dir(model));
    const std::string where = "model " + model.string();
    const Json* const generation = directory.generation_config ? &*directory.generation_config : nullptr;
    DWUBIT_ASSIGN(const E8pParams params, read_quip_params(directory.config).context(where));
    DWUBIT_ASSIGN(const ModelConfig config, read_model_config(directory.config, generation).context(where));
    std::error_code code;
    const fs::path place = fs::canonical(model, code);
    RunIdentity identity = {
        {"command", "import"}, {"model", printable((code ? model : place).string(), 4096)}, {"from", "quip-sharp"}};
    DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, std::move(identity), overwrite));
    FolderWriter writer(folder.partial(), config.layers + 1);
    Importer importer(directory, config, params);
    auto written = importer.write(writer, progress);
    if (!written.ok()) {
        folder.keep_if_resumable(written.error());
        return std::move(written).context(where).error();
    }
    DWUBIT_TRY(folder.finish());
    DWUBIT_ASSIGN(const std::uint64_t bytes, folder_bytes(out));
    return QuipSharpImport{bytes, importer.modules(), params.bits};
}

}  // namespace dwubit
