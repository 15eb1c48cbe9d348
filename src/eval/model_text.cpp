#include "eval/model_text.h"

#include <fmt/format.h>

#include <system_error>

#include "base/error.h"
#include "base/sha256.h"
#include "checkpoint/gguf_tokenizer.h"

namespace dwubit {

namespace {

Result<Tokenizer> gguf_tokenizer(const GgufMetadata& metadata) {
    DWUBIT_ASSIGN(const std::string json, gguf_tokenizer_json(metadata));
    return Tokenizer::parse(json, metadata.file() + ": tokenizer");
}

}  // namespace

Result<Tokenizer> load_tokenizer(const HfDir& model) {
    return model.is_gguf() ? gguf_tokenizer(*model.gguf) : Tokenizer::load(model.tokenizer_json);
}

Result<std::optional<std::string>> tokenizer_sha256(const HfDir& model) {
    using Hash = std::optional<std::string>;
    std::error_code ignored;
    if (model.is_gguf()) {
        if (!model.gguf->has("tokenizer.ggml.model")) return Hash();
        DWUBIT_ASSIGN(const std::string json, gguf_tokenizer_json(*model.gguf));
        return Hash(sha256_hex(json));
    }
    if (!std::filesystem::exists(model.tokenizer_json, ignored)) return Hash();
    DWUBIT_ASSIGN(std::string hash, sha256_file(model.tokenizer_json));
    return Hash(std::move(hash));
}

Result<Tokenizer> load_tokenizer(const std::filesystem::path& model) {
    std::error_code ignored;
    if (is_gguf_file(model)) {
        DWUBIT_ASSIGN(const GgufFile file, read_gguf(model));
        return gguf_tokenizer(file.metadata);
    }
    if (std::filesystem::is_directory(model, ignored)) return Tokenizer::load(model / "tokenizer.json");
    if (!std::filesystem::exists(model, ignored)) {
        return errorf(ErrorKind::kNotFound, "no model at {}", model.string())
            .with_hint("a folder with config.json, *.safetensors and tokenizer.json, or a GGUF file");
    }
    return Tokenizer::load(model);
}

Result<ChatConfig> load_chat_config(const std::filesystem::path& model) {
    if (!is_gguf_file(model)) return read_chat_config(model);
    DWUBIT_ASSIGN(const GgufFile file, read_gguf(model));
    DWUBIT_ASSIGN(const Json config, gguf_tokenizer_config(file.metadata));
    return chat_config_from(config, model.string() + ": metadata tokenizer");
}

std::optional<std::string> vocabulary_warning(const Tokenizer& tokenizer, const ModelConfig& config) {
    if (tokenizer.vocab_size() <= config.vocab) return std::nullopt;
    return fmt::format(
        "the tokenizer has ids up to {}, the model's vocabulary ends at {}: text that needs the others will be refused",
        tokenizer.vocab_size() - 1, config.vocab - 1);
}

}  // namespace dwubit
