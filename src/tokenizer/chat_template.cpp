#include "tokenizer/chat_template.h"

#include <array>
#include <system_error>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text.h"
#include "json/json.h"
#include "template/template.h"

namespace dwubit {
namespace {

constexpr const char* kSpecialTokens[] = {"bos_token", "eos_token", "unk_token", "pad_token"};
constexpr std::size_t kMaxDateBytes = 256;

bool is_file(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(file, ignored);
}

// A token is written as its text, or as an object with its text as `content`.
Result<std::optional<std::string>> token_text(const Json& config, const char* name, const std::string& where) {
    const auto found = config.find(name);
    if (found == config.end() || found->is_null()) return std::optional<std::string>();
    const Json* text = &*found;
    if (text->is_object() && text->contains("content")) text = &text->at("content");
    if (!text->is_string()) {
        return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be a text or an object with 'content'", where, name);
    }
    return std::optional(text->get<std::string>());
}

Result<std::optional<std::string>> default_template(const Json& config, const std::string& where) {
    const auto found = config.find("chat_template");
    if (found == config.end() || found->is_null()) return std::optional<std::string>();
    if (found->is_string()) return std::optional(found->get<std::string>());
    if (!found->is_array()) {
        return errorf(ErrorKind::kInvalidInput, "{}: 'chat_template' must be a text or a list of named templates",
                      where);
    }
    for (const Json& entry : *found) {
        const auto name = entry.is_object() ? entry.find("name") : entry.end();
        const auto text = entry.is_object() ? entry.find("template") : entry.end();
        if (!entry.is_object() || name == entry.end() || text == entry.end() || !name->is_string() ||
            !text->is_string()) {
            return errorf(ErrorKind::kInvalidInput, "{}: 'chat_template' must have entries with 'name' and 'template'",
                          where);
        }
        if (name->get<std::string>() == "default") return std::optional(text->get<std::string>());
    }
    return errorf(ErrorKind::kInvalidInput, "{}: 'chat_template' has no entry named 'default'", where);
}

// strftime_now(format): the local time, by the C library.
tmpl::Value strftime_now(std::time_t now) {
    return tmpl::Value::function([now](std::span<const tmpl::Value> arguments) -> Result<tmpl::Value> {
        const std::string* format = arguments.size() == 1 ? arguments[0].as_string() : nullptr;
        if (format == nullptr) return make_error(ErrorKind::kInvalidInput, "strftime_now() takes one text");
        if (format->empty()) return tmpl::Value("");
        std::tm local{};
        localtime_r(&now, &local);
        std::array<char, kMaxDateBytes> out{};
        const std::size_t length = std::strftime(out.data(), out.size(), format->c_str(), &local);
        if (length == 0)
            return make_error(ErrorKind::kInvalidInput, "strftime_now(): no date, or one that is too long");
        return tmpl::Value(replace_invalid_utf8({out.data(), length}));
    });
}

}  // namespace

const std::string_view kChatMl =
    R"({% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }})"
    R"({% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %})";

std::optional<std::string> ChatConfig::special_token(std::string_view name) const {
    for (const auto& [key, text] : special_tokens) {
        if (key == name) return text;
    }
    return std::nullopt;
}

Result<ChatConfig> chat_config_from(const Json& config, const std::string& where) {
    ChatConfig result;
    if (!config.is_object()) return errorf(ErrorKind::kInvalidInput, "{}: must be an object", where);
    for (const char* name : kSpecialTokens) {
        DWUBIT_ASSIGN(const auto text, token_text(config, name, where));
        if (text) result.special_tokens.emplace_back(name, *text);
    }
    DWUBIT_ASSIGN(result.chat_template, default_template(config, where));
    result.where = where + ": chat_template";
    return result;
}

Result<ChatConfig> read_chat_config(const std::filesystem::path& folder) {
    ChatConfig result;
    const std::filesystem::path config_file = folder / "tokenizer_config.json";
    if (is_file(config_file)) {
        DWUBIT_ASSIGN(const Json config, read_json_file(config_file));
        DWUBIT_ASSIGN(result, chat_config_from(config, config_file.string()));
    }
    const std::filesystem::path template_file = folder / "chat_template.jinja";
    if (is_file(template_file)) {
        DWUBIT_ASSIGN(result.chat_template, read_file(template_file));
        result.where = template_file.string();
    }
    return result;
}

struct ChatTemplate::Impl {
    tmpl::Template text;
    std::vector<std::pair<std::string, tmpl::Value>> variables;
    std::string where;
};

Result<ChatTemplate> ChatTemplate::parse(std::string_view text, const ChatConfig& config, std::string where) {
    Result<tmpl::Template> parsed = tmpl::Template::parse(text, tmpl::TemplateOptions::chat());
    if (!parsed.ok()) return std::move(parsed.error()).add_context(where);
    std::vector<std::pair<std::string, tmpl::Value>> variables = {
        {"add_generation_prompt", true}, {"tools", tmpl::Value()}, {"documents", tmpl::Value()}};
    for (const auto& [name, token] : config.special_tokens) variables.emplace_back(name, token);
    return ChatTemplate(std::make_shared<const Impl>(Impl{std::move(*parsed), std::move(variables), std::move(where)}));
}

Result<std::string> ChatTemplate::render(std::span<const ChatMessage> messages, std::time_t now) const {
    std::vector<tmpl::Value> list;
    for (const ChatMessage& message : messages) {
        list.push_back(tmpl::Value::dict({{"role", message.role}, {"content", message.content}}));
    }
    std::vector<std::pair<std::string, tmpl::Value>> variables = impl_->variables;
    variables.emplace_back("messages", tmpl::Value::list(std::move(list)));
    variables.emplace_back("strftime_now", strftime_now(now));
    return impl_->text.render(tmpl::Value::dict(std::move(variables))).context(impl_->where);
}

}  // namespace dwubit
