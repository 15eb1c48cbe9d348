// A GGUF file as a model folder: metadata becomes config.json and its neighbours, tensors get the families' Hugging
// Face names and the order of rows that those have.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "checkpoint/hf_dir.h"

namespace dwubit {

// A GGUF architecture and what it is here.
struct GgufArchitecture {
    std::string_view id;          // general.architecture
    std::string_view family;      // id in models.inc
    std::string_view hf;          // entry of "architectures"
    bool reorders_heads = false;  // rows of q and k lie for RoPE on neighbours
};

// nullptr: not supported.
const GgufArchitecture* find_gguf_architecture(std::string_view id);

// Reads the file (read_gguf) and translates it. Errors name the key or tensor: another architecture, experts, RoPE
// scaling that is not none, linear or Llama 3's, sizes that contradict each other or the embedding.
Result<HfDir> open_gguf_model(const std::filesystem::path& path);
Result<HfDir> translate_gguf(GgufFile file, const std::filesystem::path& path);

}  // namespace dwubit
