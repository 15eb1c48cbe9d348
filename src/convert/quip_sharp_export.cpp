#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "convert/llama_export.h"
#include "convert/quip_sharp.h"
#include "convert/quip_sharp_names.h"
#include "runtime/formats/e8p/e8p.h"
#include "runtime/formats/e8p/quip_layout.h"

namespace dwubit {
namespace {

class Exporter final : public LlamaExporter {
public:
    explicit Exporter(const OpenModel& model) : LlamaExporter(model, kQuipSharpLayout) {}

private:
    Result<void> find_layer(std::int64_t layer) override {
        for (const QuipModule& module : quip_modules(config(), layer)) DWUBIT_TRY(find_module(module, layer));
        return {};
    }

    Result<void> find_module(const QuipModule& module, std::int64_t layer) {
        LinearShape shape;
        for (const LinearShape& linear : layer_linears(config(), layer)) {
            std::vector<std::string> parts;
            for (const LinearPart& part : linear.parts) parts.push_back(part.module);
            if (parts.empty()) parts.push_back(linear.module);
            if (parts == module.parts) shape = linear;
        }
        if (shape.module.empty()) {
            const std::string name =
                module.parts.size() == 1 ? module.module : fmt::format("{}", fmt::join(module.parts, ", "));
            return errorf(ErrorKind::kUnsupported, "QuIP#'s layout has {} in one module of rows in this order", name)
                .with_hint("quantize with quip-sharp's fused recipe");
        }
        DWUBIT_TRY(find(module.module, shape, "e8p"));
        const Shape matrix = {shape.out, shape.in};
        const auto params = e8p_params(found().back().packed->params, matrix);
        if (found().size() == 1) params_ = params.value();
        if (params->bits != params_.bits || params->residual != params_.residual) {
            return errorf(ErrorKind::kUnsupported,
                          "module '{}' has other parameters than '{}'; QuIP#'s layout has one codebook", shape.module,
                          found().front().linear.module);
        }
        DWUBIT_TRY(e8p::quip_shape(matrix, params_.bits).context(where(found().back())));
        return {};
    }

    Result<void> add_module(const Module& module, Shard& shard) override {
        const Shape matrix = {module.linear.out, module.linear.in};
        DWUBIT_ASSIGN(const Codes codes, unpack(module));
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
            return errorf(ErrorKind::kInternal, "{}: the codes came back changed from QuIP#'s layout", where(module));
        }
        const std::string name = module.name + ".";
        DWUBIT_ASSIGN(const Shape shape, e8p::quip_shape(matrix, params_.bits));
        shard.add<std::uint64_t>(name + "Qidxs", DType::kI64, shape, words);
        const std::int64_t id = codebook().id;
        shard.add<std::int64_t>(name + "codebook_id", DType::kI64, {}, {&id, 1});
        const float one = 1;
        shard.add<float>(name + "Wscale", DType::kF32, {}, {&one, 1});
        return add_factors(module, codes.find("scales")->as<float>()[0], name, shard);
    }

    // SU; SV, which has the scale in it; the scales of parts, which come out of SV where there are several.
    Result<void> add_factors(const Module& module, float scale, const std::string& name, Shard& shard) {
        const LinearShape& linear = module.linear;
        DWUBIT_ASSIGN(const std::vector<float> in, factors(module, Side::kIn));
        DWUBIT_ASSIGN(const std::vector<float> out, factors(module, Side::kOut));
        std::vector<F16> su;
        for (const float factor : in) DWUBIT_TRY(append_f16(factor, su, where(module) + ": SU"));
        std::vector<F16> sv;
        std::vector<float> part_scales;
        std::size_t row = 0;
        std::vector<std::int64_t> parts;
        for (const LinearPart& part : linear.parts) parts.push_back(part.rows);
        if (parts.empty()) parts.push_back(linear.out);
        for (const std::int64_t rows : parts) {
            const auto end = row + static_cast<std::size_t>(rows);
            float largest = 0;
            for (std::size_t r = row; r < end; ++r) largest = std::max(largest, std::abs(out[r]));
            // with signs alone in `out` SV is exact: +1 and -1
            const float part_scale = parts.size() == 1 ? 1 : largest == 0 ? scale : scale * largest;
            const double factor = static_cast<double>(scale) / static_cast<double>(part_scale == 0 ? 1 : part_scale);
            for (; row < end; ++row) {
                DWUBIT_TRY(append_f16(factor * static_cast<double>(out[row]), sv, where(module) + ": SV"));
            }
            part_scales.push_back(part_scale);
        }
        shard.add<F16>(name + "SU", DType::kF16, {linear.in}, su);
        shard.add<F16>(name + "SV", DType::kF16, {linear.out}, sv);
        if (part_scales.size() > 1) {
            shard.add<float>(name + "fuse_scales", DType::kF32, {static_cast<std::int64_t>(part_scales.size())},
                             part_scales);
        }
        return {};
    }

    const QuipCodebook& codebook() const {
        return *std::find_if(std::begin(kQuipCodebooks), std::end(kQuipCodebooks),
                             [&](const QuipCodebook& c) { return c.bits == params_.bits; });
    }

    Json quip_params() const override {
        const bool stock = params_.bits == 2 || params_.residual == E8pParams::default_residual(params_.bits);
        Json params = {{"lora_rank", 0},
                       {"rescale_WH", false},
                       {"codebook", codebook().name},
                       {"codebook_version", codebook().version},
                       {"codesz", 8},
                       {"idx_dtype", "torch.int64"},
                       {"packsz", codebook().packsz},
                       {"resid_scale_override", stock ? Json(-1) : Json(params_.residual)},
                       {"model_version", 1}};
        if (params_.bits != 3) params["packsz"] = static_cast<int>(codebook().packsz);
        return params;
    }

    E8pParams params_;
};

}  // namespace

Result<LlamaExported> export_quip_sharp(const std::filesystem::path& model, const std::filesystem::path& out,
                                        bool overwrite, ThreadPool& /*pool*/, ProgressSink& progress) {
    DWUBIT_ASSIGN(const OpenModel opened, open_model(model));
    Exporter exporter(opened);
    return run_llama_export(exporter, opened, kQuipSharpLayout, out, overwrite, progress);
}

}  // namespace dwubit
