#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "convert/llama_import.h"
#include "convert/quip_sharp.h"
#include "convert/quip_sharp_names.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/quip_layout.h"

namespace dwubit {
namespace {

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

class Importer final : public LlamaImporter {
public:
    Importer(const HfDir& directory, const ModelConfig& config, const E8pParams& params)
        : LlamaImporter(directory, config), params_(params) {}

private:
    Result<void> add_layer(std::int64_t layer, Shard& shard) override {
        for (const QuipModule& module : quip_modules(config(), layer)) {
            DWUBIT_TRY(add_module(module, layer, shard).context(fmt::format("module '{}'", module.module)));
        }
        return {};
    }

    LinearShape shape_of(const QuipModule& module, std::int64_t layer) const {
        LinearShape shape{module.module, 0, 0, false, {}};
        for (const std::string& part : module.parts) {
            for (const LinearShape& linear : model_linears(config(), layer)) {
                if (linear.module != part) continue;
                shape.in = linear.in;
                shape.out += linear.out;
                shape.parts.push_back({part, linear.out});
            }
        }
        return shape;
    }

    Result<Codes> read_codes(const LinearShape& linear, float scale) {
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
        return codes;
    }

    Result<void> add_module(const QuipModule& module, std::int64_t layer, Shard& shard) {
        const LinearShape linear = shape_of(module, layer);
        const bool fused = module.parts.size() > 1;
        DWUBIT_ASSIGN(const std::vector<float> su, floats(module.module, "SU", linear.in));
        DWUBIT_ASSIGN(std::vector<float> sv, floats(module.module, "SV", linear.out));
        DWUBIT_ASSIGN(const std::vector<float> scale, floats(module.module, "Wscale", 1));
        DWUBIT_ASSIGN(const Codes codes, read_codes(linear, scale[0]));
        if (fused) {
            DWUBIT_ASSIGN(const std::vector<float> scales,
                          floats(module.module, "fuse_scales", static_cast<std::int64_t>(linear.parts.size())));
            std::size_t row = 0;
            for (std::size_t i = 0; i < linear.parts.size(); ++i) {
                for (std::int64_t r = 0; r < linear.parts[i].rows; ++r) sv[row++] *= scales[i];
            }
        }
        return add(linear, codes, su, sv, fused ? module.parts : std::vector<std::string>(), e8p_format(), shard);
    }

    const E8pParams& params_;
};

}  // namespace

Result<QuipSharpImport> import_quip_sharp(const std::filesystem::path& model, const std::filesystem::path& out,
                                          bool overwrite, ThreadPool& /*pool*/, ProgressSink& progress) {
    DWUBIT_ASSIGN(const HfDir directory, open_hf_dir(model));
    const std::string where = "model " + model.string();
    const Json* const generation = directory.generation_config ? &*directory.generation_config : nullptr;
    DWUBIT_ASSIGN(const E8pParams params, read_quip_params(directory.config).context(where));
    DWUBIT_ASSIGN(const ModelConfig config, read_model_config(directory.config, generation).context(where));
    Importer importer(directory, config, params);
    DWUBIT_ASSIGN(const LlamaImported done,
                  run_llama_import(importer, directory, config, kQuipSharpLayout, out, overwrite, progress));
    return QuipSharpImport{done.bytes, done.modules, params.bits};
}

}  // namespace dwubit
