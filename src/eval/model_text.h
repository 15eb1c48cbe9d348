// A model and its tokenizer, for whoever gives a model text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "runtime/model/config.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// The tokenizer of a model folder (tokenizer.json), or of a tokenizer.json itself.
Result<Tokenizer> load_tokenizer(const std::filesystem::path& model);

// Tokenizer and model must agree: what to say where ids of the tokenizer have no row in the model's embedding.
std::optional<std::string> vocabulary_warning(const Tokenizer& tokenizer, const ModelConfig& config);

}  // namespace dwubit
