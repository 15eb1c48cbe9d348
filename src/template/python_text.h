// Text as Python has it: characters instead of bytes, its white space, its case, and str(), repr() and json.dumps().
//
// Text is UTF-8; bytes that are not read as one character each, so nothing here reads outside its text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "template/budget.h"
#include "template/value.h"

namespace dwubit::tmpl {

// The character that starts at byte `at` < text.size(), and how many bytes it takes.
char32_t character_at(std::string_view text, std::size_t at);
std::size_t character_length(std::string_view text, std::size_t at);
std::size_t count_characters(std::string_view text);
// The byte where character `index` starts; text.size() behind the last.
std::size_t byte_offset(std::string_view text, std::size_t index);

bool is_space(char32_t c);
std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);

// Python's str.upper(), lower(), title(), capitalize(): full case mappings of Unicode 14.
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_title(std::string_view text);
std::string capitalized(std::string_view text);

// repr() of a float: 1.0, 1e-05, inf.
std::string float_text(double value);

// repr(). What Python prints with an address is an error.
Result<void> append_repr(const Value& value, PaidText& out, Budget& budget);

struct JsonStyle {
    bool ascii = false;  // ensure_ascii
    bool sort_keys = false;
    bool multiline = false;  // an indent is given
    std::string indent;
    std::string item_separator = ", ";
    std::string key_separator = ": ";
};

// json.dumps()
Result<std::string> to_json(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace dwubit::tmpl
