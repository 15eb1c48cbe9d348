// A table of a TOML file read with checks: known keys, types, ranges; messages say file, line, table and key.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"

namespace dwubit {

struct TomlAssertion {};
[[noreturn]] void fail_toml_assertion();  // throws TomlAssertion

}  // namespace dwubit

// toml++ 3.3 asserts on malformed text (a line "["), and without assertions takes them for granted: here they throw.
#define TOML_ASSERT(condition) ((condition) ? void() : ::dwubit::fail_toml_assertion())
#include <toml++/toml.h>

namespace dwubit {

class TomlTable {
public:
    // `table` must outlive this; `file` and `name` (empty: the file itself) are for messages.
    TomlTable(const toml::table& table, std::string file, std::string name)
        : table_(table), file_(std::move(file)), name_(std::move(name)) {}

    // An error for any other key, with the nearest of these as hint.
    Result<void> check_keys(std::initializer_list<std::string_view> known) const;

    bool has(std::string_view key) const { return table_.contains(key); }
    // Nothing where the key is absent.
    Result<std::optional<std::string>> text(std::string_view key) const;  // not empty
    Result<std::optional<bool>> boolean(std::string_view key) const;
    Result<std::optional<std::int64_t>> integer(std::string_view key, std::int64_t min, std::int64_t max) const;
    Result<std::optional<double>> number(std::string_view key, double min, double max) const;
    // One text or a list of them; absent: empty.
    Result<std::vector<std::string>> texts(std::string_view key) const;
    Result<std::optional<TomlTable>> table(std::string_view key) const;

    // Keys in the order of the file.
    std::vector<std::string> keys() const;
    // Any plain value as --set would have it; an error for tables, lists and dates.
    Result<std::string> plain(std::string_view key) const;

    // "file:12: 'window' in [perplexity] <problem>"
    Error invalid(std::string_view key, std::string_view problem) const;

private:
    std::string where(std::string_view key) const;

    const toml::table& table_;
    std::string file_;
    std::string name_;
};

}  // namespace dwubit
