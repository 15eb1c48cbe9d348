// A model and its tokenizer, for whoever gives a model text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "checkpoint/hf_dir.h"
#include "runtime/model/config.h"
#include "tokenizer/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// The tokenizer of a model folder (tokenizer.json) or a GGUF file, or of a tokenizer.json itself.
Result<Tokenizer> load_tokenizer(const std::filesystem::path& model);
Result<Tokenizer> load_tokenizer(const HfDir& model);

// What its tokenizer is known by: the hash of tokenizer.json, of a GGUF file that of its translation. nullopt where it
// has none.
Result<std::optional<std::string>> tokenizer_sha256(const HfDir& model);

// What a model's files say about conversations: read_chat_config() of a folder, or a GGUF file's metadata.
Result<ChatConfig> load_chat_config(const std::filesystem::path& model);

// Tokenizer and model must agree: what to say where ids of the tokenizer have no row in the model's embedding.
std::optional<std::string> vocabulary_warning(const Tokenizer& tokenizer, const ModelConfig& config);

}  // namespace dwubit
