#include "tokenizer/string_replacer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace dwubit {

StringReplacer::StringReplacer(std::string pattern, std::string replacement)
    : pattern_(std::move(pattern)), replacement_(std::move(replacement)), border_(pattern_.size(), 0) {
    DWUBIT_CHECK(!pattern_.empty());
    for (std::size_t i = 1; i < pattern_.size(); ++i) {
        std::size_t k = border_[i - 1];
        while (k > 0 && pattern_[i] != pattern_[k]) k = border_[k - 1];
        if (pattern_[i] == pattern_[k]) ++k;
        border_[i] = k;
    }
}

void StringReplacer::append(State& state, std::string_view piece, std::string& out) const {
    std::size_t matched = state.matched;
    for (const char c : piece) {
        while (matched > 0 && c != pattern_[matched]) {
            // The pattern's own first bytes stand for the text's: all but the shorter match are known to be no part
            // of an occurrence.
            const std::size_t shorter = border_[matched - 1];
            out.append(pattern_, 0, matched - shorter);
            matched = shorter;
        }
        if (c != pattern_[matched]) {
            out.push_back(c);
        } else if (++matched == pattern_.size()) {
            out.append(replacement_);
            matched = 0;
        }
    }
    state.matched = matched;
}

void StringReplacer::finish(State& state, std::string& out) const {
    out.append(pattern_, 0, state.matched);
    state.matched = 0;
}

std::string StringReplacer::replace(std::string_view text) const {
    std::string out;
    out.reserve(text.size());
    State state;
    append(state, text, out);
    finish(state, out);
    return out;
}

std::size_t StringReplacer::growth() const {
    return std::max<std::size_t>(1, (replacement_.size() + pattern_.size() - 1) / pattern_.size());
}

}  // namespace dwubit
