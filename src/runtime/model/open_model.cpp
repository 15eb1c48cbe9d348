#include "runtime/model/open_model.h"

#include <utility>

namespace dwubit {

Result<OpenModel> open_model(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(HfDir directory, open_hf_dir(path));
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
