// Typed members of a mapping in a task's YAML (task_yaml.h). Messages name the key, what would be right, and what is
// there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dwubit/result.h"
#include "json/json.h"
#include "tasks/native_functions.h"
#include "tasks/task_config.h"

namespace dwubit {

// "'key' must be <expected>, got <value>"
Error wrong_key(std::string_view key, std::string_view expected, const OrderedJson& value);

// `value`, cut, for a message.
std::string shown_value(const OrderedJson& value);

// Absent and null are the same but where said: `out` stays as it is.
class TaskKeys {
public:
    // `keys`, an object, must outlive this.
    explicit TaskKeys(const OrderedJson& keys) : keys_(keys) {}

    // Null where it is absent or null.
    const OrderedJson* find(std::string_view key) const;

    Result<void> text(std::string_view key, std::optional<std::string>& out) const;
    // A null is an error.
    Result<void> text(std::string_view key, std::string& out) const;
    Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t min, std::int64_t max) const;
    Result<void> object(std::string_view key, OrderedJson& out) const;
    // The native function's full name.
    Result<void> function(std::string_view key, NativeFunction::Kind kind, std::optional<std::string>& out) const;
    Result<void> field(std::string_view key, FieldSource& out) const;

private:
    const OrderedJson& keys_;
};

}  // namespace dwubit
