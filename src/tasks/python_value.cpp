#include "tasks/python_value.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "template/budget.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

// nlohmann compares integers with doubles as doubles; Python compares them exactly.
int compare_as_python(const OrderedJson& a, const OrderedJson& b) {
    const auto number = [](const OrderedJson& value) {
        tmpl::Number result;
        result.is_float = value.is_number_float();
        if (value.is_boolean()) {
            result.integer = value.get<bool>() ? 1 : 0;
        } else if (!result.is_float) {
            result.integer = value.get<std::int64_t>();
        }
        result.real = result.is_float ? value.get<double>() : static_cast<double>(result.integer);
        return result;
    };
    return tmpl::compare_numbers(number(a), number(b));
}

bool is_number(const OrderedJson& value) {
    return value.is_number() || value.is_boolean();
}

bool beyond_64_bits(const OrderedJson& value) {
    return value.is_number_unsigned() &&
           value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
}

}  // namespace

Result<tmpl::Value> template_value_of(const OrderedJson& value) {
    if (value.is_object()) {
        std::vector<std::pair<std::string, tmpl::Value>> items;
        items.reserve(value.size());
        for (const auto& [key, member] : value.items()) {
            DWUBIT_ASSIGN(tmpl::Value item, template_value_of(member));
            items.emplace_back(key, std::move(item));
        }
        return tmpl::Value::dict(std::move(items));
    }
    if (value.is_array()) {
        std::vector<tmpl::Value> items;
        items.reserve(value.size());
        for (const OrderedJson& element : value) {
            DWUBIT_ASSIGN(tmpl::Value item, template_value_of(element));
            items.push_back(std::move(item));
        }
        return tmpl::Value::list(std::move(items));
    }
    if (value.is_string()) return tmpl::Value(value.get_ref<const std::string&>());
    if (value.is_boolean()) return tmpl::Value(value.get<bool>());
    if (beyond_64_bits(value)) {
        return errorf(ErrorKind::kUnsupported, "the integer {} does not fit into 64 bits", value.get<std::uint64_t>());
    }
    if (value.is_number_integer()) return tmpl::Value(value.get<std::int64_t>());
    if (value.is_number()) return tmpl::Value(value.get<double>());
    return tmpl::Value();
}

Result<std::string> python_text(const OrderedJson& value) {
    if (value.is_string()) return value.get<std::string>();
    DWUBIT_ASSIGN(const tmpl::Value converted, template_value_of(value));
    tmpl::Budget budget{tmpl::TemplateLimits{}};
    tmpl::PaidText text(budget);
    DWUBIT_TRY(tmpl::append_repr(converted, text, budget));
    return text.take();
}

bool python_equal(const OrderedJson& a, const OrderedJson& b) {
    if (is_number(a) && is_number(b)) {
        if (beyond_64_bits(a) || beyond_64_bits(b)) return a == b;
        return compare_as_python(a, b) == 0;
    }
    if (a.type() != b.type()) return false;
    if (a.is_array()) return std::equal(a.begin(), a.end(), b.begin(), b.end(), python_equal);
    if (!a.is_object()) return a == b;
    if (a.size() != b.size()) return false;
    return std::all_of(a.items().begin(), a.items().end(), [&](const auto& member) {
        const auto found = b.find(member.key());
        return found != b.end() && python_equal(member.value(), *found);
    });
}

std::string_view python_type(const OrderedJson& value) {
    if (value.is_null()) return "None";
    if (value.is_boolean()) return "bool";
    if (value.is_number_float()) return "float";
    if (value.is_number()) return "int";
    if (value.is_string()) return "str";
    return value.is_array() ? "list" : "dict";
}

bool is_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace dwubit
