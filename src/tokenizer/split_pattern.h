// A regular expression that cuts text, as Hugging Face `tokenizers` reads it (Oniguruma, Unicode 16), run by PCRE2.
//
// Accepted is what both engines read alike and what pre-tokenizers are made of: literals, character classes, \p and \P
// with a general category, \s \d \r \n \t, groups, alternatives, repetition, lookaround, and (?i:...) around ASCII
// text. Everything else is refused by name. A character that PCRE2's Unicode version may not know is matched as an
// older one of its category (unicode_stand_in.h).
//
// Patterns are anyone's, so is the text: the steps that matching may take are bounded, and what exceeds them is an
// error.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

// What the patterns of a tokenizer may take for one text: one per text, for all its parts.
struct SplitBudget {
    explicit SplitBudget(std::size_t text_bytes);
    double seconds;  // processor time left beyond the first short attempts
};

class SplitPattern {
public:
    // `where` names the pattern in messages. Refuses also a pattern that can match nothing.
    static Result<SplitPattern> compile(std::string_view pattern, const std::string& where);

    SplitPattern(SplitPattern&&) noexcept;
    SplitPattern& operator=(SplitPattern&&) noexcept;
    ~SplitPattern();

    // Calls `match` with the bytes [begin, end) of each match in order, leftmost first, without overlap. `text` is
    // well-formed UTF-8. Safe to call from several threads.
    using MatchVisitor = std::function<void(std::size_t begin, std::size_t end)>;
    Result<void> find_all(std::string_view text, SplitBudget& budget, const MatchVisitor& match) const;

private:
    struct Impl;
    explicit SplitPattern(std::unique_ptr<const Impl> impl);
    std::unique_ptr<const Impl> impl_;
};

// Ok if `pattern` lies in the subset above; its syntax is not checked any further.
Result<void> check_split_pattern(std::string_view pattern, const std::string& where);

}  // namespace dwubit
