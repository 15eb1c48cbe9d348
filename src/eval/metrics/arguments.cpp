#include "eval/metrics/arguments.h"

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

Error wrong(const std::string& key, std::string_view expected, const OrderedJson& value) {
    return errorf(ErrorKind::kInvalidInput, "'{}' must be {}, got {}", key, expected, printable(dump_json(value)));
}

}  // namespace

const OrderedJson* Arguments::find(const std::string& key) {
    asked_.insert(key);
    const auto found = values_.find(key);
    return found == values_.end() || found->is_null() ? nullptr : &*found;
}

Result<std::string> Arguments::text(const std::string& key, const std::string& fallback) {
    const OrderedJson* const value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_string()) return wrong(key, "text", *value);
    return value->get<std::string>();
}

Result<std::int64_t> Arguments::integer(const std::string& key, std::optional<std::int64_t> fallback) {
    const OrderedJson* const value = find(key);
    if (value == nullptr) {
        if (fallback) return *fallback;
        return errorf(ErrorKind::kInvalidInput, "'{}' is missing", key);
    }
    if (!value->is_number_integer()) return wrong(key, "an integer", *value);
    return value->get<std::int64_t>();
}

Result<bool> Arguments::boolean(const std::string& key, bool fallback) {
    const OrderedJson* const value = find(key);
    if (value == nullptr) return fallback;
    if (!value->is_boolean()) return wrong(key, "true or false", *value);
    return value->get<bool>();
}

Result<std::vector<std::string>> Arguments::texts(const std::string& key) {
    std::vector<std::string> out;
    const OrderedJson* const value = find(key);
    if (value == nullptr) return out;
    if (!value->is_array()) return wrong(key, "a list of texts", *value);
    for (const OrderedJson& item : *value) {
        if (!item.is_string()) return wrong(key, "a list of texts", *value);
        out.push_back(item.get<std::string>());
    }
    return out;
}

Result<void> Arguments::finish() const {
    for (const auto& [key, value] : values_.items()) {
        if (asked_.contains(key)) continue;
        std::string known;
        for (const std::string& name : asked_) known += (known.empty() ? "" : ", ") + name;
        return errorf(ErrorKind::kInvalidInput, "no argument '{}'", printable(key))
            .with_hint(known.empty() ? "it takes none" : "it takes " + known);
    }
    return {};
}

}  // namespace dwubit
