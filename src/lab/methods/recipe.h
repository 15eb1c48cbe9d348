// A method's options: typed, with defaults, ranges and help; recipes are named sets of them.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"

namespace dwubit::lab {

enum class OptionType { kInteger, kNumber, kBoolean, kChoice };

struct OptionSpec {
    std::string_view key;
    OptionType type = OptionType::kInteger;
    Json fallback;                          // the default of every recipe that does not say otherwise
    double min = 0;                         // kInteger, kNumber: inclusive
    double max = 0;                         //
    std::vector<std::string_view> choices;  // kChoice; the first is the default
    std::string_view help;
};

OptionSpec integer_option(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max,
                          std::string_view help);
OptionSpec number_option(std::string_view key, double fallback, double min, double max, std::string_view help);
OptionSpec choice_option(std::string_view key, std::vector<std::string_view> choices, std::string_view help);

struct RecipeSpec {
    std::string_view name;
    std::vector<std::pair<std::string_view, Json>> values;  // where it differs from the fallbacks
};

// The resolved options of a run. Asking for a key that the method has not declared is a programmer error.
class Parameters {
public:
    explicit Parameters(std::map<std::string, Json, std::less<>> values) : values_(std::move(values)) {}

    std::int64_t integer(std::string_view key) const;
    double number(std::string_view key) const;
    std::string choice(std::string_view key) const;
    Json json() const;

private:
    const Json& at(std::string_view key) const;
    std::map<std::string, Json, std::less<>> values_;
};

// The recipe's values with `settings` (--set key=value, in order; dashes in keys are underscores) over them. Throws a
// usage Failure that names the option and what would be right: unknown recipe or key (with the nearest), a value of
// another type or outside the range, a key set twice.
Parameters resolve_parameters(std::string_view method, std::span<const OptionSpec> options,
                              std::span<const RecipeSpec> recipes, std::string_view recipe,
                              std::span<const std::pair<std::string, std::string>> settings);

// [{name, options: {key: {type, default, min, max, choices, help}}}], as `dwubit methods` shows them.
Json recipes_json(std::span<const OptionSpec> options, std::span<const RecipeSpec> recipes);

}  // namespace dwubit::lab
