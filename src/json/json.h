// JSON for files that come from anywhere: bounded depth, no duplicate keys, errors that say where.
//
// A thin layer over nlohmann-json: parse_json() guards the parser, Fields reads an object's members with range checks
// and messages such as "'hidden_size' must be an integer from 1 to 1048576, got \"big\"".
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // members in the order they came

struct JsonLimits {
    std::size_t max_depth = 64;
    std::size_t max_bytes = std::size_t{1} << 30;
};

// Parses one document. Refuses: invalid UTF-8, duplicate keys, nesting deeper than max_depth, trailing text, and
// numbers outside double or 64-bit range. The message has line and column.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

// parse_json() of a whole file; the message starts with its path.
Result<Json> read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

// The same, members in the file's order.
Result<OrderedJson> parse_ordered_json(std::string_view text, const JsonLimits& limits = {});

// Compact (indent -1) or indented. Never fails: NaN and infinities become null, ill-formed UTF-8 becomes U+FFFD.
std::string dump_json(const Json& value, int indent = -1);
std::string dump_json(const OrderedJson& value, int indent = -1);

// Reads members of an object. Every getter names the member and what would be right. An absent or null member takes
// the fallback where one is given and is an error otherwise.
class Fields {
public:
    // `object` must outlive this; `where` names it in messages ("config.json").
    Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

    bool has(std::string_view key) const;  // present and not null
    const Json* find(std::string_view key) const;

    Result<std::int64_t> integer(std::string_view key, std::int64_t min, std::int64_t max,
                                 std::optional<std::int64_t> fallback = std::nullopt) const;
    // Finite, and within [min, max].
    Result<double> number(std::string_view key, double min, double max,
                          std::optional<double> fallback = std::nullopt) const;
    Result<bool> boolean(std::string_view key, std::optional<bool> fallback = std::nullopt) const;
    Result<std::string> string(std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
    // A member that is an object or an array; error when absent.
    Result<const Json*> object(std::string_view key) const;
    Result<const Json*> array(std::string_view key) const;

    Error invalid(std::string_view key, std::string_view expected) const;

private:
    const Json& object_;
    std::string where_;
};

}  // namespace dwubit
