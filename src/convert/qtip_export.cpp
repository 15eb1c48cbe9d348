#include <algorithm>
#include <optional>

#include "base/error.h"
#include "convert/llama_export.h"
#include "convert/qtip.h"
#include "convert/qtip_names.h"
#include "runtime/formats/trellis/qtip_layout.h"
#include "runtime/formats/trellis/trellis.h"

namespace dwubit {
namespace {

class Exporter final : public LlamaExporter {
public:
    explicit Exporter(const OpenModel& model) : LlamaExporter(model, kQtipLayout) {}

private:
    struct Seen {
        std::string module;
        TrellisParams params;
    };

    Result<void> find_layer(std::int64_t layer) override {
        if (layer == 0) start();
        const std::vector<LinearShape> linears = layer_linears(config(), layer);
        for (const QtipModule& module : qtip_modules(config(), layer)) {
            const auto linear = std::find_if(linears.begin(), linears.end(),
                                             [&](const LinearShape& shape) { return shape.module == module.module; });
            if (linear == linears.end()) {
                return errorf(ErrorKind::kUnsupported, "'{}' is fused with others, in QTIP's layout it stands alone",
                              module.module)
                    .with_hint("quantize with fuse=no");
            }
            if (config().packed.count(module.module) == 0) {
                skipped_.push_back(fmt::format("{}_{}", layer, module.leaf));
                continue;
            }
            DWUBIT_TRY(find(module.module, *linear, "trellis"));
            DWUBIT_TRY(check_params(module, *linear));
        }
        if (layer + 1 == config().layers && found().empty()) {
            return errorf(ErrorKind::kUnsupported, "no linear is in format trellis");
        }
        return {};
    }

    void start() {
        first_.reset();
        value_.reset();
        skipped_.clear();
    }

    Result<void> check_params(const QtipModule& module, const LinearShape& linear) {
        const Shape matrix = {linear.out, linear.in};
        const TrellisParams params = trellis_params(found().back().packed->params, matrix).value();
        const std::string name = where(found().back());
        DWUBIT_TRY(trellis::qtip_decode_mode(params.code).context(name));
        DWUBIT_TRY(trellis::qtip_shape(matrix, params).context(name));
        std::optional<Seen>& seen = module.value ? value_ : first_;
        if (!seen) seen = Seen{module.module, params};
        const Seen& any = first_ ? *first_ : *value_;
        if (params.code != any.params.code) {
            return errorf(ErrorKind::kUnsupported, "{} has another code than '{}', QTIP's layout has one", name,
                          any.module);
        }
        if (params.bits != seen->params.bits) {
            return errorf(ErrorKind::kUnsupported,
                          "{} has {} bits, '{}' has {}; in QTIP's layout all have as many, but for v_proj", name,
                          params.bits, seen->module, seen->params.bits);
        }
        return {};
    }

    Result<void> add_module(const Module& module, Shard& shard) override {
        const Shape matrix = {module.linear.out, module.linear.in};
        const TrellisParams params = trellis_params(module.packed->params, matrix).value();
        DWUBIT_ASSIGN(const Codes codes, unpack(module));
        const std::span<const std::uint8_t> list = codes.find("codes")->as<std::uint8_t>();
        const std::vector<std::uint16_t> words = trellis::to_qtip(list, matrix, params);
        const std::vector<std::uint8_t> back = trellis::from_qtip(words, matrix, params);
        if (!std::equal(back.begin(), back.end(), list.begin(), list.end())) {
            return errorf(ErrorKind::kInternal, "{}: the codes came back changed from QTIP's layout", where(module));
        }
        const std::string name = module.name + ".";
        DWUBIT_ASSIGN(const Shape shape, trellis::qtip_shape(matrix, params));
        shard.add<std::uint16_t>(name + "trellis", DType::kI16, shape, words);
        if (const Field* const table = codes.find("codebook.0"); table != nullptr) {
            shard.add(name + "tlut", DType::kF16, table->shape, table->bytes);
        }
        const std::int64_t none = 0;
        shard.add<std::int64_t>(name + "rcp", DType::kI64, {}, {&none, 1});
        shard.add<std::int64_t>(name + "tp_rank", DType::kI64, {}, {&kQtipTensorParallelRank, 1});
        return add_factors(module, codes.find("scales")->as<float>()[0], name, shard);
    }

    // SU in the model's dtype; SV in F32 with the scale in it.
    Result<void> add_factors(const Module& module, float scale, const std::string& name, Shard& shard) {
        DWUBIT_ASSIGN(const std::vector<float> in, factors(module, Side::kIn));
        DWUBIT_ASSIGN(std::vector<float> out, factors(module, Side::kOut));
        std::vector<F16> su;
        for (const float factor : in) DWUBIT_TRY(append_f16(factor, su, where(module) + ": SU"));
        for (float& factor : out) factor *= scale;
        shard.add<F16>(name + "SU", DType::kF16, {module.linear.in}, su);
        shard.add<float>(name + "SV", DType::kF32, {module.linear.out}, out);
        return {};
    }

    Json quip_params() const override {
        const TrellisParams& params = first_ ? first_->params : value_->params;
        const bool table = params.code == TrellisCode::kHyb;
        Json json = {{"codebook", "bitshift"},
                     {"codebook_version", 0},
                     {"L", kTrellisStateBits},
                     {"K", params.bits},
                     {"V", trellis_step_values(params.code)},
                     {"tlut_bits", table ? kHybTableBits : 0},
                     {"decode_mode", trellis::qtip_decode_mode(params.code).value()},
                     {"td_x", kTrellisTile},
                     {"td_y", kTrellisTile},
                     {"split_for_tp", false},
                     {"skip_list", skipped_.empty() ? Json() : Json(skipped_)}};
        if (value_ && value_->params.bits != params.bits) json["K_v_proj"] = value_->params.bits;
        return json;
    }

    std::optional<Seen> first_;  // of all but v_proj
    std::optional<Seen> value_;  // of v_proj
    std::vector<std::string> skipped_;
};

}  // namespace

Result<LlamaExported> export_qtip(const std::filesystem::path& model, const std::filesystem::path& out, bool overwrite,
                                  ProgressSink& progress) {
    DWUBIT_ASSIGN(const OpenModel opened, open_model(model));
    Exporter exporter(opened);
    return run_llama_export(exporter, opened, kQtipLayout, out, overwrite, progress);
}

}  // namespace dwubit
