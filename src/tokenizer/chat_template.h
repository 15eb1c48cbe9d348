// A conversation as the text that a model was trained to continue: the chat template of its folder, rendered as
// transformers' apply_chat_template renders it. Templates come from strangers; template/template.h bounds them.
#pragma once

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct ChatMessage {
    std::string role;  // "system", "user", "assistant"
    std::string content;
};

// What the files beside tokenizer.json say about conversations.
struct ChatConfig {
    std::optional<std::string> chat_template;
    std::string where;  // the file that the template stands in
    // "bos_token", "eos_token", "unk_token", "pad_token" with their texts; variables of the template
    std::vector<std::pair<std::string, std::string>> special_tokens;

    std::optional<std::string> special_token(std::string_view name) const;
};

// chat_template.jinja, else `chat_template` of tokenizer_config.json: a text, or a list of {name, template} of which
// "default" counts. Files that are not there are no error.
Result<ChatConfig> read_chat_config(const std::filesystem::path& folder);
// The same of what tokenizer_config.json says, wherever it comes from; `where` names that in messages.
Result<ChatConfig> chat_config_from(const Json& tokenizer_config, const std::string& where);

// "<|im_start|>role\ncontent<|im_end|>\n" for every message: what Qwen, SmolLM2 and Bielik were tuned with.
extern const std::string_view kChatMl;
inline constexpr std::string_view kChatMlEnd = "<|im_end|>";

class ChatTemplate {
public:
    // `where` names the template in messages. Errors: a construct outside the subset, with its line.
    static Result<ChatTemplate> parse(std::string_view text, const ChatConfig& config, std::string where);

    // With the beginning of the assistant's answer behind the last message. The text has the special tokens that the
    // template writes; encode it without adding others. `now` is what strftime_now(), a function of the template,
    // tells.
    Result<std::string> render(std::span<const ChatMessage> messages, std::time_t now) const;

private:
    struct Impl;
    explicit ChatTemplate(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

}  // namespace dwubit
