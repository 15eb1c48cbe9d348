// Items, attributes and slices of values.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "template/engine.h"
#include "template/methods.h"
#include "template/objects.h"
#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

// Python's rules for the bounds of a slice of `size` items; the items are at from, from + step, ... `count` times.
struct SliceRange {
    std::int64_t from = 0;
    std::int64_t step = 1;
    std::int64_t count = 0;
};

Result<SliceRange> slice_range(std::int64_t size, const Value& from, const Value& to, const Value& step) {
    for (const Value* bound : {&from, &to, &step}) {
        if (bound->as_undefined() != nullptr) return undefined_error(*bound);
    }
    SliceRange range;
    DWUBIT_ASSIGN(range.step, integer_or(step, 1, "a slice"));
    if (range.step == 0) return invalid("the step of a slice is zero");
    const bool down = range.step < 0;
    const std::int64_t low = down ? -1 : 0;
    const std::int64_t high = down ? size - 1 : size;
    const auto clamp = [&](std::int64_t bound) {
        if (bound < 0) bound = bound < -size ? low : bound + size;
        return std::clamp(bound, low, high);
    };
    DWUBIT_ASSIGN(const std::int64_t first, integer_or(from, 0, "a slice"));
    DWUBIT_ASSIGN(const std::int64_t last, integer_or(to, 0, "a slice"));
    range.from = from.is_none() ? (down ? high : low) : clamp(first);
    const std::int64_t end = to.is_none() ? (down ? low : high) : clamp(last);
    if (down ? end < range.from : range.from < end) {
        const std::uint64_t distance = static_cast<std::uint64_t>(down ? range.from - end : end - range.from);
        const std::uint64_t stride =
            down ? 0 - static_cast<std::uint64_t>(range.step) : static_cast<std::uint64_t>(range.step);
        range.count = static_cast<std::int64_t>((distance - 1) / stride + 1);
    }
    return range;
}

Value missing(const Value& value, std::string_view name) {
    return Value::undefined(fmt::format("'{} object' has no attribute '{}'", value.type_name(), printable(name, 60)));
}

}  // namespace

Result<Value> get_item(const Value& value, const Value& key, Engine& engine) {
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (key.as_undefined() != nullptr && (value.as_dict() == nullptr || is_strictly_undefined(key, engine))) {
        return undefined_error(key);
    }
    if (const auto* dict = value.as_dict()) {
        if (const Value* found = Dict::can_be_key(key) ? dict->find(key) : nullptr) return *found;
    }
    if (const auto* name = key.as_string()) return get_attribute(value, *name, engine);
    Number index;
    if (as_number(key, index) && !index.is_float && value.as_dict() == nullptr) {
        const auto* text = value.as_string();
        const auto* sequence = value.as_sequence();
        if (text != nullptr || (sequence != nullptr && sequence->indexable())) {
            DWUBIT_ASSIGN(const std::int64_t size, length_of(value, engine));
            const std::int64_t at = index.integer < 0 ? index.integer + size : index.integer;
            if (at >= 0 && at < size) {
                if (sequence != nullptr) return sequence->items[static_cast<std::size_t>(at)];
                const std::size_t byte = byte_offset(*text, static_cast<std::size_t>(at));
                return make_text(text->substr(byte, character_length(*text, byte)), engine);
            }
        }
    }
    PaidText shown(engine.budget);
    if (Dict::can_be_key(key)) DWUBIT_TRY(append_repr(key, shown, engine.budget));
    return Value::undefined(
        fmt::format("'{} object' has no element {}", value.type_name(), printable(shown.take(), 60)));
}

Result<Value> get_attribute(const Value& value, const std::string& name, Engine& engine) {
    DWUBIT_TRY(engine.budget.steps(1));
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (name.starts_with("__")) {
        return unsupported(
            fmt::format("attributes that begin with '__' are not available ('{}')", printable(name, 40)));
    }
    if (const Object* object = value.as_object()) {
        if (const auto found = object->attribute(name)) return *found;
        return missing(value, name);
    }
    if (is_python_method(value, name)) {
        return unsupported(fmt::format("'{}' of a {} can only be called", name, value.type_name()));
    }
    if (const auto* dict = value.as_dict()) {
        if (const Value* found = dict->find_text(name)) return *found;
    }
    return missing(value, name);
}

Result<Value> get_slice(const Value& value, const Value& from, const Value& to, const Value& step, Engine& engine) {
    if (value.as_undefined() != nullptr) return undefined_error(value);
    const auto* text = value.as_string();
    const auto* sequence = value.as_sequence();
    if (text == nullptr && (sequence == nullptr || !sequence->indexable())) {
        return invalid(fmt::format("a {} cannot be sliced", value.type_name()));
    }
    DWUBIT_ASSIGN(const std::int64_t size, length_of(value, engine));
    DWUBIT_ASSIGN(const SliceRange range, slice_range(size, from, to, step));
    if (sequence != nullptr) {
        DWUBIT_TRY(engine.budget.items(static_cast<std::uint64_t>(range.count)));
        std::vector<Value> items;
        for (std::int64_t i = 0; i < range.count; ++i) {
            items.push_back(sequence->items[static_cast<std::size_t>(range.from + i * range.step)]);
        }
        return make_list(std::move(items), engine, sequence->kind);
    }
    DWUBIT_TRY(engine.budget.scan(text->size()));
    if (range.step == 1) {
        const std::size_t begin = byte_offset(*text, static_cast<std::size_t>(range.from));
        const std::string_view rest = std::string_view(*text).substr(begin);
        return make_text(std::string(rest.substr(0, byte_offset(rest, static_cast<std::size_t>(range.count)))), engine);
    }
    DWUBIT_TRY(engine.budget.bytes(text->size() * sizeof(std::size_t)));
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < text->size(); i += character_length(*text, i)) starts.push_back(i);
    std::string out;
    for (std::int64_t i = 0; i < range.count; ++i) {
        const std::size_t at = starts[static_cast<std::size_t>(range.from + i * range.step)];
        out += text->substr(at, character_length(*text, at));
    }
    return make_text(std::move(out), engine);
}

}  // namespace dwubit::tmpl
