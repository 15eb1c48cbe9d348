#include "eval/model_text.h"

#include <fmt/format.h>

#include <system_error>

#include "base/error.h"

namespace dwubit {

Result<Tokenizer> load_tokenizer(const std::filesystem::path& model) {
    std::error_code ignored;
    if (std::filesystem::is_directory(model, ignored)) return Tokenizer::load(model / "tokenizer.json");
    if (!std::filesystem::exists(model, ignored)) {
        return errorf(ErrorKind::kNotFound, "no model at {}", model.string())
            .with_hint("a folder with config.json, *.safetensors and tokenizer.json");
    }
    return Tokenizer::load(model);
}

std::optional<std::string> vocabulary_warning(const Tokenizer& tokenizer, const ModelConfig& config) {
    if (tokenizer.vocab_size() <= config.vocab) return std::nullopt;
    return fmt::format(
        "the tokenizer has ids up to {}, the model's vocabulary ends at {}: text that needs the others will be refused",
        tokenizer.vocab_size() - 1, config.vocab - 1);
}

}  // namespace dwubit
