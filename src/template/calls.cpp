// Calls of macros and of the functions that every template has.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "template/renderer.h"

namespace dwubit::tmpl {

Result<Value> Renderer::call_value(const Value& callee, Arguments arguments) {
    if (callee.as_undefined() != nullptr) return undefined_error(callee);
    if (const auto* function = callee.as_function()) {
        if (!arguments.named.empty()) return unsupported("named arguments of this function are not supported");
        DWUBIT_ASSIGN(auto value, (*function)(arguments.positional));
        DWUBIT_TRY(check_value_depth(value));
        return value;
    }
    if (const auto* macro = dynamic_cast<const Macro*>(callee.as_object())) return call_macro(*macro, arguments);
    if (const auto* builtin = dynamic_cast<const Builtin*>(callee.as_object())) {
        return call_builtin(builtin->kind, arguments);
    }
    return invalid(fmt::format("a {} cannot be called", callee.type_name()));
}

Result<Value> Renderer::call_macro(const Macro& macro, const Arguments& arguments) {
    const int line = line_;
    std::unique_ptr<Scope> scope;
    Scope* outer = scope_;
    enter_scope(macro.scope, scope);
    auto text = [&]() -> Result<Value> {
        DWUBIT_TRY(bind_parameters(*macro.definition, arguments));
        return captured(macro.definition->body);
    }();
    leave_scope(std::move(scope), outer);
    if (text.ok()) line_ = line;
    return text;
}

Result<void> Renderer::bind_parameters(const Statement& definition, const Arguments& arguments) {
    const auto& parameters = definition.parameters;
    const std::string name = definition.text.empty() ? "caller" : printable(definition.text, 60);
    if (arguments.positional.size() > parameters.size()) {
        return invalid(fmt::format("{}() takes at most {} arguments, {} given", name, parameters.size(),
                                   arguments.positional.size()));
    }
    for (const auto& [given, value] : arguments.named) {
        const auto same = [&key = given](const Parameter& parameter) { return parameter.name == key; };
        const auto place = std::find_if(parameters.begin(), parameters.end(), same);
        if (place == parameters.end() && given != "caller") {
            return invalid(fmt::format("{}() has no argument '{}'", name, printable(given, 60)));
        }
        if (place != parameters.end() &&
            static_cast<std::size_t>(place - parameters.begin()) < arguments.positional.size()) {
            return invalid(fmt::format("{}(): the argument '{}' is given twice", name, given));
        }
        scope_->names.insert_or_assign(given, value);
    }
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const Parameter& parameter = parameters[i];
        if (i < arguments.positional.size()) {
            scope_->names.insert_or_assign(parameter.name, arguments.positional[i]);
        } else if (!scope_->names.contains(parameter.name)) {
            Value value =
                Value::undefined(fmt::format("parameter '{}' was not provided", printable(parameter.name, 60)));
            if (parameter.fallback) {
                DWUBIT_ASSIGN(value, evaluate(*parameter.fallback));
            }
            scope_->names.insert_or_assign(parameter.name, std::move(value));
        }
    }
    return {};
}

Result<Value> Renderer::make_range(const Arguments& arguments) {
    DWUBIT_ASSIGN(const Bound bound, bind("range()", arguments, {"start", "stop", "step"}, 1));
    std::int64_t values[3] = {0, 0, 1};
    for (std::size_t i = 0; i < 3 && bound[i]; ++i) {
        if (bound[i]->is_none()) return invalid("range() needs integers");
        DWUBIT_ASSIGN(values[i], integer_or(bound[i], 0, "range()"));
    }
    if (!bound[1]) std::swap(values[0], values[1]);
    const auto [start, stop, step] = values;
    if (step == 0) return invalid("the step of range() is zero");
    std::uint64_t count = 0;
    if (step > 0 ? start < stop : stop < start) {
        const auto distance = step > 0 ? static_cast<std::uint64_t>(stop) - static_cast<std::uint64_t>(start)
                                       : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(stop);
        const auto stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
        count = (distance - 1) / stride + 1;
    }
    DWUBIT_TRY(engine_.budget.items(count));
    std::vector<Value> items;
    items.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        items.emplace_back(
            static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + i * static_cast<std::uint64_t>(step)));
    }
    return make_list(std::move(items), engine_, SequenceKind::kRange);
}

// dict(other, key=value, ...), where other is a dict or pairs; also the values of namespace(...).
Result<Value> Renderer::make_dict_value(const Arguments& arguments) {
    if (arguments.positional.size() > 1) return invalid("dict() takes one value without a name");
    Dict dict;
    if (!arguments.positional.empty()) {
        const Value& other = arguments.positional[0];
        if (const auto* given = other.as_dict()) {
            DWUBIT_TRY(engine_.budget.items(5 * given->size()));
            dict = *given;
        } else {
            DWUBIT_ASSIGN(const auto pairs, iterate(other, engine_));
            for (const Value& pair : pairs) {
                DWUBIT_ASSIGN(auto parts, iterate(pair, engine_));
                if (parts.size() != 2) return invalid("dict() needs pairs");
                if (!Dict::can_be_key(parts[0])) {
                    return unsupported(fmt::format("a {} as a key is not supported", parts[0].type_name()));
                }
                dict.set(std::move(parts[0]), std::move(parts[1]));
            }
        }
    }
    for (const auto& [name, value] : arguments.named) dict.set(Value(name), value);
    return make_dict(std::move(dict), engine_);
}

Result<Value> Renderer::call_builtin(BuiltinKind kind, const Arguments& arguments) {
    switch (kind) {
        case BuiltinKind::kRange:
            return make_range(arguments);
        case BuiltinKind::kDict:
            return make_dict_value(arguments);
        case BuiltinKind::kNamespace: {
            DWUBIT_ASSIGN(const Value values, make_dict_value(arguments));
            DWUBIT_ASSIGN(Namespace * made, own(std::make_unique<Namespace>()));
            for (const auto& item : values.as_dict()->items()) {
                if (const auto* name = item.key.as_string()) made->values[*name] = item.value;
            }
            return Value(made);
        }
        case BuiltinKind::kRaiseException: {
            DWUBIT_ASSIGN(const Bound bound, bind("raise_exception()", arguments, {"message"}, 1));
            DWUBIT_ASSIGN(const std::string message, text_of(*bound[0], engine_));
            return invalid(fmt::format("the template refuses: {}", printable(message, 300)));
        }
    }
    return Value();
}

Result<Value> Renderer::call_loop(Loop& loop, std::string_view name, const Arguments& arguments) {
    if (!arguments.named.empty()) return invalid(fmt::format("loop.{}() takes no named arguments", name));
    if (name == "cycle") {
        if (arguments.positional.empty()) return invalid("loop.cycle() needs values");
        return arguments.positional[loop.index % arguments.positional.size()];
    }
    bool changed = !loop.last_changed || loop.last_changed->size() != arguments.positional.size();
    for (std::size_t i = 0; !changed && i < arguments.positional.size(); ++i) {
        DWUBIT_ASSIGN(const bool same, equal((*loop.last_changed)[i], arguments.positional[i], engine_));
        changed = !same;
    }
    if (changed) loop.last_changed = arguments.positional;
    return Value(changed);
}

}  // namespace dwubit::tmpl
