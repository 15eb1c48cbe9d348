#include "template/methods.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "template/text_methods.h"

namespace dwubit::tmpl {
namespace {

constexpr std::string_view kTextNames[] = {
    "capitalize",   "casefold",   "center",    "count",       "encode",    "endswith",     "expandtabs",   "find",
    "format",       "format_map", "index",     "isalnum",     "isalpha",   "isascii",      "isdecimal",    "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",      "isupper",      "join",
    "ljust",        "lower",      "lstrip",    "maketrans",   "partition", "removeprefix", "removesuffix", "replace",
    "rfind",        "rindex",     "rjust",     "rpartition",  "rsplit",    "rstrip",       "split",        "splitlines",
    "startswith",   "strip",      "swapcase",  "title",       "translate", "upper",        "zfill"};
constexpr std::string_view kListNames[] = {"append", "clear", "copy",   "count",   "extend", "index",
                                           "insert", "pop",   "remove", "reverse", "sort"};
constexpr std::string_view kTupleNames[] = {"count", "index", "start", "stop", "step"};
constexpr std::string_view kViewNames[] = {"isdisjoint", "mapping"};
constexpr std::string_view kLazyNames[] = {"close", "send", "throw"};
constexpr std::string_view kDictNames[] = {"clear", "copy",    "fromkeys",   "get",    "items", "keys",
                                           "pop",   "popitem", "setdefault", "update", "values"};
constexpr std::string_view kNumberNames[] = {"as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator",
                                             "from_bytes",       "fromhex",   "hex",        "imag",      "is_integer",
                                             "numerator",        "real",      "to_bytes"};

std::span<const std::string_view> names_of(const Value& value) {
    Number number;
    if (value.as_string() != nullptr) return kTextNames;
    if (value.as_dict() != nullptr) return kDictNames;
    if (as_number(value, number)) return kNumberNames;
    if (const auto* sequence = value.as_sequence()) {
        switch (sequence->kind) {
            case SequenceKind::kList:
                return kListNames;
            case SequenceKind::kTuple:
                return std::span(kTupleNames).first(2);
            case SequenceKind::kRange:
                return kTupleNames;
            case SequenceKind::kLazy:
                return kLazyNames;
            default:
                return kViewNames;
        }
    }
    return {};
}

Result<Value> dict_method(const Dict& dict, std::string_view name, const Arguments& arguments, Engine& engine) {
    if (name == "get") {
        DWUBIT_ASSIGN(const Bound bound, bind("get()", arguments, {"key", "default"}, 1));
        if (is_strictly_undefined(*bound[0], engine)) return undefined_error(*bound[0]);
        const Value* found = Dict::can_be_key(*bound[0]) ? dict.find(*bound[0]) : nullptr;
        if (found != nullptr) return *found;
        return bound[1].value_or(Value());
    }
    DWUBIT_TRY(bind(name, arguments, {}));
    DWUBIT_TRY(engine.budget.items(3 * dict.size()));
    std::vector<Value> items;
    if (name == "copy") return make_dict(Dict(dict), engine);
    if (name == "keys") {
        for (const auto& item : dict.items()) items.push_back(item.key);
        return make_list(std::move(items), engine, SequenceKind::kKeys);
    }
    if (name == "values") {
        for (const auto& item : dict.items()) items.push_back(item.value);
        return make_list(std::move(items), engine, SequenceKind::kValues);
    }
    for (const auto& item : dict.items()) {
        DWUBIT_ASSIGN(auto pair, make_list({item.key, item.value}, engine, SequenceKind::kTuple));
        items.push_back(std::move(pair));
    }
    return make_list(std::move(items), engine, SequenceKind::kItems);
}

// index() and count() of a list or tuple.
Result<Value> search(const Sequence& sequence, std::string_view name, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind(name, arguments, {"value", "start", "stop"}, 1));
    const auto size = static_cast<std::int64_t>(sequence.items.size());
    DWUBIT_ASSIGN(std::int64_t from, integer_or(bound[1], 0, "index()"));
    DWUBIT_ASSIGN(std::int64_t to, integer_or(bound[2], size, "index()"));
    if (from < 0) from = std::max<std::int64_t>(from + size, 0);
    if (to < 0) to = std::max<std::int64_t>(to + size, 0);
    std::int64_t count = 0;
    for (std::int64_t i = from; i < std::min(to, size); ++i) {
        DWUBIT_ASSIGN(const bool same, equal(sequence.items[static_cast<std::size_t>(i)], *bound[0], engine));
        if (same && name == "index") return Value(i);
        count += same ? 1 : 0;
    }
    if (name == "index") return invalid("index(): the value is not in the list");
    return Value(count);
}

}  // namespace

bool is_python_method(const Value& value, std::string_view name) {
    const auto names = names_of(value);
    return std::find(names.begin(), names.end(), name) != names.end();
}

Result<Value> call_method(const Value& value, std::string_view name, const Arguments& arguments, Engine& engine) {
    if (const auto* text = value.as_string()) {
        if (const auto* method = find_text_method(name)) return method->function(*text, arguments, engine);
    }
    if (const auto* dict = value.as_dict()) {
        for (const std::string_view known : {"get", "keys", "values", "items", "copy"}) {
            if (name == known) return dict_method(*dict, name, arguments, engine);
        }
    }
    if (const auto* sequence = value.as_sequence(); sequence != nullptr && sequence->indexable()) {
        if (name == "index" || name == "count") return search(*sequence, name, arguments, engine);
        if (name == "copy") return make_list(std::vector<Value>(sequence->items), engine, sequence->kind);
    }
    for (const std::string_view changing : {"append", "clear", "extend", "insert", "pop", "popitem", "remove",
                                            "reverse", "setdefault", "sort", "update"}) {
        if (name == changing) {
            return unsupported(
                fmt::format("{}() is not supported: a template cannot change a {}", name, value.type_name()));
        }
    }
    return unsupported(fmt::format("the method {}() of a {} is not supported", name, value.type_name()));
}

}  // namespace dwubit::tmpl
