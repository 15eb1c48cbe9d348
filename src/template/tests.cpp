#include "template/tests.h"

#include <algorithm>
#include <iterator>

namespace dwubit::tmpl {
namespace {

using TypeCheck = bool (*)(const Value&);

// A test of the value alone.
template <TypeCheck check>
Result<bool> is(const Value& value, const Arguments& arguments, Engine&) {
    DWUBIT_TRY(bind("the test", arguments, {}));
    return check(value);
}

bool is_defined(const Value& value) {
    return value.as_undefined() == nullptr;
}
bool is_undefined(const Value& value) {
    return value.as_undefined() != nullptr;
}
bool is_none(const Value& value) {
    return value.is_none();
}
bool is_boolean(const Value& value) {
    return value.as_bool() != nullptr;
}
bool is_true(const Value& value) {
    return value.as_bool() != nullptr && *value.as_bool();
}
bool is_false(const Value& value) {
    return value.as_bool() != nullptr && !*value.as_bool();
}
bool is_integer(const Value& value) {
    return value.as_int() != nullptr;
}
bool is_float(const Value& value) {
    return value.as_float() != nullptr;
}
bool is_number(const Value& value) {
    Number number;
    return as_number(value, number);
}
bool is_string(const Value& value) {
    return value.as_string() != nullptr;
}
bool is_mapping(const Value& value) {
    return value.as_dict() != nullptr;
}
bool is_callable(const Value& value) {
    return value.as_function() != nullptr || value.as_object() != nullptr;
}

Result<bool> is_iterable(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("iterable", arguments, {}));
    if (is_strictly_undefined(value, engine)) return undefined_error(value);
    return value.as_string() != nullptr || value.as_sequence() != nullptr || value.as_dict() != nullptr ||
           value.as_undefined() != nullptr;
}

Result<bool> is_sequence(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("sequence", arguments, {}));
    if (value.as_undefined() != nullptr) return !is_strictly_undefined(value, engine);
    const auto* sequence = value.as_sequence();
    return value.as_string() != nullptr || value.as_dict() != nullptr || (sequence != nullptr && sequence->indexable());
}

// value % divisor == rest
Result<bool> has_rest(const Value& value, const Value& divisor, int rest, Engine& engine) {
    DWUBIT_ASSIGN(const Value modulo, arithmetic("%", value, divisor, engine));
    return equal(modulo, Value(rest), engine);
}

Result<bool> is_odd(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("odd", arguments, {}));
    return has_rest(value, Value(2), 1, engine);
}

Result<bool> is_even(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_TRY(bind("even", arguments, {}));
    return has_rest(value, Value(2), 0, engine);
}

Result<bool> is_divisible(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("divisibleby", arguments, {"num"}, 1));
    return has_rest(value, *bound[0], 0, engine);
}

Result<bool> is_in(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("in", arguments, {"seq"}, 1));
    return contains(*bound[0], value, engine);
}

Result<bool> is_equal(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("eq", arguments, {"other"}, 1));
    return equal(value, *bound[0], engine);
}

Result<bool> is_unequal(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const bool same, is_equal(value, arguments, engine));
    return !same;
}

// `sign` is what order() gives; with or_equal, 0 passes too.
template <int sign, bool or_equal>
Result<bool> is_ordered(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("the comparison", arguments, {"other"}, 1));
    DWUBIT_ASSIGN(const int found, order(value, *bound[0], engine));
    return found == sign || (or_equal && found == 0);
}

constexpr TestEntry kTests[] = {
    {"defined", is<is_defined>},
    {"undefined", is<is_undefined>},
    {"none", is<is_none>},
    {"boolean", is<is_boolean>},
    {"true", is<is_true>},
    {"false", is<is_false>},
    {"integer", is<is_integer>},
    {"float", is<is_float>},
    {"number", is<is_number>},
    {"string", is<is_string>},
    {"mapping", is<is_mapping>},
    {"callable", is<is_callable>},
    {"iterable", is_iterable},
    {"sequence", is_sequence},
    {"odd", is_odd},
    {"even", is_even},
    {"divisibleby", is_divisible},
    {"in", is_in},
    {"eq", is_equal},
    {"equalto", is_equal},
    {"==", is_equal},
    {"ne", is_unequal},
    {"!=", is_unequal},
    {"lt", is_ordered<-1, false>},
    {"lessthan", is_ordered<-1, false>},
    {"<", is_ordered<-1, false>},
    {"le", is_ordered<-1, true>},
    {"<=", is_ordered<-1, true>},
    {"gt", is_ordered<1, false>},
    {"greaterthan", is_ordered<1, false>},
    {">", is_ordered<1, false>},
    {"ge", is_ordered<1, true>},
    {">=", is_ordered<1, true>},
};

}  // namespace

const TestEntry* find_test(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kTests), std::end(kTests), [&](const auto& t) { return t.name == name; });
    return found == std::end(kTests) ? nullptr : found;
}

}  // namespace dwubit::tmpl
