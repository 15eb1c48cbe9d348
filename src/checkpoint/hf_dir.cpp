#include "checkpoint/hf_dir.h"

#include <array>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "checkpoint/safetensors.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxConfigBytes = std::uint64_t{64} << 20;

bool is_there(const fs::path& path) {
    std::error_code code;
    return fs::exists(path, code);
}

// A JSON file whose top level is an object.
Result<Json> read_object(const fs::path& path) {
    JsonLimits limits;
    limits.max_bytes = kMaxConfigBytes;
    DWUBIT_ASSIGN(Json json, read_json_file(path, limits));
    if (!json.is_object()) {
        return errorf(ErrorKind::kInvalidInput, "{}: expected an object, got {}", path.string(), json.type_name());
    }
    return json;
}

Result<std::optional<Json>> read_optional_object(const fs::path& path) {
    if (!is_there(path)) return std::optional<Json>();
    DWUBIT_ASSIGN(Json json, read_object(path));
    return std::optional<Json>(std::move(json));
}

Error no_weights(const fs::path& folder) {
    constexpr std::array<const char*, 3> kPickles = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                                     "consolidated.00.pth"};
    for (const char* name : kPickles) {
        if (!is_there(folder / name)) continue;
        return errorf(ErrorKind::kUnsupported, "{} has its weights in {} only, which holds pickled Python objects",
                      folder.string(), name)
            .with_hint("pickle is never read; save the model as safetensors: save_pretrained(safe_serialization=True)");
    }
    return errorf(ErrorKind::kNotFound, "{} has neither model.safetensors nor model.safetensors.index.json",
                  folder.string());
}

Result<TensorTable> read_weights(const fs::path& folder) {
    const fs::path single = folder / "model.safetensors";
    const fs::path index = folder / "model.safetensors.index.json";
    if (is_there(single)) {
        if (is_there(index)) {
            log_warning(
                fmt::format("{} has model.safetensors and an index of shards; reading model.safetensors, "
                            "as transformers does",
                            folder.string()));
        }
        TensorTable table;
        auto header = read_safetensors(single, table);
        if (!header.ok()) return std::move(header).error();
        return table;
    }
    if (is_there(index)) return read_sharded_safetensors(index);
    return no_weights(folder);
}

Result<void> check_folder(const fs::path& path) {
    std::error_code code;
    const fs::file_status status = fs::status(path, code);
    if (status.type() == fs::file_type::not_found) {
        return errorf(ErrorKind::kNotFound, "model folder {} does not exist", path.string());
    }
    if (code) return errorf(ErrorKind::kIo, "cannot open model folder {}: {}", path.string(), code.message());
    if (!fs::is_directory(status)) {
        return errorf(ErrorKind::kInvalidInput, "{} is not a folder", path.string())
            .with_hint("a model is a folder with config.json, model.safetensors and tokenizer.json, or a GGUF file");
    }
    if (!is_there(path / "config.json")) {
        return errorf(ErrorKind::kNotFound, "model folder {} has no config.json", path.string());
    }
    return {};
}

}  // namespace

Result<HfDir> open_hf_dir(const fs::path& path) {
    DWUBIT_TRY(check_folder(path));
    HfDir dir;
    dir.path = path;
    dir.tokenizer_json = path / "tokenizer.json";
    DWUBIT_ASSIGN(dir.config, read_object(path / "config.json"));
    DWUBIT_ASSIGN(dir.generation_config, read_optional_object(path / "generation_config.json"));
    DWUBIT_ASSIGN(dir.tokenizer_config, read_optional_object(path / "tokenizer_config.json"));
    DWUBIT_ASSIGN(dir.tensors, read_weights(path));
    return dir;
}

}  // namespace dwubit
