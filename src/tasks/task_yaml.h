// YAML of tasks as JSON: what PyYAML's loader gives, with `include` resolved, within limits.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct YamlLimits {
    std::size_t bytes = std::size_t{1} << 20;  // of a file
    std::size_t depth = 64;
    std::size_t nodes = 200'000;  // of a document, aliases written out
    std::size_t includes = 64;    // files that one file includes, directly or not
};

// `!function name` in a file of folder `folder`: an object of this one member, {kFunctionTag: {name, folder}}.
inline constexpr std::string_view kFunctionTag = "!function";
bool is_function(const OrderedJson& value);

// The same with each function as the text "!function name", for results.
OrderedJson without_functions(const OrderedJson& value);

// One document, keys as text in the file's order, scalars typed as YAML 1.1 types them (yes and on are booleans). A key
// that comes twice counts with its last value, merge keys (<<) are applied. `where` names the file in messages, which
// have the line; `folder` is the folder's name for functions.
Result<OrderedJson> parse_yaml(std::string_view text, const std::string& where, const std::string& folder,
                               const YamlLimits& limits = {});

// Reads files once: many tasks include one file.
class TaskYamlReader {
public:
    explicit TaskYamlReader(YamlLimits limits = {}) : limits_(limits) {}

    // Whether a task could lie in `file`.
    Result<bool> holds_mapping(const std::filesystem::path& file);
    // The mapping in `file` over those that it includes, in their order.
    Result<OrderedJson> read(const std::filesystem::path& file);

private:
    Result<OrderedJson> read_one(const std::filesystem::path& file);
    Result<OrderedJson> merged(const std::filesystem::path& file, std::vector<std::filesystem::path>& open,
                               std::size_t& files);

    YamlLimits limits_;
    std::map<std::filesystem::path, OrderedJson> read_;
};

}  // namespace dwubit
