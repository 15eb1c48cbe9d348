// A Hugging Face model folder: config.json, model.safetensors (or shards with an index), tokenizer files.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/tensor_table.h"
#include "json/json.h"

namespace dwubit {

struct HfDir {
    std::filesystem::path path;
    Json config;                            // config.json, an object
    std::optional<Json> generation_config;  // generation_config.json
    std::optional<Json> tokenizer_config;   // tokenizer_config.json
    std::filesystem::path tokenizer_json;   // path/tokenizer.json; existence not checked
    TensorTable tensors;
};

// Opens the folder and maps its weights. The message names the missing or broken file; a folder with pytorch_model.bin
// only is refused with a hint (pickle is never read).
Result<HfDir> open_hf_dir(const std::filesystem::path& path);

}  // namespace dwubit
