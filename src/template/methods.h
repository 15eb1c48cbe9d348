// Methods of str, list and dict that templates call.
#pragma once

#include <string>
#include <string_view>

#include "template/engine.h"

namespace dwubit::tmpl {

// Whether Python's type has a method of this name, supported here or not: then value.name is not a key.
bool is_python_method(const Value& value, std::string_view name);

// is_python_method(value, name). A method that is not supported, or changes its value, is an error.
Result<Value> call_method(const Value& value, std::string_view name, const Arguments& arguments, Engine& engine);

// str.replace() with count characters at most (-1: all), and str.strip() of the given characters (none: white space).
Result<Value> replace_text(const std::string& text, const std::string& from, const std::string& to, std::int64_t count,
                           Engine& engine);
std::string_view strip_characters(std::string_view text, const std::string* characters, bool left, bool right);

}  // namespace dwubit::tmpl
