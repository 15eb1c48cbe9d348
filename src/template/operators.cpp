// Truth, comparison and arithmetic as Python has them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "template/engine.h"
#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

Error no_operation(std::string_view sign, const Value& a, const Value& b) {
    if (a.as_undefined() != nullptr) return undefined_error(a);
    if (b.as_undefined() != nullptr) return undefined_error(b);
    return invalid(fmt::format("'{}' does not work between a {} and a {}", sign, a.type_name(), b.type_name()));
}

Error too_large() {
    return unsupported("an integer with more than 64 bits is not supported");
}

Result<bool> equal_items(const Sequence& a, const Sequence& b, Engine& engine) {
    if (a.kind != b.kind || a.items.size() != b.items.size()) return false;
    if (!a.indexable()) return unsupported("comparing views of a dict is not supported");
    for (std::size_t i = 0; i < a.items.size(); ++i) {
        DWUBIT_ASSIGN(const bool same, equal(a.items[i], b.items[i], engine));
        if (!same) return false;
    }
    return true;
}

Result<bool> equal_dicts(const Dict& a, const Dict& b, Engine& engine) {
    if (a.size() != b.size()) return false;
    for (const auto& item : a.items()) {
        const Value* other = b.find(item.key);
        if (other == nullptr) return false;
        DWUBIT_ASSIGN(const bool same, equal(item.value, *other, engine));
        if (!same) return false;
    }
    return true;
}

double floor_modulo(double a, double b) {
    const double rest = std::fmod(a, b);
    if (rest == 0.0) return std::copysign(0.0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

// Python's float //: the quotient that goes with floor_modulo().
double floor_quotient(double a, double b) {
    const double rest = std::fmod(a, b);
    double quotient = (a - rest) / b;
    if (rest != 0.0 && (b < 0) != (rest < 0)) quotient -= 1.0;
    if (quotient == 0.0) return std::copysign(0.0, a / b);
    const double whole = std::floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

Result<Value> power(const Number& a, const Number& b) {
    if (a.is_float || b.is_float || b.integer < 0) {
        if (a.real == 0.0 && b.real < 0) return invalid("zero cannot be raised to a negative power");
        if (a.real < 0 && b.real != std::floor(b.real)) return unsupported("complex numbers are not supported");
        const double result = std::pow(a.real, b.real);
        if (std::isinf(result) && std::isfinite(a.real) && std::isfinite(b.real))
            return invalid("the power is too large");
        return Value(result);
    }
    std::int64_t result = 1;
    if (a.integer == 0 || a.integer == 1) return Value(b.integer == 0 ? 1 : a.integer);
    if (a.integer == -1) return Value(b.integer % 2 == 0 ? 1 : -1);
    for (std::int64_t i = 0; i < b.integer; ++i) {
        if (__builtin_mul_overflow(result, a.integer, &result)) return too_large();
    }
    return Value(result);
}

Result<Value> integer_arithmetic(std::string_view sign, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (sign == "+") return __builtin_add_overflow(a, b, &result) ? Result<Value>(too_large()) : Value(result);
    if (sign == "-") return __builtin_sub_overflow(a, b, &result) ? Result<Value>(too_large()) : Value(result);
    if (sign == "*") return __builtin_mul_overflow(a, b, &result) ? Result<Value>(too_large()) : Value(result);
    if (b == 0) return invalid("division by zero");
    if (sign == "/") {
        constexpr std::int64_t kExact = std::int64_t{1} << 53;
        if (a > kExact || a < -kExact || b > kExact || b < -kExact) return too_large();
        return Value(static_cast<double>(a) / static_cast<double>(b));
    }
    if (b == -1) return sign == "%" ? Value(0) : integer_arithmetic("-", 0, a);
    const bool round_down = a % b != 0 && (a < 0) != (b < 0);
    if (sign == "//") return Value(a / b - (round_down ? 1 : 0));
    return Value(a % b + (round_down ? b : 0));
}

Result<Value> number_arithmetic(std::string_view sign, const Number& a, const Number& b) {
    if (sign == "**") return power(a, b);
    if (!a.is_float && !b.is_float) return integer_arithmetic(sign, a.integer, b.integer);
    if (sign == "+") return Value(a.real + b.real);
    if (sign == "-") return Value(a.real - b.real);
    if (sign == "*") return Value(a.real * b.real);
    if (b.real == 0.0) return invalid("division by zero");
    if (sign == "/") return Value(a.real / b.real);
    return Value(sign == "//" ? floor_quotient(a.real, b.real) : floor_modulo(a.real, b.real));
}

Result<Value> repeat(const Value& value, std::int64_t count, Engine& engine) {
    const auto times = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
    const auto paid = [&](std::size_t size) -> Result<void> {
        if (size == 0 || times == 0) return {};
        if (times > engine.budget.limits().work_bytes / size) return engine.budget.bytes(UINT64_MAX);
        return engine.budget.bytes(times * size);
    };
    if (const auto* text = value.as_string()) {
        DWUBIT_TRY(paid(text->size()));
        std::string out;
        if (!text->empty()) {
            out.reserve(text->size() * times);
            for (std::uint64_t i = 0; i < times; ++i) out += *text;
        }
        return make_text(std::move(out), engine);
    }
    const auto& items = value.as_sequence()->items;
    DWUBIT_TRY(paid(items.size() * sizeof(Value)));
    std::vector<Value> out;
    for (std::uint64_t i = 0; i < times && !items.empty(); ++i) out.insert(out.end(), items.begin(), items.end());
    return make_list(std::move(out), engine, value.as_sequence()->kind);
}

bool repeatable(const Value& value) {
    const auto* sequence = value.as_sequence();
    return value.as_string() != nullptr ||
           (sequence != nullptr && (sequence->kind == SequenceKind::kList || sequence->kind == SequenceKind::kTuple));
}

}  // namespace

Result<bool> truth(const Value& value, Engine& engine) {
    if (value.as_undefined() != nullptr) {
        if (is_strictly_undefined(value, engine)) return undefined_error(value);
        return false;
    }
    if (value.is_none()) return false;
    Number number;
    if (as_number(value, number)) return number.real != 0.0;
    if (const auto* text = value.as_string()) return !text->empty();
    if (const auto* dict = value.as_dict()) return dict->size() != 0;
    if (const auto* sequence = value.as_sequence()) {
        return sequence->kind == SequenceKind::kLazy || !sequence->items.empty();
    }
    return true;
}

Result<bool> equal(const Value& a, const Value& b, Engine& engine) {
    DWUBIT_TRY(engine.budget.steps(1));
    if (a.as_undefined() != nullptr || b.as_undefined() != nullptr) {
        for (const Value* value : {&a, &b}) {
            if (is_strictly_undefined(*value, engine)) return undefined_error(*value);
        }
        return a.as_undefined() != nullptr && b.as_undefined() != nullptr;
    }
    Number x;
    Number y;
    if (as_number(a, x) && as_number(b, y)) return compare_numbers(x, y) == 0;
    if (const auto* text = a.as_string(); text != nullptr && b.as_string() != nullptr) {
        DWUBIT_TRY(engine.budget.scan(text->size()));
        return *text == *b.as_string();
    }
    if (a.as_sequence() != nullptr && b.as_sequence() != nullptr) {
        if (a.as_sequence() == b.as_sequence()) return true;
        return equal_items(*a.as_sequence(), *b.as_sequence(), engine);
    }
    if (a.as_dict() != nullptr && b.as_dict() != nullptr) return equal_dicts(*a.as_dict(), *b.as_dict(), engine);
    if (a.as_object() != nullptr || b.as_object() != nullptr) return a.as_object() == b.as_object();
    if (a.as_function() != nullptr || b.as_function() != nullptr) return a.as_function() == b.as_function();
    return a.is_none() && b.is_none();
}

Result<int> order(const Value& a, const Value& b, Engine& engine) {
    DWUBIT_TRY(engine.budget.steps(1));
    Number x;
    Number y;
    if (as_number(a, x) && as_number(b, y)) return compare_numbers(x, y);
    if (a.as_string() != nullptr && b.as_string() != nullptr) {
        DWUBIT_TRY(engine.budget.scan(std::min(a.as_string()->size(), b.as_string()->size())));
        const int sign = a.as_string()->compare(*b.as_string());
        return sign < 0 ? -1 : (sign > 0 ? 1 : 0);
    }
    const auto* p = a.as_sequence();
    const auto* q = b.as_sequence();
    if (p == nullptr || q == nullptr || p->kind != q->kind || !repeatable(a)) return no_operation("<", a, b);
    for (std::size_t i = 0; i < std::min(p->items.size(), q->items.size()); ++i) {
        DWUBIT_ASSIGN(const bool same, equal(p->items[i], q->items[i], engine));
        if (!same) return order(p->items[i], q->items[i], engine);
    }
    return p->items.size() < q->items.size() ? -1 : (p->items.size() > q->items.size() ? 1 : 0);
}

Result<bool> contains(const Value& container, const Value& item, Engine& engine) {
    if (const auto* text = container.as_string()) {
        const auto* part = item.as_string();
        if (part == nullptr) return no_operation("in", item, container);
        DWUBIT_TRY(engine.budget.scan(text->size() + part->size()));
        return part->empty() || ::memmem(text->data(), text->size(), part->data(), part->size()) != nullptr;
    }
    if (const auto* dict = container.as_dict()) {
        if (is_strictly_undefined(item, engine)) return undefined_error(item);
        if (item.as_undefined() != nullptr) return false;
        if (!Dict::can_be_key(item))
            return unsupported(fmt::format("a {} as a key is not supported", item.type_name()));
        return dict->find(item) != nullptr;
    }
    if (const auto* sequence = container.as_sequence()) {
        for (std::size_t i = sequence->next; i < sequence->items.size(); ++i) {
            if (sequence->kind == SequenceKind::kLazy) sequence->next = i + 1;
            DWUBIT_ASSIGN(const bool same, equal(sequence->items[i], item, engine));
            if (same) return true;
        }
        return false;
    }
    if (container.as_undefined() != nullptr && !is_strictly_undefined(container, engine)) return false;
    return no_operation("in", item, container);
}

Result<Value> arithmetic(std::string_view sign, const Value& a, const Value& b, Engine& engine) {
    Number x;
    Number y;
    const bool left_number = as_number(a, x);
    const bool right_number = as_number(b, y);
    if (left_number && right_number) return number_arithmetic(sign, x, y);
    if (sign == "+" && a.as_string() != nullptr && b.as_string() != nullptr) {
        DWUBIT_TRY(engine.budget.scan(a.as_string()->size() + b.as_string()->size()));
        return make_text(*a.as_string() + *b.as_string(), engine);
    }
    if (sign == "+" && repeatable(a) && repeatable(b) && a.as_sequence() != nullptr && b.as_sequence() != nullptr &&
        a.as_sequence()->kind == b.as_sequence()->kind) {
        std::vector<Value> items = a.as_sequence()->items;
        items.insert(items.end(), b.as_sequence()->items.begin(), b.as_sequence()->items.end());
        return make_list(std::move(items), engine, a.as_sequence()->kind);
    }
    if (sign == "*" && repeatable(a) && right_number && !y.is_float) return repeat(a, y.integer, engine);
    if (sign == "*" && repeatable(b) && left_number && !x.is_float) return repeat(b, x.integer, engine);
    if (sign == "%" && a.as_string() != nullptr) return unsupported("'%' on text is not supported");
    return no_operation(sign, a, b);
}

Result<Value> negative(const Value& value) {
    Number number;
    if (!as_number(value, number)) {
        if (value.as_undefined() != nullptr) return undefined_error(value);
        return invalid(fmt::format("'-' does not work on a {}", value.type_name()));
    }
    if (number.is_float) return Value(-number.real);
    return integer_arithmetic("-", 0, number.integer);
}

}  // namespace dwubit::tmpl
