// Values of documents as Python sees them: str(), ==, isdigit(), ast.literal_eval(). lm-evaluation-harness passes what
// a template gives through these.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"
#include "template/value.h"

namespace dwubit {

// For templates; members in order. Error: an integer beyond 64 bits.
Result<tmpl::Value> template_value_of(const OrderedJson& value);

// str(value): "True", "None", "1.0", "['a', 1]".
Result<std::string> python_text(const OrderedJson& value);

// value == other: members in any order, 1 == 1.0 == True.
bool python_equal(const OrderedJson& a, const OrderedJson& b);

// "int", "str", "list", ...
std::string_view python_type(const OrderedJson& value);

// text.isdigit(), for ASCII.
bool is_digits(std::string_view text);

struct LiteralLimits {
    std::size_t depth = 32;
    std::size_t bytes = std::size_t{16} << 20;
};

// ast.literal_eval(text) of text, numbers, True, False, None, lists, tuples and dicts with text as keys; a tuple
// becomes a list. What Python accepts beyond that (bytes, sets, complex numbers, integers beyond 64 bits) is an error
// too. kInvalidInput, with the place in characters.
Result<OrderedJson> parse_python_literal(std::string_view text, const LiteralLimits& limits = {});

}  // namespace dwubit
