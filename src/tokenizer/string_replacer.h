// Replaces every occurrence of one string in a text that arrives in pieces.
//
// Knuth-Morris-Pratt: linear in the text for any pattern, and what it holds back between two pieces is only what may
// still become an occurrence. Matches are leftmost and do not overlap, as with a search from left to right.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dwubit {

class StringReplacer {
public:
    // `pattern` is not empty.
    StringReplacer(std::string pattern, std::string replacement);

    // State of one text: how many bytes of the pattern its end matches.
    struct State {
        std::size_t matched = 0;
    };

    void append(State& state, std::string_view piece, std::string& out) const;
    // The text ends here: what was held back is appended, and the state is fresh again.
    void finish(State& state, std::string& out) const;

    std::string replace(std::string_view text) const;

    // An upper bound of the bytes made of one byte, >= 1.
    std::size_t growth() const;

private:
    std::string pattern_;
    std::string replacement_;
    std::vector<std::size_t> border_;  // border_[i]: longest proper border of the first i + 1 bytes of the pattern
};

}  // namespace dwubit
