#include "lab/pipeline/source.h"

#include "checkpoint/model_folder.h"
#include "checkpoint/quantization_config.h"
#include "lab/failure.h"

namespace dwubit::lab {

OpenModel open_dense_model(const std::filesystem::path& path, const char* verb) {
    HfDir directory = unwrap(open_model_files(path));
    if (unwrap(read_quantization_config(directory.config)).has_value()) {
        throw Failure(
            errorf(ErrorKind::kUnsupported, "{} is quantized already", path.string())
                .with_hint(fmt::format("{} the model it was made from, or export it --to dense first", verb)));
    }
    return unwrap(open_model(std::move(directory)));
}

std::string check_and_hash(const OpenModel& model, ThreadPool& pool) {
    unwrap(check_weights_finite(model.directory.tensors, pool).context("model " + model.directory.path.string()));
    return unwrap(model_sha256(model.directory, pool));
}

}  // namespace dwubit::lab
