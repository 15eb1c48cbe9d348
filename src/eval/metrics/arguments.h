// Arguments of filters and metrics: the keys of an entry of a task's YAML, each taken once.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

class Arguments {
public:
    // `values` must outlive this.
    explicit Arguments(const OrderedJson& values) : values_(values) {}

    // The value, or nothing where there is none or null.
    const OrderedJson* find(const std::string& key);
    Result<std::string> text(const std::string& key, const std::string& fallback);
    Result<std::int64_t> integer(const std::string& key, std::optional<std::int64_t> fallback);
    Result<bool> boolean(const std::string& key, bool fallback);
    Result<std::vector<std::string>> texts(const std::string& key);

    // Error: a key that nobody asked for.
    Result<void> finish() const;

private:
    const OrderedJson& values_;
    std::set<std::string> asked_;
};

}  // namespace dwubit
