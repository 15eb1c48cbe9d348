#include "template/objects.h"

namespace dwubit::tmpl {

std::optional<Value> Object::attribute(const std::string&) const {
    return std::nullopt;
}

std::optional<Value> Namespace::attribute(const std::string& name) const {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
}

std::optional<Value> Macro::attribute(const std::string& name) const {
    if (name == "name" && !definition->text.empty()) return Value(definition->text);
    return std::nullopt;
}

std::optional<Value> Loop::attribute(const std::string& name) const {
    const auto count = static_cast<std::int64_t>(items.size());
    const auto at = static_cast<std::int64_t>(index);
    if (name == "index") return Value(at + 1);
    if (name == "index0") return Value(at);
    if (name == "revindex") return Value(count - at);
    if (name == "revindex0") return Value(count - at - 1);
    if (name == "first") return Value(at == 0);
    if (name == "last") return Value(at + 1 == count);
    if (name == "length") return Value(count);
    if (name == "depth") return Value(1);  // of recursive loops, which are not supported
    if (name == "depth0") return Value(0);
    if (name == "previtem") return index > 0 ? items[index - 1] : Value::undefined("there is no previous item");
    if (name == "nextitem")
        return index + 1 < items.size() ? items[index + 1] : Value::undefined("there is no next item");
    return std::nullopt;
}

}  // namespace dwubit::tmpl
