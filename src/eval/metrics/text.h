// Texts as the metrics take them apart, and JSON as Python writes it. Case, white space and repr() are
// template/python_text.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace dwubit {

// str.strip() and str.split() without arguments.
std::string_view strip_space(std::string_view text);
std::vector<std::string_view> split_words(std::string_view text);
// str.split(), joined without anything between.
std::u32string without_space(std::string_view text);

// General category P.
bool is_punctuation(char32_t c);

// json.dumps(value, ensure_ascii=False), and with indent=2. Hashes are taken of these bytes. NaN and infinities are
// written as Python writes them.
std::string python_json(const OrderedJson& value);
std::string python_json_indented(const OrderedJson& value);

}  // namespace dwubit
