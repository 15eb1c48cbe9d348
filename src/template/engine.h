// What filters, tests, methods and operators share while a template is rendered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dwubit/result.h"
#include "template/budget.h"
#include "template/template.h"
#include "template/value.h"

namespace dwubit::tmpl {

struct Engine {
    const TemplateOptions& options;
    Budget budget;
};

inline Error invalid(std::string message) {
    return make_error(ErrorKind::kInvalidInput, std::move(message));
}
inline Error unsupported(std::string message) {
    return make_error(ErrorKind::kUnsupported, std::move(message));
}

// --- arguments -----------------------------------------------------------------------------------------------------

struct Arguments {
    std::vector<Value> positional;
    std::vector<std::pair<std::string, Value>> named;
};

// The arguments by parameter; nullopt where none was given. `callee` is for messages.
using Bound = std::vector<std::optional<Value>>;
Result<Bound> bind(std::string_view callee, const Arguments& arguments, std::initializer_list<std::string_view> names,
                   std::size_t required = 0);

// An argument of one type, or what holds without it; none counts as not given.
Result<std::int64_t> integer_or(const std::optional<Value>& argument, std::int64_t fallback, std::string_view callee);
Result<std::string> text_or(const std::optional<Value>& argument, std::string_view fallback, std::string_view callee);

// An argument that must be text.
Result<std::string> text_argument(const Value& argument, std::string_view callee);

// --- making values, paid for ---------------------------------------------------------------------------------------

Result<Value> make_text(std::string text, Engine& engine);
Result<Value> make_list(std::vector<Value> items, Engine& engine, SequenceKind kind = SequenceKind::kList);
Result<Value> make_dict(Dict dict, Engine& engine);
// Refuses a value that holds values too deep.
Result<void> check_value_depth(const Value& value);

// --- Python's operations -------------------------------------------------------------------------------------------

// str()
Result<std::string> text_of(const Value& value, Engine& engine);
Result<bool> truth(const Value& value, Engine& engine);
Result<bool> equal(const Value& a, const Value& b, Engine& engine);
// -1, 0, 1, or 2 where neither holds (NaN); an error for types without an order.
Result<int> order(const Value& a, const Value& b, Engine& engine);
Result<bool> contains(const Value& container, const Value& item, Engine& engine);
Result<Value> arithmetic(std::string_view sign, const Value& a, const Value& b, Engine& engine);
Result<Value> negative(const Value& value);

// The items that a for loop sees; a generator is used up.
Result<std::vector<Value>> iterate(const Value& value, Engine& engine);
// len(); an error for what has none.
Result<std::int64_t> length_of(const Value& value, Engine& engine);
// value[key], undefined where there is none.
Result<Value> get_item(const Value& value, const Value& key, Engine& engine);
// value.name: a key of a dict or an attribute of an object. Methods are called, never read.
Result<Value> get_attribute(const Value& value, const std::string& name, Engine& engine);
// value[from:to:step], each none where not given.
Result<Value> get_slice(const Value& value, const Value& from, const Value& to, const Value& step, Engine& engine);

Error undefined_error(const Value& value);
// Whether the value is undefined and any use of it is an error; else an undefined value is empty and false.
bool is_strictly_undefined(const Value& value, const Engine& engine);

}  // namespace dwubit::tmpl
