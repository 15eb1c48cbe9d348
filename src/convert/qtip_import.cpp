#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/float16.h"
#include "base/text.h"
#include "convert/llama_import.h"
#include "convert/qtip.h"
#include "convert/qtip_names.h"
#include "runtime/formats/trellis/qtip_layout.h"
#include "runtime/formats/trellis/trellis.h"

namespace dwubit {
namespace {

constexpr const char* kWhere = "config.json: quip_params";

// What quip_params says, as far as it decides what the tensors mean.
struct QtipParams {
    TrellisParams all;
    int value_bits = 0;             // of v_proj
    std::set<std::string> skipped;  // "0_v"
};

Result<TrellisCode> read_code(const Fields& fields) {
    DWUBIT_ASSIGN(const std::string mode, fields.string("decode_mode"));
    for (const TrellisCode code : {TrellisCode::k1Mad, TrellisCode::k3Inst, TrellisCode::kHyb}) {
        if (mode == *trellis::qtip_decode_mode(code)) return code;
    }
    return fields.invalid("decode_mode", "1mad, 3inst or quantlut_sym");
}

// A member that must have this value.
Result<void> expect(const Fields& fields, const char* key, std::int64_t value) {
    DWUBIT_ASSIGN(const std::int64_t found, fields.integer(key, 0, 1 << 20));
    if (found == value) return {};
    return errorf(ErrorKind::kUnsupported, "{}: {} is {}, this build reads {}", kWhere, key, found, value);
}

Result<std::set<std::string>> read_skip_list(const Fields& fields) {
    std::set<std::string> skipped;
    if (!fields.has("skip_list")) return skipped;
    DWUBIT_ASSIGN(const Json* list, fields.array("skip_list"));
    for (const Json& name : *list) {
        if (!name.is_string()) return fields.invalid("skip_list", "a list of names such as \"0_v\"");
        skipped.insert(name.get<std::string>());
    }
    return skipped;
}

Result<QtipParams> read_quip_params(const Json& config) {
    const Fields outer(config, "config.json");
    DWUBIT_ASSIGN(const Json* json, outer.object("quip_params"));
    const Fields fields(*json, kWhere);
    DWUBIT_ASSIGN(const std::string codebook, fields.string("codebook"));
    if (codebook != "bitshift") return fields.invalid("codebook", "bitshift");
    DWUBIT_TRY(expect(fields, "codebook_version", 0));
    QtipParams params;
    DWUBIT_ASSIGN(params.all.code, read_code(fields));
    DWUBIT_TRY(expect(fields, "L", kTrellisStateBits));
    DWUBIT_TRY(expect(fields, "V", trellis_step_values(params.all.code)));
    DWUBIT_TRY(expect(fields, "td_x", kTrellisTile));
    DWUBIT_TRY(expect(fields, "td_y", kTrellisTile));
    if (params.all.code == TrellisCode::kHyb) DWUBIT_TRY(expect(fields, "tlut_bits", kHybTableBits));
    DWUBIT_ASSIGN(const std::int64_t bits, fields.integer("K", 1, 4));
    DWUBIT_ASSIGN(const std::int64_t value_bits, fields.integer("K_v_proj", 1, 4, bits));
    params.all.bits = static_cast<int>(bits);
    params.value_bits = static_cast<int>(value_bits);
    DWUBIT_ASSIGN(const bool split, fields.boolean("split_for_tp", false));
    if (split) return errorf(ErrorKind::kUnsupported, "{}: split_for_tp is not supported", kWhere);
    DWUBIT_ASSIGN(params.skipped, read_skip_list(fields));
    return params;
}

class Importer final : public LlamaImporter {
public:
    Importer(const HfDir& directory, const ModelConfig& config, const QtipParams& params)
        : LlamaImporter(directory, config), params_(params) {}

private:
    Result<void> add_layer(std::int64_t layer, Shard& shard) override {
        const std::vector<LinearShape> linears = model_linears(config(), layer);
        for (const QtipModule& module : qtip_modules(config(), layer)) {
            if (params_.skipped.count(fmt::format("{}_{}", layer, module.leaf)) != 0) continue;  // a plain linear
            const auto linear = std::find_if(linears.begin(), linears.end(),
                                             [&](const LinearShape& shape) { return shape.module == module.module; });
            TrellisParams params = params_.all;
            if (module.value) params.bits = params_.value_bits;
            DWUBIT_TRY(add_module(*linear, params, shard).context(fmt::format("module '{}'", module.module)));
        }
        return {};
    }

    // The tensor-parallel variant has other transforms.
    Result<void> check_whole(const std::string& module) {
        optional_tensor(module, "tp_rank");
        const TensorView* const rcp = optional_tensor(module, "rcp");  // older checkpoints have none
        if (rcp == nullptr) return {};
        DWUBIT_ASSIGN(const TensorView* found, tensor(module, "rcp", DType::kI64, rcp->shape));
        const bool zero =
            std::all_of(found->bytes.begin(), found->bytes.end(), [](std::byte b) { return b == std::byte{0}; });
        if (zero) return {};
        return errorf(ErrorKind::kUnsupported,
                      "{}: tensor '{}.rcp' is not 0: transforms of tensor-parallel parts are not "
                      "supported",
                      found->file, module);
    }

    // In F16, as QTIP's loader holds it.
    Result<void> read_table(const std::string& module, Field& to) {
        DWUBIT_ASSIGN(const std::vector<float> table, floats(module, "tlut", kHybTableSize));
        const std::span<F16> halves = to.as<F16>();
        for (std::size_t i = 0; i < table.size(); ++i) {
            halves[i] = to_f16(table[i]);
            if (std::isfinite(to_float(halves[i]))) continue;
            return errorf(ErrorKind::kInvalidInput, "tensor '{}.tlut': {} at {} is outside the range of F16", module,
                          table[i], i);
        }
        return {};
    }

    Result<void> add_module(const LinearShape& linear, const TrellisParams& params, Shard& shard) {
        const Shape matrix = {linear.out, linear.in};
        const Format& format = trellis_format();
        DWUBIT_TRY(check_whole(linear.module));
        DWUBIT_ASSIGN(const Shape shape, trellis::qtip_shape(matrix, params));
        DWUBIT_ASSIGN(const TensorView* stored, tensor(linear.module, "trellis", DType::kI16, shape));
        std::vector<std::uint16_t> words(stored->bytes.size() / sizeof(std::uint16_t));
        std::memcpy(words.data(), stored->bytes.data(), stored->bytes.size());
        DWUBIT_ASSIGN(const std::vector<float> su, floats(linear.module, "SU", linear.in));
        DWUBIT_ASSIGN(std::vector<float> sv, floats(linear.module, "SV", linear.out));
        DWUBIT_ASSIGN(const Json checked, format.check_params(to_json(params), matrix));
        Codes codes{matrix, checked, {}};
        for (const FieldSpec& spec : format.code_fields(checked, matrix)) codes.fields.push_back(make_field(spec));
        const std::vector<std::uint8_t> list = trellis::from_qtip(words, matrix, params);
        std::copy(list.begin(), list.end(), codes.find("codes")->as<std::uint8_t>().begin());
        codes.find("scales")->as<float>()[0] = take_scale(sv);
        if (Field* const table = codes.find("codebook.0"); table != nullptr) {
            DWUBIT_TRY(read_table(linear.module, *table));
        }
        return add(linear, codes, su, sv, {}, format, shard);
    }

    // The size that all factors have becomes the scale, and they signs; fine-tuned ones stay as they are.
    static float take_scale(std::vector<float>& factors) {
        const float size = std::abs(factors.front());
        const auto same = [&](float factor) { return std::abs(factor) == size; };
        if (!std::all_of(factors.begin(), factors.end(), same)) return 1;
        for (float& factor : factors) factor = std::signbit(factor) ? -1.0f : 1.0f;
        return size;
    }

    const QtipParams& params_;
};

}  // namespace

Result<QtipImport> import_qtip(const std::filesystem::path& model, const std::filesystem::path& out, bool overwrite,
                               ProgressSink& progress) {
    DWUBIT_ASSIGN(const HfDir directory, open_hf_dir(model));
    const std::string where = "model " + model.string();
    const Json* const generation = directory.generation_config ? &*directory.generation_config : nullptr;
    DWUBIT_ASSIGN(const QtipParams params, read_quip_params(directory.config).context(where));
    DWUBIT_ASSIGN(const ModelConfig config, read_model_config(directory.config, generation).context(where));
    Importer importer(directory, config, params);
    DWUBIT_ASSIGN(const LlamaImported done,
                  run_llama_import(importer, directory, config, kQtipLayout, out, overwrite, progress));
    return QtipImport{done.bytes, done.modules, trellis_code_name(params.all.code), params.all.bits};
}

}  // namespace dwubit
