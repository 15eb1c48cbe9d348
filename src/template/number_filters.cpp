// Filters that give numbers, and default.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "base/text.h"
#include "template/filters.h"
#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

// The digits of Python's int() and float(): blanks around, a sign, single underscores between digits. Empty if
// malformed.
std::string plain_digits(std::string_view text) {
    text = strip_right(strip_left(text));
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-') || text.starts_with('+')) return {};
    }
    std::string out;
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '_') {
            out += text[i];
        } else if (i == 0 || i + 1 == text.size() || !is_alphanumeric(text[i - 1]) || !is_alphanumeric(text[i + 1])) {
            return {};
        }
    }
    return out;
}

// Whether it may be a number in digits other than ASCII's, which are not read here: everything else in it could be part
// of a number.
bool may_have_other_digits(std::string_view text) {
    text = strip_right(strip_left(text));
    const auto foreign = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    return std::any_of(text.begin(), text.end(), foreign) && std::all_of(text.begin(), text.end(), [&](char c) {
               return foreign(c) || std::string_view("0123456789+-._eE").find(c) != std::string_view::npos;
           });
}

enum class Parsed { kYes, kNo, kTooLarge };

Parsed parse_integer(std::string_view text, int base, std::int64_t& integer) {
    std::string digits = plain_digits(text);
    const std::size_t sign = digits.starts_with('-') ? 1 : 0;
    const std::string_view prefix = base == 16 ? "0x" : (base == 8 ? "0o" : (base == 2 ? "0b" : ""));
    if (!prefix.empty() && digits.size() > sign + 1 && digits[sign] == '0' && (digits[sign + 1] | 0x20) == prefix[1]) {
        digits.erase(sign, 2);
    }
    if (digits.size() == sign || digits[sign] == '-') return Parsed::kNo;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), integer, base);
    if (read.ptr != digits.data() + digits.size()) return Parsed::kNo;
    return read.ec == std::errc() ? Parsed::kYes : Parsed::kTooLarge;
}

bool parse_float(std::string_view text, double& real) {
    std::string digits = plain_digits(text);
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::string_view bare = std::string_view(digits).substr(digits.starts_with('-') ? 1 : 0);
    const bool named = bare == "inf" || bare == "infinity" || bare == "nan";
    if (!named && bare.find_first_not_of("0123456789.e+-") != std::string_view::npos) return false;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), real);
    if (digits.empty() || read.ptr != digits.data() + digits.size()) return false;
    if (read.ec == std::errc::result_out_of_range) real = std::strtod(digits.c_str(), nullptr);
    return read.ec == std::errc() || read.ec == std::errc::result_out_of_range;
}

Error too_large() {
    return unsupported("an integer with more than 64 bits is not supported");
}

Result<Value> truncated(double real) {
    if (real >= 9223372036854775808.0 || real < -9223372036854775808.0) return too_large();
    return Value(static_cast<std::int64_t>(real));
}

Result<Value> int_filter(const Value& value, const Arguments& arguments, Engine&) {
    DWUBIT_ASSIGN(const Bound bound, bind("int", arguments, {"default", "base"}));
    DWUBIT_ASSIGN(const std::int64_t base, integer_or(bound[1], 10, "int"));
    if (base < 2 || base > 36) return unsupported("int: the base is not between 2 and 36");
    if (value.as_undefined() != nullptr) return undefined_error(value);
    Number number;
    double real = 0.0;
    if (as_number(value, number)) {
        if (!number.is_float) return Value(number.integer);
        if (std::isinf(number.real)) return invalid("int: an infinity is no integer");
        if (!std::isnan(number.real)) return truncated(number.real);
    } else if (const auto* text = value.as_string()) {
        if (may_have_other_digits(*text)) return unsupported("int: only ASCII digits are supported");
        std::int64_t integer = 0;
        const Parsed parsed = parse_integer(*text, static_cast<int>(base), integer);
        if (parsed == Parsed::kYes) return Value(integer);
        if (parsed == Parsed::kTooLarge) return too_large();
        if (parse_float(*text, real) && std::isfinite(real)) return truncated(real);
    }
    return bound[0].value_or(Value(0));
}

Result<Value> float_filter(const Value& value, const Arguments& arguments, Engine&) {
    DWUBIT_ASSIGN(const Bound bound, bind("float", arguments, {"default"}));
    if (value.as_undefined() != nullptr) return undefined_error(value);
    Number number;
    if (as_number(value, number)) return Value(number.real);
    double real = 0.0;
    if (const auto* text = value.as_string()) {
        if (may_have_other_digits(*text)) return unsupported("float: only ASCII digits are supported");
        if (parse_float(*text, real)) return Value(real);
    }
    return bound[0].value_or(Value(0.0));
}

Result<Value> absolute(const Value& value, const Arguments& arguments, Engine&) {
    DWUBIT_TRY(bind("abs", arguments, {}));
    Number number;
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (!as_number(value, number)) return invalid(fmt::format("abs needs a number, not a {}", value.type_name()));
    if (number.is_float) return Value(std::fabs(number.real));
    if (number.integer == std::numeric_limits<std::int64_t>::min()) return too_large();
    return Value(number.integer < 0 ? -number.integer : number.integer);
}

Result<Value> round_filter(const Value& value, const Arguments& arguments, Engine&) {
    DWUBIT_ASSIGN(const Bound bound, bind("round", arguments, {"precision", "method"}));
    DWUBIT_ASSIGN(const std::int64_t precision, integer_or(bound[0], 0, "round"));
    DWUBIT_ASSIGN(const std::string method, text_or(bound[1], "common", "round"));
    Number number;
    if (value.as_undefined() != nullptr) return undefined_error(value);
    if (!as_number(value, number)) return invalid(fmt::format("round needs a number, not a {}", value.type_name()));
    if (precision < 0 || precision > 300) return unsupported("round: the precision is not between 0 and 300");
    if (method == "common") {
        if (!number.is_float) return Value(number.integer);
        if (!std::isfinite(number.real)) return value;
        // As CPython: the exact decimal value, rounded half to even, read back.
        const std::string digits = fmt::format("{:.{}f}", number.real, precision);
        double rounded = 0.0;
        std::from_chars(digits.data(), digits.data() + digits.size(), rounded);
        return Value(rounded);
    }
    if (method != "ceil" && method != "floor") return invalid("round: the method is common, ceil or floor");
    if (precision > 15) return unsupported("round: the precision is not between 0 and 15");
    double scale = 1.0;
    for (std::int64_t i = 0; i < precision; ++i) scale *= 10.0;
    const double scaled = number.real * scale;
    if (!std::isfinite(scaled)) return invalid("round: not a finite number");
    if (std::fabs(scaled) >= 9007199254740992.0) return too_large();
    return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale + 0.0);
}

Result<Value> default_filter(const Value& value, const Arguments& arguments, Engine& engine) {
    DWUBIT_ASSIGN(const Bound bound, bind("default", arguments, {"default_value", "boolean"}));
    if (value.as_undefined() == nullptr) {
        if (!bound[1]) return value;
        DWUBIT_ASSIGN(const bool also_false, truth(*bound[1], engine));
        if (!also_false) return value;
        DWUBIT_ASSIGN(const bool holds, truth(value, engine));
        if (holds) return value;
    }
    return bound[0].value_or(Value(""));
}

constexpr FilterEntry kFilters[] = {
    {"int", int_filter},     {"float", float_filter},     {"abs", absolute},
    {"round", round_filter}, {"default", default_filter}, {"d", default_filter},
};

}  // namespace

const FilterEntry* find_number_filter(std::string_view name) {
    const auto* found =
        std::find_if(std::begin(kFilters), std::end(kFilters), [&](const auto& f) { return f.name == name; });
    return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace dwubit::tmpl
