#include "tasks/task_keys.h"

#include "base/error.h"
#include "base/text.h"
#include "tasks/task_yaml.h"

namespace dwubit {
namespace {

Result<std::string> function_name(std::string_view key, const OrderedJson& value, NativeFunction::Kind kind) {
    const OrderedJson& function = value.front();
    DWUBIT_ASSIGN(const NativeFunction* found, resolve_native_function(function.at("name").get<std::string>(),
                                                                       function.at("folder").get<std::string>(), kind)
                                                   .context(fmt::format("key '{}'", key)));
    return std::string(found->name);
}

Result<void> read_list(std::string_view key, const OrderedJson& value, FieldSource& out) {
    if (key == "doc_to_text") return wrong_key(key, "text, an integer or a '!function name'", value);
    out.kind = FieldSource::Kind::kList;
    for (const OrderedJson& item : value) {
        if (!item.is_string()) {
            return wrong_key(key, "a list of texts", value)
                .with_hint("quote numbers and words such as yes, no, on, off");
        }
        out.list.push_back(item.get<std::string>());
    }
    return {};
}

}  // namespace

std::string shown_value(const OrderedJson& value) {
    return printable(dump_json(without_functions(value)), 60);
}

Error wrong_key(std::string_view key, std::string_view expected, const OrderedJson& value) {
    return errorf(ErrorKind::kInvalidInput, "'{}' must be {}, got {}", key, expected, shown_value(value));
}

const OrderedJson* TaskKeys::find(std::string_view key) const {
    const auto found = keys_.find(key);
    return found == keys_.end() || found->is_null() ? nullptr : &*found;
}

Result<void> TaskKeys::text(std::string_view key, std::optional<std::string>& out) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return wrong_key(key, "text", *value);
    out = value->get<std::string>();
    return {};
}

Result<void> TaskKeys::text(std::string_view key, std::string& out) const {
    const auto found = keys_.find(key);
    if (found == keys_.end()) return {};
    if (!found->is_string()) return wrong_key(key, "text", *found);
    out = found->get<std::string>();
    return {};
}

Result<std::optional<std::int64_t>> TaskKeys::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) return std::optional<std::int64_t>();
    if (!value->is_number_integer() || value->get<std::int64_t>() < min || value->get<std::int64_t>() > max) {
        return wrong_key(key, fmt::format("an integer from {} to {}", min, max), *value);
    }
    return std::optional(value->get<std::int64_t>());
}

Result<void> TaskKeys::object(std::string_view key, OrderedJson& out) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_object()) return wrong_key(key, "a mapping", *value);
    out = without_functions(*value);
    return {};
}

Result<void> TaskKeys::function(std::string_view key, NativeFunction::Kind kind,
                                std::optional<std::string>& out) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) return {};
    if (!is_function(*value)) return wrong_key(key, "a '!function name'", *value);
    DWUBIT_ASSIGN(out, function_name(key, *value, kind));
    return {};
}

Result<void> TaskKeys::field(std::string_view key, FieldSource& out) const {
    const OrderedJson* value = find(key);
    if (value == nullptr) return {};
    if (value->is_string()) {
        out.kind = FieldSource::Kind::kTemplate;
        out.text = value->get<std::string>();
    } else if (value->is_number_integer()) {
        out.kind = FieldSource::Kind::kInteger;
        out.integer = value->get<std::int64_t>();
    } else if (is_function(*value)) {
        out.kind = FieldSource::Kind::kFunction;
        DWUBIT_ASSIGN(out.text, function_name(key, *value, NativeFunction::Kind::kField));
    } else if (value->is_array() || (value->is_object() && key == "doc_to_choice")) {
        return read_list(key, *value, out);
    } else {
        return wrong_key(key, "text, an integer, a list of texts or a '!function name'", *value);
    }
    return {};
}

}  // namespace dwubit
