#include "template/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

constexpr std::size_t kMaxValueDepth = 100;
constexpr std::size_t kStringOverhead = 64;

}  // namespace

Result<Bound> bind(std::string_view callee, const Arguments& arguments, std::initializer_list<std::string_view> names,
                   std::size_t required) {
    if (arguments.positional.size() > names.size()) {
        return invalid(
            fmt::format("{} takes at most {} arguments, {} given", callee, names.size(), arguments.positional.size()));
    }
    Bound bound(names.size());
    for (std::size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = arguments.positional[i];
    for (const auto& [name, value] : arguments.named) {
        const auto* place = std::find(names.begin(), names.end(), name);
        if (place == names.end()) return invalid(fmt::format("{} has no argument '{}'", callee, name));
        auto& slot = bound[static_cast<std::size_t>(place - names.begin())];
        if (slot) return invalid(fmt::format("{}: the argument '{}' is given twice", callee, name));
        slot = value;
    }
    for (std::size_t i = 0; i < required; ++i) {
        if (!bound[i]) return invalid(fmt::format("{} needs the argument '{}'", callee, names.begin()[i]));
    }
    return bound;
}

Result<std::int64_t> integer_or(const std::optional<Value>& argument, std::int64_t fallback, std::string_view callee) {
    if (!argument || argument->is_none()) return fallback;
    Number number;
    if (argument->as_undefined() != nullptr) return undefined_error(*argument);
    if (!as_number(*argument, number) || number.is_float) {
        return invalid(fmt::format("{} needs an integer, not a {}", callee, argument->type_name()));
    }
    return number.integer;
}

Result<std::string> text_or(const std::optional<Value>& argument, std::string_view fallback, std::string_view callee) {
    if (!argument || argument->is_none()) return std::string(fallback);
    return text_argument(*argument, callee);
}

Result<std::string> text_argument(const Value& argument, std::string_view callee) {
    if (const auto* text = argument.as_string()) return *text;
    if (argument.as_undefined() != nullptr) return undefined_error(argument);
    return invalid(fmt::format("{} needs text, not a {}", callee, argument.type_name()));
}

Result<Value> make_text(std::string text, Engine& engine) {
    DWUBIT_TRY(engine.budget.bytes(text.size() + kStringOverhead));
    return Value(std::move(text));
}

Result<Value> make_list(std::vector<Value> items, Engine& engine, SequenceKind kind) {
    DWUBIT_TRY(engine.budget.items(items.size() + 3));
    auto list = Value::list(std::move(items), kind);
    DWUBIT_TRY(check_value_depth(list));
    return list;
}

Result<Value> make_dict(Dict dict, Engine& engine) {
    DWUBIT_TRY(engine.budget.items(5 * dict.size() + 5));
    Value value(std::make_shared<const Dict>(std::move(dict)));
    DWUBIT_TRY(check_value_depth(value));
    return value;
}

Result<void> check_value_depth(const Value& value) {
    if (value.depth() <= kMaxValueDepth) return {};
    return invalid(fmt::format("lists and dicts lie more than {} deep", kMaxValueDepth));
}

Error undefined_error(const Value& value) {
    return invalid(*value.as_undefined()->reason);
}

bool is_strictly_undefined(const Value& value, const Engine& engine) {
    const auto* undefined = value.as_undefined();
    return undefined != nullptr && engine.options.strict_undefined && !undefined->lenient;
}

Result<std::string> text_of(const Value& value, Engine& engine) {
    if (value.as_undefined() != nullptr) {
        if (is_strictly_undefined(value, engine)) return undefined_error(value);
        return std::string();
    }
    PaidText out(engine.budget);
    if (const auto* text = value.as_string()) {
        DWUBIT_TRY(out.add(*text));
    } else {
        DWUBIT_TRY(append_repr(value, out, engine.budget));
    }
    return out.take();
}

Result<std::vector<Value>> iterate(const Value& value, Engine& engine) {
    if (value.as_undefined() != nullptr) {
        if (is_strictly_undefined(value, engine)) return undefined_error(value);
        return std::vector<Value>();
    }
    std::vector<Value> items;
    if (const auto* sequence = value.as_sequence()) {
        DWUBIT_TRY(engine.budget.items(sequence->items.size() - sequence->next));
        items.assign(sequence->items.begin() + static_cast<std::ptrdiff_t>(sequence->next), sequence->items.end());
        if (sequence->kind == SequenceKind::kLazy) sequence->next = sequence->items.size();
        return items;
    }
    if (const auto* dict = value.as_dict()) {
        DWUBIT_TRY(engine.budget.items(dict->size()));
        for (const auto& item : dict->items()) items.push_back(item.key);
        return items;
    }
    if (const auto* text = value.as_string()) {
        for (std::size_t i = 0; i < text->size(); i += character_length(*text, i)) {
            DWUBIT_TRY(engine.budget.items(1));
            DWUBIT_ASSIGN(auto character, make_text(text->substr(i, character_length(*text, i)), engine));
            items.push_back(std::move(character));
        }
        return items;
    }
    return invalid(fmt::format("a {} cannot be iterated", value.type_name()));
}

Result<std::int64_t> length_of(const Value& value, Engine& engine) {
    if (value.as_undefined() != nullptr) {
        if (is_strictly_undefined(value, engine)) return undefined_error(value);
        return std::int64_t{0};
    }
    if (const auto* text = value.as_string()) {
        DWUBIT_TRY(engine.budget.scan(text->size()));
        return static_cast<std::int64_t>(count_characters(*text));
    }
    if (const auto* dict = value.as_dict()) return static_cast<std::int64_t>(dict->size());
    const auto* sequence = value.as_sequence();
    if (sequence != nullptr && sequence->kind != SequenceKind::kLazy) {
        return static_cast<std::int64_t>(sequence->items.size());
    }
    return invalid(fmt::format("a {} has no length", value.type_name()));
}

}  // namespace dwubit::tmpl
