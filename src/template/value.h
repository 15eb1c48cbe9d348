// What a template computes with: the values of Python that Jinja templates use, immutable but for a namespace.
//
// Text is UTF-8; lengths and indexes count characters, as Python does. Values copy cheaply (they share strings and
// lists). Integers have 64 bits; what would leave them is an error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "dwubit/result.h"

namespace dwubit::tmpl {

class Value;
class Dict;
class Object;
struct Sequence;

// A function that the caller gives to a template, as variable or as filter. Arguments by position; a filter's first
// is the value it is applied to.
using Function = std::function<Result<Value>(std::span<const Value> arguments)>;

// Why there is no value: printed where it is used.
struct Undefined {
    std::shared_ptr<const std::string> reason;
    bool lenient = false;  // empty text and false, whatever the options say
};

enum class SequenceKind {
    kList,
    kTuple,
    kRange,  // as a list, but not printed
    kKeys,   // dict views: no index
    kValues,
    kItems,
    kLazy,  // a generator: read once, no length, no index
};

class Value {
public:
    Value() = default;  // none
    Value(bool value) : data_(value) {}
    Value(std::int64_t value) : data_(value) {}
    Value(int value) : data_(std::int64_t{value}) {}
    Value(double value) : data_(value) {}
    Value(std::string text);
    Value(std::string_view text) : Value(std::string(text)) {}
    Value(const char* text) : Value(std::string(text)) {}
    Value(std::shared_ptr<const Sequence> sequence) : data_(std::move(sequence)) {}
    Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
    Value(Object* object) : data_(object) {}
    Value(Undefined undefined) : data_(std::move(undefined)) {}

    static Value list(std::vector<Value> items, SequenceKind kind = SequenceKind::kList);
    static Value dict(std::vector<std::pair<std::string, Value>> items);  // of equal keys the last
    static Value function(Function function);
    static Value undefined(std::string reason, bool lenient = false);

    bool is_none() const { return std::holds_alternative<std::monostate>(data_); }
    const bool* as_bool() const { return std::get_if<bool>(&data_); }
    const std::int64_t* as_int() const { return std::get_if<std::int64_t>(&data_); }
    const double* as_float() const { return std::get_if<double>(&data_); }
    const Undefined* as_undefined() const { return std::get_if<Undefined>(&data_); }
    const std::string* as_string() const;
    const Sequence* as_sequence() const;
    const Dict* as_dict() const;
    const Function* as_function() const;
    Object* as_object() const;

    // How deep lists and dicts lie in each other: 0 for what holds nothing.
    std::size_t depth() const;
    // "str", "int", "list", ...: as Python names the type.
    std::string_view type_name() const;

private:
    std::variant<std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>,
                 std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<const Function>, Object*,
                 Undefined>
        data_;
};

struct Sequence {
    SequenceKind kind = SequenceKind::kList;
    std::vector<Value> items;
    std::size_t depth = 1;
    mutable std::size_t next = 0;  // kLazy: the first item not yet read

    bool indexable() const {
        return kind == SequenceKind::kList || kind == SequenceKind::kTuple || kind == SequenceKind::kRange;
    }
};

// Keys in the order they came. A key is none, a bool, a number or text; 1, 1.0 and true are one key, as in Python.
class Dict {
public:
    struct Item {
        Value key;
        Value value;
    };

    static bool can_be_key(const Value& value);

    // can_be_key(key). An equal key keeps its place and gets the new value.
    void set(Value key, Value value);
    const Value* find(const Value& key) const;
    const Value* find_text(std::string_view key) const { return find(Value(key)); }

    const std::vector<Item>& items() const { return items_; }
    std::size_t size() const { return items_.size(); }
    std::size_t depth() const { return depth_; }

private:
    struct Hash {
        std::size_t operator()(const Value& key) const;
    };
    struct Equal {
        bool operator()(const Value& a, const Value& b) const;
    };

    std::vector<Item> items_;
    std::unordered_map<Value, std::size_t, Hash, Equal> index_;
    std::size_t depth_ = 1;
};

// A number as Python sees it: an int, a float, or a bool as 0 or 1.
struct Number {
    bool is_float = false;
    std::int64_t integer = 0;
    double real = 0.0;  // set in both cases
};
bool as_number(const Value& value, Number& number);

// -1, 0, 1, or 2 where one is NaN; exact also between an integer and a float.
int compare_numbers(const Number& a, const Number& b);

}  // namespace dwubit::tmpl
