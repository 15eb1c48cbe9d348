#include "eval/request_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

// The token that tokenizer_config.json names, a text or an object with "content". `known` false: the file says nothing.
std::optional<TokenId> named_token(const Model& model, const Tokenizer& tokenizer, const char* key, bool& known) {
    known = false;
    const std::optional<Json>& config = model.directory().tokenizer_config;
    if (!config || !config->contains(key)) return std::nullopt;
    const Json& value = (*config)[key];
    known = true;
    if (value.is_string()) return tokenizer.find(value.get<std::string>());
    if (value.is_object() && value.contains("content") && value["content"].is_string()) {
        return tokenizer.find(value["content"].get<std::string>());
    }
    return std::nullopt;
}

std::string text_of(const Tokenizer& tokenizer, std::optional<TokenId> id) {
    if (!id || tokenizer.token(*id) == nullptr) return {};
    auto text = tokenizer.decode({&*id, 1}, false);
    return text.ok() ? std::move(*text) : std::string();
}

std::int64_t size_of(const std::vector<TokenId>& ids) {
    return static_cast<std::int64_t>(ids.size());
}

}  // namespace

RequestEncoder RequestEncoder::create(const Model& model, const Tokenizer& tokenizer, std::optional<bool> add_bos) {
    RequestEncoder encoder(tokenizer);
    encoder.add_bos_ = add_bos;
    bool known = false;
    encoder.bos_ = named_token(model, tokenizer, "bos_token", known);
    if (!known) encoder.bos_ = tokenizer.bos() ? tokenizer.bos() : model.config().bos_id;
    encoder.eos_ = named_token(model, tokenizer, "eos_token", known);
    if (!known && !model.config().eos_ids.empty()) encoder.eos_ = model.config().eos_ids.front();
    encoder.bos_text_ = text_of(tokenizer, encoder.bos_);
    encoder.prefix_text_ = text_of(tokenizer, encoder.bos_ ? encoder.bos_ : encoder.eos_);
    return encoder;
}

bool RequestEncoder::add_bos() const {
    return add_bos_ ? *add_bos_ && bos_.has_value() : tokenizer_->bos().has_value();
}

Result<TokenId> RequestEncoder::prefix() const {
    if (bos_) return *bos_;
    if (eos_) return *eos_;
    return make_error(ErrorKind::kInvalidInput, "the tokenizer has neither a BOS nor an EOS token to start from")
        .with_hint("name bos_token in tokenizer_config.json");
}

// With the special tokens that a text gets, unless it begins with `bos_text`.
Result<std::vector<TokenId>> RequestEncoder::encode(const std::string& text, const std::string& bos_text) const {
    const bool has_bos = !bos_text.empty() && text.starts_with(bos_text);
    if (has_bos || (add_bos_ && !*add_bos_)) return tokenizer_->encode(text, false);
    if (!add_bos_) return tokenizer_->encode(text, true);
    DWUBIT_ASSIGN(std::vector<TokenId> ids, tokenizer_->encode(text, false));
    if (bos_) ids.insert(ids.begin(), *bos_);
    return ids;
}

Result<ScoredText> RequestEncoder::after_prefix(const std::string& continuation) const {
    ScoredText text;
    DWUBIT_ASSIGN(text.ids, tokenizer_->encode(continuation, false));
    DWUBIT_ASSIGN(const TokenId start, prefix());
    // A continuation that begins with the prefix token brings its context along.
    if (text.ids.empty() || text.ids.front() != start) text.ids.insert(text.ids.begin(), start);
    text.scored = size_of(text.ids) - 1;
    return text;
}

Result<ScoredText> RequestEncoder::after_context(std::string_view context, const std::string& whole) const {
    ScoredText text;
    DWUBIT_ASSIGN(const std::vector<TokenId> before, encode(std::string(context), prefix_text_));
    DWUBIT_ASSIGN(text.ids, encode(whole, prefix_text_));
    if (before.empty()) {
        return make_error(ErrorKind::kInvalidInput, "the context has no tokens: nothing to predict from")
            .with_hint("give the prompt a text, or turn BOS on");
    }
    text.scored = size_of(text.ids) - size_of(before);
    if (text.scored > 0) std::copy(before.begin(), before.end(), text.ids.begin());
    return text;
}

Result<ScoredText> RequestEncoder::pair(const std::string& context, const std::string& continuation,
                                        std::int64_t max_length) const {
    auto encoded = context.empty() ? after_prefix(continuation)
                                   : after_context(tmpl::strip_right(context), context + continuation);
    DWUBIT_ASSIGN(ScoredText text, std::move(encoded));
    if (text.scored < 1) {
        return errorf(ErrorKind::kInvalidInput, "the continuation '{}' has no tokens after its context",
                      printable(continuation));
    }
    if (text.scored > max_length) {
        return errorf(ErrorKind::kInvalidInput, "the continuation has {} tokens, and max_length is {}", text.scored,
                      max_length);
    }
    const std::int64_t over = size_of(text.ids) - (max_length + 1);
    if (over > 0) text.ids.erase(text.ids.begin(), text.ids.begin() + over);
    text.cut = over > 0;
    return text;
}

Result<std::vector<ScoredText>> RequestEncoder::rolling(const std::string& text, std::int64_t max_length) const {
    DWUBIT_ASSIGN(const std::vector<TokenId> ids, encode(text, prefix_text_));
    std::vector<ScoredText> windows;
    if (ids.empty()) return windows;
    DWUBIT_ASSIGN(const TokenId start, prefix());
    for (std::int64_t first = 0; first < size_of(ids); first += max_length) {
        ScoredText window;
        window.scored = std::min(max_length, size_of(ids) - first);
        const std::int64_t end = first + window.scored;
        if (first == 0) window.ids.push_back(start);
        const std::int64_t begin = first == 0 ? 0 : end - max_length - 1;
        window.ids.insert(window.ids.end(), ids.begin() + begin, ids.begin() + end);
        windows.push_back(std::move(window));
    }
    return windows;
}

Result<Prompt> RequestEncoder::prompt(const std::string& text, std::int64_t longest) const {
    Prompt prompt;
    DWUBIT_ASSIGN(prompt.ids, encode(text, bos_text_));
    if (prompt.ids.empty()) {
        return make_error(ErrorKind::kInvalidInput, "the prompt has no tokens")
            .with_hint("give the prompt a text, or turn BOS on");
    }
    const std::int64_t over = size_of(prompt.ids) - longest;
    if (over > 0) prompt.ids.erase(prompt.ids.begin(), prompt.ids.begin() + over);
    prompt.cut = over > 0;
    return prompt;
}

}  // namespace dwubit
