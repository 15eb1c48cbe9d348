// A model folder read as far as everyone needs who works on a model: translated and checked, nothing bound yet.
#pragma once

#include <filesystem>

#include "checkpoint/hf_dir.h"
#include "runtime/model/config.h"

namespace dwubit {

struct OpenModel {
    HfDir directory;
    ModelConfig config;
};

// The files of a MODEL as the user names it: a folder (open_hf_dir), or a GGUF file (open_gguf_model).
Result<HfDir> open_model_files(const std::filesystem::path& path);

// open_model_files(), read_model_config() and check_tensors(); errors of the last two name the folder. Values are not
// looked at: check_weights_finite() does that.
Result<OpenModel> open_model(const std::filesystem::path& path);
Result<OpenModel> open_model(HfDir directory);

}  // namespace dwubit
