#include "study/toml_table.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {

void fail_toml_assertion() {
    throw TomlAssertion();
}

std::string TomlTable::where(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    const auto line = node != nullptr ? node->source().begin.line : table_.source().begin.line;
    std::string text = fmt::format("{}:{}: '{}'", file_, line, printable(key));
    if (!name_.empty()) text += fmt::format(" in [{}]", name_);
    return text;
}

Error TomlTable::invalid(std::string_view key, std::string_view problem) const {
    return errorf(ErrorKind::kInvalidInput, "{} {}", where(key), problem);
}

std::vector<std::string> TomlTable::keys() const {
    std::vector<std::tuple<std::uint32_t, std::uint32_t, std::string>> found;
    for (const auto& [key, node] : table_) {
        const toml::source_position at = key.source().begin;
        found.emplace_back(at.line, at.column, std::string(key.str()));
    }
    std::sort(found.begin(), found.end());
    std::vector<std::string> keys;
    for (auto& [line, column, key] : found) keys.push_back(std::move(key));
    return keys;
}

Result<void> TomlTable::check_keys(std::initializer_list<std::string_view> known) const {
    for (const std::string& key : keys()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const std::vector<std::string> names(known.begin(), known.end());
        Error error = invalid(key, "is no key that a study file has there");
        const auto nearest = nearest_name(key, names);
        error.hint = nearest ? fmt::format("did you mean '{}'?", *nearest)
                             : fmt::format("there are: {}", fmt::join(names, ", "));
        return error;
    }
    return {};
}

Result<std::optional<std::string>> TomlTable::text(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) return std::optional<std::string>();
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) return invalid(key, "must be a text in quotes, not an empty one");
    return value;
}

Result<std::optional<bool>> TomlTable::boolean(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) return std::optional<bool>();
    const auto value = node->value_exact<bool>();
    if (!value) return invalid(key, "must be true or false");
    return value;
}

Result<std::optional<std::int64_t>> TomlTable::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) return std::optional<std::int64_t>();
    const auto value = node->value_exact<std::int64_t>();
    if (!value || *value < min || *value > max) {
        return invalid(key, fmt::format("must be an integer from {} to {}", min, max));
    }
    return value;
}

Result<std::optional<double>> TomlTable::number(std::string_view key, double min, double max) const {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) return std::optional<double>();
    const auto value = node->is_number() ? node->value<double>() : std::nullopt;
    if (!value || !std::isfinite(*value) || *value < min || *value > max) {
        return invalid(key, fmt::format("must be a number from {} to {}", min, max));
    }
    return value;
}

Result<std::vector<std::string>> TomlTable::texts(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    std::vector<std::string> found;
    if (node == nullptr) return found;
    if (const auto one = node->value_exact<std::string>()) found.push_back(*one);
    if (const toml::array* const list = node->as_array()) {
        for (const toml::node& each : *list) found.push_back(each.value_exact<std::string>().value_or(""));
    }
    if (found.empty() || std::find(found.begin(), found.end(), "") != found.end()) {
        return invalid(key, "must be a text or a list of texts, none of them empty");
    }
    return found;
}

Result<std::optional<TomlTable>> TomlTable::table(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) return std::optional<TomlTable>();
    const toml::table* const found = node->as_table();
    if (found == nullptr) return invalid(key, "must be a table");
    const std::string name = name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
    return std::optional(TomlTable(*found, file_, name));
}

Result<std::string> TomlTable::plain(std::string_view key) const {
    const toml::node* const node = table_.get(key);
    if (node != nullptr) {
        if (const auto value = node->value_exact<std::string>()) return *value;
        if (const auto value = node->value_exact<bool>()) return std::string(*value ? "true" : "false");
        if (const auto value = node->value_exact<std::int64_t>()) return fmt::format("{}", *value);
        if (const auto value = node->value_exact<double>()) return fmt::format("{}", *value);
    }
    return invalid(key, "must be a number, a text, true or false");
}

}  // namespace dwubit
