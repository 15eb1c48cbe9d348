#include "template/value.h"

#include <algorithm>
#include <cmath>

namespace dwubit::tmpl {

Value::Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}

Value Value::list(std::vector<Value> items, SequenceKind kind) {
    auto sequence = std::make_shared<Sequence>();
    sequence->kind = kind;
    for (const Value& item : items) sequence->depth = std::max(sequence->depth, item.depth() + 1);
    sequence->items = std::move(items);
    return {std::shared_ptr<const Sequence>(std::move(sequence))};
}

Value Value::dict(std::vector<std::pair<std::string, Value>> items) {
    auto dict = std::make_shared<Dict>();
    for (auto& [key, value] : items) dict->set(Value(std::move(key)), std::move(value));
    return {std::shared_ptr<const Dict>(std::move(dict))};
}

Value Value::function(Function function) {
    Value value;
    value.data_ = std::make_shared<const Function>(std::move(function));
    return value;
}

Value Value::undefined(std::string reason, bool lenient) {
    return {Undefined{std::make_shared<const std::string>(std::move(reason)), lenient}};
}

namespace {

template <class T, class Variant>
const T* shared_in(const Variant& data) {
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&data);
    return pointer == nullptr ? nullptr : pointer->get();
}

}  // namespace

const std::string* Value::as_string() const {
    return shared_in<std::string>(data_);
}

const Sequence* Value::as_sequence() const {
    return shared_in<Sequence>(data_);
}

const Dict* Value::as_dict() const {
    return shared_in<Dict>(data_);
}

const Function* Value::as_function() const {
    return shared_in<Function>(data_);
}

Object* Value::as_object() const {
    const auto* pointer = std::get_if<Object*>(&data_);
    return pointer == nullptr ? nullptr : *pointer;
}

std::size_t Value::depth() const {
    if (const auto* sequence = as_sequence()) return sequence->depth;
    if (const auto* dict = as_dict()) return dict->depth();
    return 0;
}

std::string_view Value::type_name() const {
    if (is_none()) return "NoneType";
    if (as_bool() != nullptr) return "bool";
    if (as_int() != nullptr) return "int";
    if (as_float() != nullptr) return "float";
    if (as_string() != nullptr) return "str";
    if (as_dict() != nullptr) return "dict";
    if (as_undefined() != nullptr) return "undefined";
    if (const auto* sequence = as_sequence()) {
        switch (sequence->kind) {
            case SequenceKind::kList:
                return "list";
            case SequenceKind::kTuple:
                return "tuple";
            case SequenceKind::kRange:
                return "range";
            case SequenceKind::kKeys:
                return "dict_keys";
            case SequenceKind::kValues:
                return "dict_values";
            case SequenceKind::kItems:
                return "dict_items";
            case SequenceKind::kLazy:
                return "generator";
        }
    }
    return "object";
}

bool Dict::can_be_key(const Value& value) {
    Number number;
    return value.is_none() || value.as_string() != nullptr || as_number(value, number);
}

void Dict::set(Value key, Value value) {
    depth_ = std::max(depth_, value.depth() + 1);
    const auto [place, inserted] = index_.try_emplace(key, items_.size());
    if (inserted) {
        items_.push_back({std::move(key), std::move(value)});
    } else {
        items_[place->second].value = std::move(value);
    }
}

const Value* Dict::find(const Value& key) const {
    const auto place = index_.find(key);
    return place == index_.end() ? nullptr : &items_[place->second].value;
}

std::size_t Dict::Hash::operator()(const Value& key) const {
    if (const auto* text = key.as_string()) return std::hash<std::string>()(*text);
    Number number;
    if (as_number(key, number)) return std::hash<double>()(number.real);
    return 0;
}

bool Dict::Equal::operator()(const Value& a, const Value& b) const {
    const auto* text = a.as_string();
    const auto* other = b.as_string();
    if (text != nullptr && other != nullptr) return *text == *other;
    Number x;
    Number y;
    if (as_number(a, x) && as_number(b, y)) return compare_numbers(x, y) == 0;
    return a.is_none() && b.is_none();
}

bool as_number(const Value& value, Number& number) {
    if (const auto* flag = value.as_bool()) {
        number = {false, *flag ? 1 : 0, *flag ? 1.0 : 0.0};
    } else if (const auto* integer = value.as_int()) {
        number = {false, *integer, static_cast<double>(*integer)};
    } else if (const auto* real = value.as_float()) {
        number = {true, 0, *real};
    } else {
        return false;
    }
    return true;
}

int compare_numbers(const Number& a, const Number& b) {
    const auto order = [](const auto& x, const auto& y) { return x < y ? -1 : (x > y ? 1 : 0); };
    if (!a.is_float && !b.is_float) return order(a.integer, b.integer);
    if (std::isnan(a.real) || std::isnan(b.real)) return 2;
    // 64 bits of mantissa on x86: every 64-bit integer is exact.
    const auto exact = [](const Number& n) {
        return n.is_float ? static_cast<long double>(n.real) : static_cast<long double>(n.integer);
    };
    return order(exact(a), exact(b));
}

}  // namespace dwubit::tmpl
