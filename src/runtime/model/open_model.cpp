#include "runtime/model/open_model.h"

#include <system_error>
#include <utility>

#include "base/error.h"
#include "runtime/model/gguf_model.h"

namespace dwubit {

Result<HfDir> open_model_files(const std::filesystem::path& path) {
    std::error_code code;
    const auto status = std::filesystem::status(path, code);
    const bool is_file = std::filesystem::is_regular_file(status);
    if (!std::filesystem::exists(status) && path.extension() == ".gguf") {
        return errorf(ErrorKind::kNotFound, "model {} does not exist", path.string());
    }
    if (is_file && (is_gguf_file(path) || path.extension() == ".gguf")) return open_gguf_model(path);
    return open_hf_dir(path);
}

Result<OpenModel> open_model(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(HfDir directory, open_model_files(path));
    return open_model(std::move(directory));
}

Result<OpenModel> open_model(HfDir directory) {
    OpenModel model{std::move(directory), {}};
    const HfDir& dir = model.directory;
    const std::string where = "model " + dir.path.string();
    const Json* const generation = dir.generation_config ? &*dir.generation_config : nullptr;
    DWUBIT_ASSIGN(model.config, read_model_config(dir.config, generation).context(where));
    DWUBIT_TRY(check_tensors(model.config, dir.tensors).context(where));
    return model;
}

}  // namespace dwubit
