// A Hugging Face model folder: config.json, model.safetensors (or shards with an index), tokenizer files. A GGUF file
// is read as one (runtime/model/gguf_model.h).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/gguf.h"
#include "checkpoint/tensor_table.h"
#include "json/json.h"

namespace dwubit {

struct HfDir {
    std::filesystem::path path;             // the folder, or the GGUF file
    Json config;                            // config.json, an object
    std::optional<Json> generation_config;  // generation_config.json
    std::optional<Json> tokenizer_config;   // tokenizer_config.json
    std::filesystem::path tokenizer_json;   // path/tokenizer.json; existence not checked
    TensorTable tensors;
    std::optional<GgufMetadata> gguf;  // of a GGUF file; its tokenizer stands there, and tokenizer_json is the file

    bool is_gguf() const { return gguf.has_value(); }
};

// Opens the folder and maps its weights. The message names the missing or broken file; a folder with pytorch_model.bin
// only is refused with a hint (pickle is never read).
//
// Whoever takes a MODEL calls open_model_files() instead, which knows GGUF files too.
Result<HfDir> open_hf_dir(const std::filesystem::path& path);

}  // namespace dwubit
