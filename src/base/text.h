// Small text helpers that several modules share.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dwubit {

// --- UTF-8 ---------------------------------------------------------------------------------------------------------

// Byte offset of the first ill-formed sequence (Unicode 15, table 3-7: no overlongs, no surrogates, <= U+10FFFF).
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// dwubit's one policy for ill-formed input: each maximal ill-formed part becomes one U+FFFD (as WHATWG and Python's
// errors="replace" do).
std::string replace_invalid_utf8(std::string_view text);

// Bytes of the character that starts with `lead` (1..4), or 1 for a byte that starts none.
std::size_t utf8_length(unsigned char lead);

// A surrogate or a number above U+10FFFF becomes U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

// The character that starts at byte `at` of well-formed text; at < text.size().
char32_t decode_utf8(std::string_view text, std::size_t at);

// `text` made safe for a one-line message: control bytes and ill-formed UTF-8 escaped, cut after `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 80);

// --- names ---------------------------------------------------------------------------------------------------------

// Optimal string alignment distance (insert, delete, substitute, swap neighbours).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate nearest to `name` if it is near enough to be meant (distance <= max(2, length / 3), and they
// share something). Of equally near ones the first.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace dwubit
