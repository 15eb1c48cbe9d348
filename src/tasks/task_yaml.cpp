#include "tasks/task_yaml.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

bool all_of(std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

std::string without_underscores(std::string_view text) {
    std::string digits(text);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return digits;
}

struct SignedText {
    bool negative = false;
    std::string_view rest;
};

SignedText take_sign(std::string_view text) {
    SignedText result{text.starts_with('-'), text};
    if (text.starts_with('-') || text.starts_with('+')) result.rest.remove_prefix(1);
    return result;
}

// YAML 1.1's integers but for those in base 60: 0b1, 017, 0x1F, 1_000
std::optional<std::int64_t> yaml_integer(std::string_view text) {
    const auto [negative, rest] = take_sign(text);
    int base = 10;
    std::string_view digits = rest;
    std::string_view allowed = "0123456789_";
    if (rest.starts_with("0b") || rest.starts_with("0x")) {
        base = rest[1] == 'b' ? 2 : 16;
        allowed = base == 2 ? "01_" : "0123456789abcdefABCDEF_";
        digits.remove_prefix(2);
    } else if (rest.size() > 1 && rest[0] == '0') {
        base = 8;
        allowed = "01234567_";
        digits.remove_prefix(1);
    } else if (rest.starts_with('_')) {
        return std::nullopt;
    }
    if (!all_of(digits, allowed)) return std::nullopt;
    const std::string plain = (negative ? "-" : "") + without_underscores(digits);
    std::int64_t value = 0;
    const auto [end, status] = std::from_chars(plain.data(), plain.data() + plain.size(), value, base);
    if (status != std::errc() || end != plain.data() + plain.size()) return std::nullopt;
    return value;
}

// A point is needed, and a sign in the exponent: 1e-3 is text.
std::optional<double> yaml_float(std::string_view text) {
    const auto [negative, rest] = take_sign(text);
    const double sign = negative ? -1.0 : 1.0;
    if (rest == ".inf" || rest == ".Inf" || rest == ".INF") return sign * std::numeric_limits<double>::infinity();
    if (text == ".nan" || text == ".NaN" || text == ".NAN") return std::numeric_limits<double>::quiet_NaN();
    const auto point = rest.find('.');
    if (point == std::string_view::npos) return std::nullopt;
    const std::string_view whole = rest.substr(0, point);
    const auto exponent = rest.find_first_of("eE", point);
    const std::string_view fraction =
        rest.substr(point + 1, exponent == std::string_view::npos ? std::string_view::npos : exponent - point - 1);
    const std::string_view kDigits = "0123456789_";
    if (whole.empty() && fraction.empty()) return std::nullopt;
    if (whole.starts_with('_') || (!whole.empty() && !all_of(whole, kDigits))) return std::nullopt;
    if (!fraction.empty() && !all_of(fraction, kDigits)) return std::nullopt;
    if (whole.empty() && fraction.starts_with('_')) return std::nullopt;
    if (exponent != std::string_view::npos) {
        const std::string_view power = rest.substr(exponent + 1);
        if (power.size() < 2 || (power[0] != '+' && power[0] != '-')) return std::nullopt;
        if (!all_of(power.substr(1), "0123456789")) return std::nullopt;
    }
    return sign * std::strtod(without_underscores(rest).c_str(), nullptr);
}

std::optional<bool> yaml_boolean(std::string_view text) {
    static constexpr std::array<std::string_view, 9> kTrue = {"yes",  "Yes", "YES", "true", "True",
                                                              "TRUE", "on",  "On",  "ON"};
    static constexpr std::array<std::string_view, 9> kFalse = {"no",    "No",  "NO",  "false", "False",
                                                               "FALSE", "off", "Off", "OFF"};
    if (std::find(kTrue.begin(), kTrue.end(), text) != kTrue.end()) return true;
    if (std::find(kFalse.begin(), kFalse.end(), text) != kFalse.end()) return false;
    return std::nullopt;
}

bool yaml_null(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

OrderedJson plain_scalar(const std::string& text) {
    if (yaml_null(text)) return nullptr;
    if (const auto value = yaml_boolean(text)) return *value;
    if (const auto value = yaml_integer(text)) return *value;
    if (const auto value = yaml_float(text)) return *value;
    return text;
}

// Walks yaml-cpp's nodes, in which an alias is its anchor's node again.
class Converter {
public:
    Converter(std::string where, std::string folder, const YamlLimits& limits)
        : where_(std::move(where)), folder_(std::move(folder)), limits_(limits) {}

    Result<OrderedJson> convert(const YAML::Node& node, std::size_t depth) {
        if (depth > limits_.depth) return fail(node, fmt::format("nested deeper than {} levels", limits_.depth));
        if (++nodes_ > limits_.nodes) {
            return fail(node, fmt::format("more than {} values, aliases written out", limits_.nodes));
        }
        if (node.IsMap()) return convert_map(node, depth);
        if (node.IsSequence()) {
            OrderedJson items = OrderedJson::array();
            for (const YAML::Node& element : node) {
                DWUBIT_ASSIGN(OrderedJson item, convert(element, depth + 1));
                items.push_back(std::move(item));
            }
            return items;
        }
        if (node.IsScalar()) return convert_scalar(node);
        return OrderedJson();
    }

private:
    Error fail(const YAML::Node& node, std::string_view what) const {
        const YAML::Mark mark = node.Mark();
        return errorf(ErrorKind::kInvalidInput, "{}:{}: {}", where_, mark.line + 1, what);
    }

    Result<OrderedJson> convert_scalar(const YAML::Node& node) const {
        const std::string& tag = node.Tag();
        const std::string& text = node.Scalar();
        if (tag == "?" || tag.empty()) return plain_scalar(text);
        if (tag == "!" || tag == std::string(kStandardTag) + "str") return OrderedJson(text);
        if (tag == kFunctionTag) {
            return OrderedJson{{std::string(kFunctionTag), {{"name", text}, {"folder", folder_}}}};
        }
        if (tag.starts_with(kStandardTag)) return plain_scalar(text);
        return fail(node, fmt::format("unknown tag '{}'", printable(tag)));
    }

    Result<std::string> key_of(const YAML::Node& key) const {
        if (!key.IsScalar()) return fail(key, "a key must be text");
        return key.Scalar();
    }

    Result<OrderedJson> convert_map(const YAML::Node& node, std::size_t depth) {
        OrderedJson merged = OrderedJson::object();
        OrderedJson members = OrderedJson::object();
        for (const auto& member : node) {
            DWUBIT_ASSIGN(const std::string key, key_of(member.first));
            DWUBIT_ASSIGN(OrderedJson value, convert(member.second, depth + 1));
            if (key == "<<" && member.first.Tag() == "?") {
                DWUBIT_TRY(merge(member.first, value, merged));
                continue;
            }
            if (members.size() >= kMaxMembers) {
                return fail(member.first, fmt::format("more than {} keys in one mapping", kMaxMembers));
            }
            if (members.contains(key) && repeated_++ < kRepeatedNamed) {
                log_warning(fmt::format("{}:{}: key '{}' comes twice; the last counts", where_,
                                        member.first.Mark().line + 1, printable(key)));
            }
            members[key] = std::move(value);
        }
        for (auto& [key, value] : members.items()) merged[key] = value;
        return merged;
    }

    // Of several mappings the first wins.
    Result<void> merge(const YAML::Node& key, const OrderedJson& value, OrderedJson& merged) const {
        const OrderedJson list = value.is_array() ? value : OrderedJson::array({value});
        for (const OrderedJson& mapping : list) {
            if (!mapping.is_object()) return fail(key, "'<<' takes a mapping or a list of mappings");
            for (const auto& [name, member] : mapping.items()) {
                if (!merged.contains(name)) merged[name] = member;
            }
        }
        return {};
    }

    static constexpr std::size_t kMaxMembers = 2'000;
    static constexpr std::size_t kRepeatedNamed = 3;  // keys that come twice, of one file

    std::string where_;
    std::string folder_;
    YamlLimits limits_;
    std::size_t nodes_ = 0;
    std::size_t repeated_ = 0;
};

class EventDropper final : public YAML::EventHandler {
public:
    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}
};

// Not by LoadAll(): of ",x" yaml-cpp reads empty documents for ever.
bool has_second_document(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    EventDropper events;
    return parser.HandleNextDocument(events) && parser.HandleNextDocument(events);
}

Result<OrderedJson> parse_document(std::string_view text, const std::string& where, const std::string& folder,
                                   const YamlLimits& limits) {
    try {
        if (has_second_document(std::string(text))) {
            return errorf(ErrorKind::kInvalidInput, "{}: more than one document", where);
        }
        return Converter(where, folder, limits).convert(YAML::Load(std::string(text)), 0);
    } catch (const YAML::DeepRecursion& failure) {
        return errorf(ErrorKind::kInvalidInput, "{}:{}: nested too deep", where, failure.mark.line + 1);
    } catch (const YAML::Exception& failure) {
        return errorf(ErrorKind::kInvalidInput, "{}:{}: {}", where, failure.mark.line + 1, printable(failure.msg, 200));
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "{}: no memory to read YAML", where);
    } catch (const std::exception& failure) {
        return errorf(ErrorKind::kInvalidInput, "{}: {}", where, printable(failure.what(), 200));
    }
}

fs::path resolved(const fs::path& file) {
    std::error_code failed;
    fs::path path = fs::weakly_canonical(file, failed);
    return failed ? file.lexically_normal() : path;
}

}  // namespace

bool is_function(const OrderedJson& value) {
    return value.is_object() && value.size() == 1 && value.begin().key() == kFunctionTag && value.front().is_object() &&
           value.front().contains("folder");
}

OrderedJson without_functions(const OrderedJson& value) {
    if (is_function(value)) return fmt::format("{} {}", kFunctionTag, value.front().at("name").get<std::string>());
    if (value.is_array()) {
        OrderedJson items = OrderedJson::array();
        for (const OrderedJson& item : value) items.push_back(without_functions(item));
        return items;
    }
    if (!value.is_object()) return value;
    OrderedJson members = OrderedJson::object();
    for (const auto& [key, member] : value.items()) members[key] = without_functions(member);
    return members;
}

Result<OrderedJson> parse_yaml(std::string_view text, const std::string& where, const std::string& folder,
                               const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        return errorf(ErrorKind::kInvalidInput, "{}: YAML of {} bytes; at most {} are read", where, text.size(),
                      limits.bytes);
    }
    if (const auto bad = find_invalid_utf8(text)) {
        const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*bad), '\n');
        return errorf(ErrorKind::kInvalidInput, "{}:{}: ill-formed UTF-8", where, line);
    }
    return parse_document(text, where, folder, limits);
}

Result<OrderedJson> TaskYamlReader::read_one(const fs::path& file) {
    if (const auto found = read_.find(file); found != read_.end()) return found->second;
    DWUBIT_ASSIGN(const std::string text, read_file(file, limits_.bytes));
    DWUBIT_ASSIGN(OrderedJson value, parse_yaml(text, file.string(), file.parent_path().filename().string(), limits_));
    return read_.emplace(file, std::move(value)).first->second;
}

Result<OrderedJson> TaskYamlReader::merged(const fs::path& file, std::vector<fs::path>& open, std::size_t& files) {
    if (std::find(open.begin(), open.end(), file) != open.end()) {
        return errorf(ErrorKind::kInvalidInput, "{}: the file includes itself, by way of {}", file.string(),
                      open.back().string());
    }
    if (++files > limits_.includes) {
        return errorf(ErrorKind::kInvalidInput, "{}: more than {} files are included", open.front().string(),
                      limits_.includes);
    }
    DWUBIT_ASSIGN(OrderedJson own, read_one(file));
    if (!own.is_object()) {
        return errorf(ErrorKind::kInvalidInput, "{}: a task file must hold a mapping of keys to values", file.string());
    }
    const auto found = own.find("include");
    if (found == own.end()) return own;
    const OrderedJson includes = found->is_array() ? *found : OrderedJson::array({*found});
    own.erase("include");

    OrderedJson all = OrderedJson::object();
    open.push_back(file);
    for (const OrderedJson& include : includes) {
        if (!include.is_string()) {
            return errorf(ErrorKind::kInvalidInput, "{}: 'include' must be a file name or a list of them",
                          file.string());
        }
        auto included = merged(resolved(file.parent_path() / include.get<std::string>()), open, files);
        if (!included.ok()) {
            included.error().add_context(fmt::format("included by {}", file.string()));
            return std::move(included).error();
        }
        included->erase("task_list");  // names tasks of that file alone
        for (auto& [key, value] : included->items()) all[key] = value;
    }
    open.pop_back();
    for (auto& [key, value] : own.items()) all[key] = value;
    return all;
}

Result<bool> TaskYamlReader::holds_mapping(const fs::path& file) {
    DWUBIT_ASSIGN(const OrderedJson value, read_one(resolved(file)));
    return value.is_object();
}

Result<OrderedJson> TaskYamlReader::read(const fs::path& file) {
    std::vector<fs::path> open;
    std::size_t files = 0;
    return merged(resolved(file), open, files);
}

}  // namespace dwubit
