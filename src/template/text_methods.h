// Methods of str. methods.h has the dispatch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "template/engine.h"

namespace dwubit::tmpl {

struct TextMethod {
    std::string_view name;
    Result<Value> (*function)(const std::string& text, const Arguments& arguments, Engine& engine);
};

// Null where it is not supported.
const TextMethod* find_text_method(std::string_view name);

// str.splitlines()
std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace dwubit::tmpl
