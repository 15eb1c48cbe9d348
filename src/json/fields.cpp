// Fields: members of an object with types, ranges and messages.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "json/json.h"

namespace dwubit {
namespace {

// A value as messages show it: scalars as JSON, containers by kind, so that a message stays one line.
std::string shown(const Json& value) {
    if (value.is_object()) return fmt::format("an object of {} members", value.size());
    if (value.is_array() && value.size() > 8) return fmt::format("an array of {} elements", value.size());
    if (value.is_array()) {
        for (const Json& element : value) {
            if (element.is_structured()) return fmt::format("an array of {} elements", value.size());
        }
    }
    return printable(dump_json(value), 60);
}

std::string range_text(double min, double max) {
    constexpr double kMax = std::numeric_limits<double>::max();
    if (min <= -kMax && max >= kMax) return "a finite number";
    if (max >= kMax) return fmt::format("a finite number of at least {}", min);
    return fmt::format("a number from {} to {}", min, max);
}

}  // namespace

const Json* Fields::find(std::string_view key) const {
    if (!object_.is_object()) return nullptr;
    const auto& members = object_.get_ref<const Json::object_t&>();
    const auto at = members.find(key);
    return at == members.end() || at->second.is_null() ? nullptr : &at->second;
}

bool Fields::has(std::string_view key) const {
    return find(key) != nullptr;
}

Error Fields::invalid(std::string_view key, std::string_view expected) const {
    const Json* value = find(key);
    const std::string got = value != nullptr ? "got " + shown(*value) : "but it is missing";
    return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be {}, {}", where_, printable(key), expected, got);
}

Result<std::int64_t> Fields::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                     std::optional<std::int64_t> fallback) const {
    const Json* value = find(key);
    if (value == nullptr && fallback) return *fallback;
    // Unsigned values above 2^63-1 would turn negative in get<int64_t>().
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const bool integral = value != nullptr && value->is_number_integer() &&
                          !(value->is_number_unsigned() && value->get<std::uint64_t>() > kMax);
    if (integral) {
        const auto number = value->get<std::int64_t>();
        if (number >= min && number <= max) return number;
    }
    return invalid(key, fmt::format("an integer from {} to {}", min, max));
}

Result<double> Fields::number(std::string_view key, double min, double max, std::optional<double> fallback) const {
    const Json* value = find(key);
    if (value == nullptr && fallback) return *fallback;
    if (value != nullptr && value->is_number()) {
        const double number = value->get<double>();
        if (std::isfinite(number) && number >= min && number <= max) return number;
    }
    return invalid(key, range_text(min, max));
}

Result<bool> Fields::boolean(std::string_view key, std::optional<bool> fallback) const {
    const Json* value = find(key);
    if (value == nullptr && fallback) return *fallback;
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    return invalid(key, "true or false");
}

Result<std::string> Fields::string(std::string_view key, std::optional<std::string> fallback) const {
    const Json* value = find(key);
    if (value == nullptr && fallback) return *std::move(fallback);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    return invalid(key, "a string");
}

Result<const Json*> Fields::object(std::string_view key) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_object()) return value;
    return invalid(key, "an object");
}

Result<const Json*> Fields::array(std::string_view key) const {
    const Json* value = find(key);
    if (value != nullptr && value->is_array()) return value;
    return invalid(key, "an array");
}

}  // namespace dwubit
