// Filters over the items of a value.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.h"
#include "template/filters.h"
#include "template/python_text.h"
#include "template/tests.h"

namespace dwubit::tmpl {
namespace {

// The value behind a path such as "address.0.city"; none as path gives the value itself.
Result<Value> follow(Value value, const std::optional<Value>& path, const std::optional<Value>& fallback,
                     Engine& engine) {
    if (!path || path->is_none()) return value;
    std::vector<Value> parts;
    if (const auto* text = path->as_string()) {
        for (std::size_t start = 0; start <= text->size();) {
            const std::size_t dot = std::min(text->find('.', start), text->size());
            const std::string part = text->substr(start, dot - start);
            std::int64_t index = 0;
            const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
            const bool digits = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
            if (digits && read.ec != std::errc()) return invalid("an index in an attribute is too large");
            parts.push_back(digits ? Value(index) : Value(part));
            start = dot + 1;
        }
    } else {
        parts.push_back(*path);
    }
    for (const Value& part : parts) {
        DWUBIT_ASSIGN(value, get_item(value, part, engine));
        if (value.as_undefined() != nullptr && fallback && !fallback->is_none()) value = *fallback;
    }
    return value;
}

// What sort, unique, min and max compare: text without case, unless told otherwise.
Result<Value> sort_key(const Value& item, const std::optional<Value>& path, bool case_sensitive, Engine& engine) {
    DWUBIT_ASSIGN(auto key, follow(item, path, std::nullopt, engine));
    if (case_sensitive || key.as_string() == nullptr) return key;
    return make_text(to_lower(*key.as_string()), engine);
}

struct Keyed {
    Value key;
    Value item;
};

// A stable merge sort whose comparison may fail.
Result<void> sort_keyed(std::vector<Keyed>& items, Engine& engine) {
    std::vector<Keyed> merged(items.size());
    for (std::size_t width = 1; width < items.size(); width *= 2) {
        for (std::size_t start = 0; start < items.size(); start += 2 * width) {
            const std::size_t middle = std::min(start + width, items.size());
            const std::size_t end = std::min(start + 2 * width, items.size());
            std::size_t a = start;
            std::size_t b = middle;
            for (std::size_t out = start; out < end; ++out) {
                bool take_right = a == middle;
                if (a < middle && b < end) {
                    DWUBIT_ASSIGN(const int sign, order(items[b].key, items[a].key, engine));
                    take_right = sign == -1;
                }
                merged[out] = std::move(items[take_right ? b++ : a++]);
            }
        }
        items.swap(merged);
    }
    return {};
}

Result<std::vector<Value>> sorted(std::vector<Keyed> items, bool reverse, Engine& engine) {
    if (reverse) std::reverse(items.begin(), items.end());
    DWUBIT_TRY(sort_keyed(items, engine));
    if (reverse) std::reverse(items.begin(), items.end());
    std::vector<Value> out;
    out.reserve(items.size());
    for (auto& item : items) out.push_back(std::move(item.item));
    return out;
}

Result<bool> flag(const std::optional<Value>& argument, Engine& engine) {
    return truth(argument.value_or(Value(false)), engine);
}

Result<Value> sort(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("sort", arguments, {"reverse", "case_sensitive", "attribute"}));
    DWUBIT_ASSIGN(const bool reverse, flag(bound[0], engine));
    DWUBIT_ASSIGN(const bool case_sensitive, flag(bound[1], engine));
    if (bound[2] && bound[2]->as_string() != nullptr && bound[2]->as_string()->find(',') != std::string::npos) {
        return unsupported("sort by several attributes is not supported");
    }
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    std::vector<Keyed> keyed;
    for (const Value& item : items) {
        DWUBIT_ASSIGN(auto key, sort_key(item, bound[2], case_sensitive, engine));
        keyed.push_back({std::move(key), item});
    }
    DWUBIT_ASSIGN(auto out, sorted(std::move(keyed), reverse, engine));
    return make_list(std::move(out), engine);
}

Result<Value> dictsort(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("dictsort", arguments, {"case_sensitive", "by", "reverse"}));
    DWUBIT_ASSIGN(const bool case_sensitive, flag(bound[0], engine));
    DWUBIT_ASSIGN(const std::string by, text_or(bound[1], "key", "dictsort"));
    DWUBIT_ASSIGN(const bool reverse, flag(bound[2], engine));
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (value.as_dict() == nullptr) return invalid(fmt::format("dictsort needs a dict, not a {}", value.type_name()));
    if (by != "key" && by != "value") return invalid("dictsort: 'by' is key or value");
    std::vector<Keyed> keyed;
    for (const auto& item : value.as_dict()->items()) {
        DWUBIT_ASSIGN(auto key, sort_key(by == "key" ? item.key : item.value, std::nullopt, case_sensitive, engine));
        DWUBIT_ASSIGN(auto pair, make_list({item.key, item.value}, engine, SequenceKind::kTuple));
        keyed.push_back({std::move(key), std::move(pair)});
    }
    DWUBIT_ASSIGN(auto out, sorted(std::move(keyed), reverse, engine));
    return make_list(std::move(out), engine);
}

Result<Value> unique(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("unique", arguments, {"case_sensitive", "attribute"}));
    DWUBIT_ASSIGN(const bool case_sensitive, flag(bound[0], engine));
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    Dict seen;
    std::vector<Value> out;
    for (const Value& item : items) {
        DWUBIT_ASSIGN(auto key, sort_key(item, bound[1], case_sensitive, engine));
        if (!Dict::can_be_key(key))
            return unsupported(fmt::format("unique over a {} is not supported", key.type_name()));
        if (seen.find(key) != nullptr) continue;
        seen.set(std::move(key), Value());
        out.push_back(item);
    }
    return make_list(std::move(out), engine, SequenceKind::kLazy);
}

template <int wanted>
Result<Value> extreme(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("min", arguments, {"case_sensitive", "attribute"}));
    DWUBIT_ASSIGN(const bool case_sensitive, flag(bound[0], engine));
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    if (items.empty()) return Value::undefined("No aggregated item, sequence was empty.");
    Value best = items.front();
    DWUBIT_ASSIGN(Value best_key, sort_key(best, bound[1], case_sensitive, engine));
    for (std::size_t i = 1; i < items.size(); ++i) {
        DWUBIT_ASSIGN(auto key, sort_key(items[i], bound[1], case_sensitive, engine));
        DWUBIT_ASSIGN(const int sign, order(key, best_key, engine));
        if (sign != wanted) continue;
        best = items[i];
        best_key = std::move(key);
    }
    return best;
}

Result<Value> sum(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("sum", arguments, {"attribute", "start"}));
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    Value total = bound[1].value_or(Value(0));
    if (total.as_string() != nullptr) return invalid("sum does not add text");
    for (const Value& item : items) {
        DWUBIT_ASSIGN(const auto part, follow(item, bound[0], std::nullopt, engine));
        DWUBIT_ASSIGN(total, arithmetic("+", total, part, engine));
    }
    return total;
}

Result<Value> first(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("first", arguments, {}));
    if (const auto* sequence = value.as_sequence(); sequence != nullptr && sequence->kind == SequenceKind::kLazy) {
        if (sequence->next < sequence->items.size()) return sequence->items[sequence->next++];
        return Value::undefined("No first item, sequence was empty.");
    }
    DWUBIT_ASSIGN(auto items, iterate(value, engine));
    if (items.empty()) return Value::undefined("No first item, sequence was empty.");
    return std::move(items.front());
}

bool is_lazy(const Value& value) {
    return value.as_sequence() != nullptr && value.as_sequence()->kind == SequenceKind::kLazy;
}

Result<Value> last(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("last", arguments, {}));
    if (is_lazy(value)) return invalid("a generator has no last item");
    DWUBIT_ASSIGN(auto items, iterate(value, engine));
    if (items.empty()) return Value::undefined("No last item, sequence was empty.");
    return std::move(items.back());
}

Result<Value> list(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("list", arguments, {}));
    DWUBIT_ASSIGN(auto items, iterate(value, engine));
    return make_list(std::move(items), engine);
}

Result<Value> length(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("length", arguments, {}));
    DWUBIT_ASSIGN(const std::int64_t count, length_of(value, engine));
    return Value(count);
}

Result<Value> reverse(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("reverse", arguments, {}));
    if (value.as_string() != nullptr) return get_slice(value, Value(), Value(), Value(-1), engine);
    DWUBIT_ASSIGN(auto items, iterate(value, engine));
    std::reverse(items.begin(), items.end());
    return make_list(std::move(items), engine, is_lazy(value) ? SequenceKind::kList : SequenceKind::kLazy);
}

Result<Value> join(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("join", arguments, {"d", "attribute"}));
    DWUBIT_ASSIGN(const std::string separator, text_of(bound[0].value_or(Value("")), engine));
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    PaidText out(engine.budget);
    for (const Value& item : items) {
        if (&item != items.data()) DWUBIT_TRY(out.add(separator));
        DWUBIT_ASSIGN(const Value part, follow(item, bound[1], std::nullopt, engine));
        DWUBIT_ASSIGN(const std::string text, text_of(part, engine));
        DWUBIT_TRY(out.add(text));
    }
    return make_text(out.take(), engine);
}

Result<Value> items_filter(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("items", arguments, {}));
    std::vector<Value> out;
    if (value.as_undefined() == nullptr) {
        if (value.as_dict() == nullptr) return invalid("items needs a dict");
        for (const auto& item : value.as_dict()->items()) {
            DWUBIT_ASSIGN(auto pair, make_list({item.key, item.value}, engine, SequenceKind::kTuple));
            out.push_back(std::move(pair));
        }
    }
    return make_list(std::move(out), engine, SequenceKind::kLazy);
}

Result<Value> batch(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("batch", arguments, {"linecount", "fill_with"}, 1));
    DWUBIT_ASSIGN(const std::int64_t width, integer_or(bound[0], 0, "batch"));
    if (width < 1 || width > 1'000'000) return invalid("batch: the length is not between 1 and 1000000");
    DWUBIT_ASSIGN(const auto items, iterate(value, engine));
    std::vector<Value> out;
    for (std::size_t i = 0; i < items.size(); i += static_cast<std::size_t>(width)) {
        const std::size_t end = std::min(i + static_cast<std::size_t>(width), items.size());
        std::vector<Value> row(items.begin() + static_cast<std::ptrdiff_t>(i),
                               items.begin() + static_cast<std::ptrdiff_t>(end));
        if (bound[1] && !bound[1]->is_none()) row.resize(static_cast<std::size_t>(width), *bound[1]);
        DWUBIT_ASSIGN(auto line, make_list(std::move(row), engine));
        out.push_back(std::move(line));
    }
    return make_list(std::move(out), engine, SequenceKind::kLazy);
}

// Whether there is anything to go through: Jinja2 asks for truth first, which an undefined value may refuse.
Result<std::vector<Value>> items_if_any(const Value& value, Engine& engine) {
    DWUBIT_ASSIGN(const bool any, truth(value, engine));
    if (!any) return std::vector<Value>();
    return iterate(value, engine);
}

Result<Value> map(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const auto items, items_if_any(value, engine));
    std::vector<Value> out;
    if (arguments.positional.empty()) {
        DWUBIT_ASSIGN(const Bound bound, bind("map", arguments, {"attribute", "default"}, 1));
        for (const Value& item : items) {
            DWUBIT_ASSIGN(auto part, follow(item, bound[0], bound[1], engine));
            out.push_back(std::move(part));
        }
        return make_list(std::move(out), engine, SequenceKind::kLazy);
    }
    DWUBIT_ASSIGN(const std::string name, text_argument(arguments.positional[0], "map"));
    if (!has_filter(name, engine.options)) {
        return unsupported(fmt::format("the filter '{}' is not supported", printable(name)));
    }
    Arguments rest = arguments;
    rest.positional.erase(rest.positional.begin());
    for (const Value& item : items) {
        DWUBIT_ASSIGN(auto part, apply_filter(name, item, rest, engine));
        out.push_back(std::move(part));
    }
    return make_list(std::move(out), engine, SequenceKind::kLazy);
}

template <bool keep, bool by_attribute>
Result<Value> select(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const auto items, items_if_any(value, engine));
    Arguments rest = arguments;
    std::optional<Value> path;
    if (by_attribute) {
        if (rest.positional.empty()) return invalid("selectattr needs the name of an attribute");
        path = rest.positional.front();
        rest.positional.erase(rest.positional.begin());
    }
    const TestEntry* test = nullptr;
    if (!rest.positional.empty()) {
        DWUBIT_ASSIGN(const std::string name, text_argument(rest.positional[0], "select"));
        test = find_test(name);
        if (test == nullptr) return unsupported(fmt::format("the test '{}' is not supported", printable(name)));
        rest.positional.erase(rest.positional.begin());
    }
    std::vector<Value> out;
    for (const Value& item : items) {
        DWUBIT_ASSIGN(const Value part, follow(item, path, std::nullopt, engine));
        DWUBIT_ASSIGN(const bool passes, test != nullptr ? test->function(part, rest, engine) : truth(part, engine));
        if (passes == keep) out.push_back(item);
    }
    return make_list(std::move(out), engine, SequenceKind::kLazy);
}

constexpr FilterEntry kFilters[] = {
    {"first", first},
    {"last", last},
    {"list", list},
    {"length", length},
    {"count", length},
    {"join", join},
    {"reverse", reverse},
    {"sort", sort},
    {"dictsort", dictsort},
    {"unique", unique},
    {"min", extreme<-1>},
    {"max", extreme<1>},
    {"sum", sum},
    {"items", items_filter},
    {"batch", batch},
    {"map", map},
    {"select", select<true, false>},
    {"reject", select<false, false>},
    {"selectattr", select<true, true>},
    {"rejectattr", select<false, true>},
};

const FilterEntry* find_filter(std::string_view name) {
    if (const auto* entry = find_text_filter(name)) return entry;
    if (const auto* entry = find_number_filter(name)) return entry;
    return find_sequence_filter(name);
}

}  // namespace

const FilterEntry* find_sequence_filter(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.name == name; });
    return found == std::end(kFilters) ? nullptr : found;
}

bool has_filter(std::string_view name, const TemplateOptions& options) {
    if (options.filters.contains(std::string(name))) return true;
    return find_filter(name) != nullptr && (name != "tojson" || options.chat_extensions);
}

Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(engine.budget.steps(1));
    if (const auto own = engine.options.filters.find(std::string(name)); own != engine.options.filters.end()) {
        if (!arguments.named.empty()) return unsupported(fmt::format("{} takes no named arguments", name));
        std::vector<Value> all = {value};
        all.insert(all.end(), arguments.positional.begin(), arguments.positional.end());
        DWUBIT_ASSIGN(auto result, own->second(all));
        DWUBIT_TRY(check_value_depth(result));
        return result;
    }
    return find_filter(name)->function(value, arguments, engine);
}

}  // namespace dwubit::tmpl
