// Jinja2's tests: what is behind an 'is'.
#pragma once

#include <string_view>

#include "template/engine.h"

namespace dwubit::tmpl {

struct TestEntry {
    std::string_view name;
    Result<bool> (*function)(const Value& value, const Arguments& arguments, Engine& engine);
};

// Null where there is none.
const TestEntry* find_test(std::string_view name);

}  // namespace dwubit::tmpl
