// Jinja2's filters: what is behind a '|'.
#pragma once

#include <string>
#include <string_view>

#include "template/engine.h"

namespace dwubit::tmpl {

bool has_filter(std::string_view name, const TemplateOptions& options);

Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments, Engine& engine);

// --- for the files that hold filters -------------------------------------------------------------------------------

using FilterFunction = Result<Value> (*)(const Value& value, const Arguments& arguments, Engine& engine);

struct FilterEntry {
    std::string_view name;
    FilterFunction function;
};

const FilterEntry* find_text_filter(std::string_view name);
const FilterEntry* find_sequence_filter(std::string_view name);
const FilterEntry* find_number_filter(std::string_view name);

}  // namespace dwubit::tmpl
