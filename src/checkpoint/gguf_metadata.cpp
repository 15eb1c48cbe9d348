// Typed access to the metadata of a GGUF file.
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/gguf.h"

namespace dwubit {
namespace {

bool is_integer(GgufType type) {
    switch (type) {
        case GgufType::kU8:
        case GgufType::kI8:
        case GgufType::kU16:
        case GgufType::kI16:
        case GgufType::kU32:
        case GgufType::kI32:
        case GgufType::kU64:
        case GgufType::kI64:
            return true;
        default:
            return false;
    }
}

bool is_number(GgufType type) {
    return is_integer(type) || type == GgufType::kF32 || type == GgufType::kF64;
}

bool is_string(GgufType type) {
    return type == GgufType::kString;
}

template <class T>
T element(const GgufArray& array, std::size_t index) {
    T value;
    std::memcpy(&value, array.bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

// Element `index` of an array of numbers, as To; u64 above its range wraps.
template <class To>
To number_at(const GgufArray& array, std::size_t index) {
    switch (array.type) {
        case GgufType::kU8:
            return static_cast<To>(element<std::uint8_t>(array, index));
        case GgufType::kI8:
            return static_cast<To>(element<std::int8_t>(array, index));
        case GgufType::kU16:
            return static_cast<To>(element<std::uint16_t>(array, index));
        case GgufType::kI16:
            return static_cast<To>(element<std::int16_t>(array, index));
        case GgufType::kU32:
            return static_cast<To>(element<std::uint32_t>(array, index));
        case GgufType::kI32:
            return static_cast<To>(element<std::int32_t>(array, index));
        case GgufType::kU64:
            return static_cast<To>(element<std::uint64_t>(array, index));
        case GgufType::kI64:
            return static_cast<To>(element<std::int64_t>(array, index));
        case GgufType::kF32:
            return static_cast<To>(element<float>(array, index));
        default:
            return static_cast<To>(element<double>(array, index));
    }
}

// What a value is, for messages: "string", "array of 3 u8", "u32 7".
std::string describe(const GgufValue& value) {
    std::string type(gguf_type_name(value.type));
    if (const auto* number = std::get_if<std::uint64_t>(&value.value)) return fmt::format("{} {}", type, *number);
    if (const auto* number = std::get_if<std::int64_t>(&value.value)) return fmt::format("{} {}", type, *number);
    if (const auto* number = std::get_if<double>(&value.value)) return fmt::format("{} {}", type, *number);
    if (const auto* array = std::get_if<GgufArray>(&value.value)) {
        return fmt::format("array of {} {}", array->count, gguf_type_name(array->type));
    }
    return type;
}

}  // namespace

const GgufValue* GgufMetadata::find(std::string_view key) const {
    const auto at = values_.find(key);
    return at == values_.end() ? nullptr : &at->second;
}

Result<const GgufValue*> GgufMetadata::require(std::string_view key) const {
    if (const GgufValue* value = find(key)) return value;
    return errorf(ErrorKind::kInvalidInput, "{}: metadata '{}' is missing", file_, key);
}

Error GgufMetadata::invalid(std::string_view key, std::string_view expected) const {
    const GgufValue* const value = find(key);
    return errorf(ErrorKind::kInvalidInput, "{}: metadata '{}' must be {}, got {}", file_, key, expected,
                  value == nullptr ? "nothing" : describe(*value));
}

Result<std::int64_t> GgufMetadata::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                           std::optional<std::int64_t> fallback) const {
    if (fallback && !has(key)) return *fallback;
    DWUBIT_ASSIGN(const GgufValue* value, require(key));
    std::optional<std::int64_t> number;
    if (const auto* natural = std::get_if<std::uint64_t>(&value->value)) {
        if (*natural <= std::uint64_t{INT64_MAX}) number = static_cast<std::int64_t>(*natural);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value->value)) {
        number = *integer;
    }
    if (number && *number >= min && *number <= max) return *number;
    return invalid(key, fmt::format("an integer from {} to {}", min, max));
}

Result<double> GgufMetadata::number(std::string_view key, double min, double max,
                                    std::optional<double> fallback) const {
    if (fallback && !has(key)) return *fallback;
    DWUBIT_ASSIGN(const GgufValue* value, require(key));
    std::optional<double> number;
    if (const auto* real = std::get_if<double>(&value->value)) number = *real;
    if (const auto* natural = std::get_if<std::uint64_t>(&value->value)) number = static_cast<double>(*natural);
    if (const auto* integer = std::get_if<std::int64_t>(&value->value)) number = static_cast<double>(*integer);
    if (number && std::isfinite(*number) && *number >= min && *number <= max) return *number;
    return invalid(key, fmt::format("a number from {} to {}", min, max));
}

Result<bool> GgufMetadata::boolean(std::string_view key, std::optional<bool> fallback) const {
    if (fallback && !has(key)) return *fallback;
    DWUBIT_ASSIGN(const GgufValue* value, require(key));
    if (const auto* flag = std::get_if<bool>(&value->value)) return *flag;
    return invalid(key, "a bool");
}

Result<std::string> GgufMetadata::string(std::string_view key, std::optional<std::string> fallback) const {
    if (fallback && !has(key)) return *fallback;
    DWUBIT_ASSIGN(const GgufValue* value, require(key));
    const auto* text = std::get_if<std::string_view>(&value->value);
    if (text == nullptr) return invalid(key, "a string");
    if (find_invalid_utf8(*text)) {
        return errorf(ErrorKind::kInvalidInput, "{}: metadata '{}' is not UTF-8", file_, key);
    }
    return std::string(*text);
}

Result<const GgufArray*> GgufMetadata::array(std::string_view key, std::string_view expected,
                                             std::optional<std::size_t> count, bool (*fits)(GgufType)) const {
    DWUBIT_ASSIGN(const GgufValue* value, require(key));
    const auto* array = std::get_if<GgufArray>(&value->value);
    if (array != nullptr && fits(array->type) && (!count || array->count == *count)) return array;
    return invalid(
        key, count ? fmt::format("an array of {} {}", *count, expected) : fmt::format("an array of {}", expected));
}

Result<const std::vector<std::string_view>*> GgufMetadata::strings(std::string_view key) const {
    DWUBIT_ASSIGN(const GgufArray* array, this->array(key, "strings", std::nullopt, is_string));
    return &array->strings;
}

Result<std::vector<std::int64_t>> GgufMetadata::integers(std::string_view key, std::optional<std::size_t> count) const {
    DWUBIT_ASSIGN(const GgufArray* array, this->array(key, "integers", count, is_integer));
    std::vector<std::int64_t> values(array->count);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = number_at<std::int64_t>(*array, i);
    return values;
}

Result<std::vector<double>> GgufMetadata::numbers(std::string_view key, std::optional<std::size_t> count) const {
    DWUBIT_ASSIGN(const GgufArray* array, this->array(key, "numbers", count, is_number));
    std::vector<double> values(array->count);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = number_at<double>(*array, i);
        if (!std::isfinite(values[i])) {
            return errorf(ErrorKind::kInvalidInput, "{}: metadata '{}' holds a number that is not finite at {}", file_,
                          key, i);
        }
    }
    return values;
}

}  // namespace dwubit
