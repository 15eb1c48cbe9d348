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

// open_hf_dir(), read_model_config() and check_tensors(); errors of the last two name the folder. Values are not looked
// at: check_weights_finite() does that.
Result<OpenModel> open_model(const std::filesystem::path& path);
Result<OpenModel> open_model(HfDir directory);

}  // namespace dwubit
