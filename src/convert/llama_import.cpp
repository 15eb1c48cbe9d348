#include "convert/llama_import.h"

#include <cmath>

#include "base/error.h"
#include "base/folders.h"
#include "base/output_folder.h"
#include "base/text.h"

namespace dwubit {

namespace fs = std::filesystem;

Result<void> LlamaImporter::write(FolderWriter& writer, ProgressSink& progress) {
    progress.begin("import", config_.layers + 1, "shards");
    for (std::int64_t layer = 0; layer <= config_.layers; ++layer) {
        Shard shard;
        if (layer < config_.layers) DWUBIT_TRY(add_layer(layer, shard));
        for (const auto& [name, tensor] : directory_.tensors.tensors()) {
            if (layer_of(config_, name).value_or(config_.layers) != layer || used_.count(name) != 0) continue;
            if (!name.ends_with(".weight")) continue;  // constants of the layout's own modules
            shard.add_view(name, tensor);
        }
        DWUBIT_TRY(writer.write(shard.take()));
        progress.update(layer + 1);
    }
    progress.end();
    Json config = directory_.config;
    config.erase("quip_params");
    config["quantization_config"] = to_json(quantization_);
    return writer.finish(dump_json(config, 2) + "\n", directory_);
}

Result<const TensorView*> LlamaImporter::tensor(const std::string& module, const char* field, DType dtype,
                                                const Shape& shape) {
    const std::string name = module + "." + field;
    DWUBIT_ASSIGN(const TensorView* found, directory_.tensors.require(name));
    used_.insert(name);
    if (found->dtype == dtype && found->shape == shape) return found;
    return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' is {} {}, expected {} {}", found->file, name,
                  dtype_name(found->dtype), to_string(found->shape), dtype_name(dtype), to_string(shape));
}

const TensorView* LlamaImporter::optional_tensor(const std::string& module, const char* field) {
    const std::string name = module + "." + field;
    const TensorView* const found = directory_.tensors.find(name);
    if (found != nullptr) used_.insert(name);
    return found;
}

Result<std::vector<float>> LlamaImporter::floats(const std::string& module, const char* field, std::int64_t count) {
    const std::string name = module + "." + field;
    DWUBIT_ASSIGN(const TensorView* found, directory_.tensors.require(name));
    used_.insert(name);
    std::int64_t elements = 0;
    if (!element_count(found->shape, &elements) || elements != count) {
        return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' has shape {}, expected {} values", found->file, name,
                      to_string(found->shape), count);
    }
    std::vector<float> values(static_cast<std::size_t>(count));
    DWUBIT_TRY(read_as_f32(*found, values));
    for (const float value : values) {
        if (std::isfinite(value)) continue;
        return errorf(ErrorKind::kInvalidInput, "{}: tensor '{}' has a value that is not finite", found->file, name);
    }
    return values;
}

// The factors as rht stores them: in F16 where that is exact.
Result<TransformUse> LlamaImporter::add_factors(const LinearShape& linear, Side side, const std::vector<float>& factors,
                                                Shard& shard) const {
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

Result<void> LlamaImporter::add(const LinearShape& linear, const Codes& codes, const std::vector<float>& in,
                                const std::vector<float>& out, const std::vector<std::string>& parts,
                                const Format& format, Shard& shard) {
    DWUBIT_ASSIGN(PackedTensor packed, format.pack(codes));
    for (Field& buffer : packed.buffers) {
        shard.add(linear.module + "." + buffer.name, buffer.dtype, buffer.shape, std::move(buffer.bytes));
    }
    for (const std::string& part : parts) {
        quantization_.fused[linear.module].push_back(part.substr(part.rfind('.') + 1));
    }
    ModuleQuantization quantized{format.id, format.version, packed.params, {}, {}};
    DWUBIT_ASSIGN(quantized.in, add_factors(linear, Side::kIn, in, shard));
    DWUBIT_ASSIGN(quantized.out, add_factors(linear, Side::kOut, out, shard));
    quantization_.modules[linear.module] = std::move(quantized);
    return {};
}

Result<LlamaImported> run_llama_import(LlamaImporter& importer, const HfDir& directory, const ModelConfig& config,
                                       const LlamaLayout& layout, const fs::path& out, bool overwrite,
                                       ProgressSink& progress) {
    std::error_code code;
    const fs::path& asked = directory.path;
    const fs::path place = fs::canonical(asked, code);
    RunIdentity identity = {
        {"command", "import"}, {"model", printable((code ? asked : place).string(), 4096)}, {"from", layout.id}};
    DWUBIT_ASSIGN(OutputFolder folder, OutputFolder::open(out, std::move(identity), overwrite));
    FolderWriter writer(folder.partial(), config.layers + 1);
    auto written = importer.write(writer, progress);
    if (!written.ok()) {
        folder.keep_if_resumable(written.error());
        return std::move(written).context("model " + asked.string()).error();
    }
    DWUBIT_TRY(folder.finish());
    DWUBIT_ASSIGN(const std::uint64_t bytes, folder_bytes(out));
    return LlamaImported{bytes, importer.modules()};
}

}  // namespace dwubit
