// Requests as token ids, by lm-evaluation-harness' rules (eval/scorer.h says them).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/model.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// A text to be scored: the last `scored` ids are predicted, each from all before it.
struct ScoredText {
    std::vector<TokenId> ids;
    std::int64_t scored = 0;
    bool cut = false;  // ids were left out on the left
};

struct Prompt {
    std::vector<TokenId> ids;
    bool cut = false;
};

// Thread-safe. max_length: positions that the model reads at once.
class RequestEncoder {
public:
    // BOS and EOS are those that tokenizer_config.json names; without that file the tokenizer's template and
    // config.json say them. The tokenizer must outlive this.
    static RequestEncoder create(const Model& model, const Tokenizer& tokenizer, std::optional<bool> add_bos);

    // At most max_length + 1 ids. Errors: nothing left to predict, or more than max_length ids; no token to start from.
    Result<ScoredText> pair(const std::string& context, const std::string& continuation, std::int64_t max_length) const;
    // Windows that together predict each id of `text` once.
    Result<std::vector<ScoredText>> rolling(const std::string& text, std::int64_t max_length) const;
    // The last `longest` ids. Error: there are none.
    Result<Prompt> prompt(const std::string& text, std::int64_t longest) const;

    // Whether texts begin with BOS.
    bool add_bos() const;
    std::optional<TokenId> eos() const { return eos_; }

private:
    explicit RequestEncoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}
    Result<std::vector<TokenId>> encode(const std::string& text, const std::string& bos_text) const;
    Result<ScoredText> after_prefix(const std::string& continuation) const;
    Result<ScoredText> after_context(std::string_view context, const std::string& whole) const;
    Result<TokenId> prefix() const;

    const Tokenizer* tokenizer_;
    std::optional<bool> add_bos_;
    std::optional<TokenId> bos_;
    std::optional<TokenId> eos_;
    std::string bos_text_;     // a text that begins with it gets no BOS
    std::string prefix_text_;  // of BOS, else EOS
};

}  // namespace dwubit
