// Strings that end a text which arrives in pieces.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dwubit {

// The text ends before the stop string that is complete first, of those complete at the same place before the longest:
// the same however the text is cut into pieces.
class StopStrings {
public:
    // None of them empty, each well-formed UTF-8; there may be none.
    explicit StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {}

    // Appends a piece, whole characters, and returns what is certain not to belong to a stop string. Nothing more comes
    // out once stopped().
    std::string push(std::string_view piece);
    // What was held back; no piece follows.
    std::string finish();

    bool stopped() const { return stopped_; }

private:
    std::size_t held_bytes() const;

    std::vector<std::string> strings_;
    std::string text_;  // held back: may become a stop string
    bool stopped_ = false;
};

}  // namespace dwubit
