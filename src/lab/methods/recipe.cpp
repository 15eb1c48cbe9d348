#include "lab/methods/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/text.h"
#include "lab/failure.h"

namespace dwubit::lab {
namespace {

template <class Item, class Name>
std::vector<std::string> names_of(std::span<const Item> items, const Name& name) {
    std::vector<std::string> names;
    for (const Item& item : items) names.emplace_back(name(item));
    return names;
}

[[noreturn]] void fail_unknown(const std::string& what, std::string_view name, const std::vector<std::string>& known) {
    Error error =
        errorf(ErrorKind::kUsage, "{} '{}': unknown; there are: {}", what, printable(name), fmt::join(known, ", "));
    if (const auto nearest = nearest_name(name, known)) error.hint = fmt::format("did you mean '{}'?", *nearest);
    throw Failure(std::move(error));
}

std::string range_text(const OptionSpec& option) {
    switch (option.type) {
        case OptionType::kBoolean:
            return "true or false";
        case OptionType::kChoice:
            return fmt::format("one of {}", fmt::join(option.choices, ", "));
        case OptionType::kInteger:
            return fmt::format("an integer from {} to {}", option.min, option.max);
        case OptionType::kNumber:
            return fmt::format("a number from {} to {}", option.min, option.max);
    }
    return {};
}

// The value that `text` means for the option, or null.
Json parse_value(const OptionSpec& option, const std::string& text) {
    const char* const end = text.data() + text.size();
    switch (option.type) {
        case OptionType::kBoolean:
            if (text == "true" || text == "1") return true;
            if (text == "false" || text == "0") return false;
            return {};
        case OptionType::kChoice:
            return std::find(option.choices.begin(), option.choices.end(), text) == option.choices.end() ? Json()
                                                                                                         : Json(text);
        case OptionType::kInteger: {
            std::int64_t value = 0;
            const auto [stop, code] = std::from_chars(text.data(), end, value);
            const auto number = static_cast<double>(value);
            const bool good = code == std::errc() && stop == end && number >= option.min && number <= option.max;
            return good ? Json(value) : Json();
        }
        case OptionType::kNumber: {
            double value = 0;
            const auto [stop, code] = std::from_chars(text.data(), end, value);
            const bool good = code == std::errc() && stop == end && std::isfinite(value) && value >= option.min &&
                              value <= option.max;
            return good ? Json(value) : Json();
        }
    }
    return {};
}

std::string_view type_name(OptionType type) {
    switch (type) {
        case OptionType::kInteger:
            return "integer";
        case OptionType::kNumber:
            return "number";
        case OptionType::kBoolean:
            return "boolean";
        case OptionType::kChoice:
            return "choice";
    }
    return {};
}

}  // namespace

OptionSpec integer_option(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max,
                          std::string_view help) {
    return {key, OptionType::kInteger, fallback, static_cast<double>(min), static_cast<double>(max), {}, help};
}

OptionSpec number_option(std::string_view key, double fallback, double min, double max, std::string_view help) {
    return {key, OptionType::kNumber, fallback, min, max, {}, help};
}

OptionSpec choice_option(std::string_view key, std::vector<std::string_view> choices, std::string_view help) {
    const Json fallback = choices.front();
    return {key, OptionType::kChoice, fallback, 0, 0, std::move(choices), help};
}

const Json& Parameters::at(std::string_view key) const {
    const auto found = values_.find(key);
    DWUBIT_CHECK(found != values_.end());
    return found->second;
}

std::int64_t Parameters::integer(std::string_view key) const {
    return at(key).get<std::int64_t>();
}

double Parameters::number(std::string_view key) const {
    return at(key).get<double>();
}

std::string Parameters::choice(std::string_view key) const {
    return at(key).get<std::string>();
}

Json Parameters::json() const {
    Json object = Json::object();
    for (const auto& [key, value] : values_) object[key] = value;
    return object;
}

Parameters resolve_parameters(std::string_view method, std::span<const OptionSpec> options,
                              std::span<const RecipeSpec> recipes, std::string_view recipe,
                              std::span<const std::pair<std::string, std::string>> settings) {
    std::map<std::string, Json, std::less<>> values;
    for (const OptionSpec& option : options) values.emplace(option.key, option.fallback);
    const auto chosen =
        std::find_if(recipes.begin(), recipes.end(), [&](const RecipeSpec& r) { return r.name == recipe; });
    if (chosen == recipes.end()) {
        fail_unknown(fmt::format("method {}: --recipe", method), recipe,
                     names_of(recipes, [](const RecipeSpec& r) { return r.name; }));
    }
    for (const auto& [key, value] : chosen->values) values.find(key)->second = value;
    std::vector<std::string> seen;
    for (const auto& [given, text] : settings) {
        std::string key = given;
        std::replace(key.begin(), key.end(), '-', '_');
        const auto option =
            std::find_if(options.begin(), options.end(), [&](const OptionSpec& o) { return o.key == key; });
        if (option == options.end()) {
            fail_unknown(fmt::format("method {}: --set", method), given,
                         names_of(options, [](const OptionSpec& o) { return o.key; }));
        }
        if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
            fail(ErrorKind::kUsage, "--set {} is given twice", key);
        }
        seen.push_back(key);
        Json value = parse_value(*option, text);
        if (value.is_null()) {
            fail(ErrorKind::kUsage, "--set {}={}: must be {}", key, printable(text), range_text(*option));
        }
        values.find(key)->second = std::move(value);
    }
    return Parameters(std::move(values));
}

Json recipes_json(std::span<const OptionSpec> options, std::span<const RecipeSpec> recipes) {
    Json list = Json::array();
    for (const RecipeSpec& recipe : recipes) {
        Json described = Json::object();
        for (const OptionSpec& option : options) {
            Json value = option.fallback;
            for (const auto& [key, changed] : recipe.values) {
                if (key == option.key) value = changed;
            }
            Json entry = {{"type", type_name(option.type)}, {"default", value}, {"help", option.help}};
            const bool number = option.type == OptionType::kInteger || option.type == OptionType::kNumber;
            entry["min"] = number ? Json(option.min) : Json();
            entry["max"] = number ? Json(option.max) : Json();
            if (option.type == OptionType::kChoice) entry["choices"] = option.choices;
            described[std::string(option.key)] = std::move(entry);
        }
        list.push_back({{"name", recipe.name}, {"options", std::move(described)}});
    }
    return list;
}

}  // namespace dwubit::lab
