// What a template makes that is neither data nor text: namespaces, macros, loop, and functions of the language. The
// rendering owns them; values point at them.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "template/ast.h"
#include "template/engine.h"

namespace dwubit::tmpl {

class Object {
public:
    Object() = default;
    virtual ~Object() = default;
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    virtual std::optional<Value> attribute(const std::string& name) const;
};

// Names of a template, a loop's pass, a macro's call; looked up outwards.
struct Scope {
    explicit Scope(Scope* outer) : parent(outer) {}

    Scope* parent = nullptr;
    bool captured = false;  // a macro made in it may outlive it
    std::map<std::string, Value, std::less<>> names;
};

struct Namespace : Object {
    std::map<std::string, Value, std::less<>> values;

    std::optional<Value> attribute(const std::string& name) const override;
};

struct Macro : Object {
    const Statement* definition = nullptr;  // its text is the name, empty for caller()
    Scope* scope = nullptr;

    std::optional<Value> attribute(const std::string& name) const override;
};

struct Loop : Object {
    std::vector<Value> items;
    std::size_t index = 0;
    std::optional<std::vector<Value>> last_changed;

    std::optional<Value> attribute(const std::string& name) const override;
};

enum class BuiltinKind { kRange, kDict, kNamespace, kRaiseException };

struct Builtin : Object {
    explicit Builtin(BuiltinKind what) : kind(what) {}
    BuiltinKind kind;
};

}  // namespace dwubit::tmpl
