#include "template/python_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "template/unicode_tables.h"

namespace dwubit::tmpl {

std::size_t character_length(std::string_view text, std::size_t at) {
    const std::size_t length = utf8_length(static_cast<unsigned char>(text[at]));
    return std::min(length, text.size() - at);
}

char32_t character_at(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) return lead;
    const std::size_t length = utf8_length(lead);
    if (length == 1 || length > text.size() - at) return 0xFFFD;
    return decode_utf8(text, at);
}

std::size_t count_characters(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) ++count;
    return count;
}

std::size_t byte_offset(std::string_view text, std::size_t index) {
    std::size_t at = 0;
    for (; index > 0 && at < text.size(); --index) at += character_length(text, at);
    return at;
}

bool is_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::string_view strip_left(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_space(character_at(text, at))) at += character_length(text, at);
    return text.substr(at);
}

std::string_view strip_right(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0) {
        std::size_t start = end - 1;
        while (start > 0 && end - start < 4 && (static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
        if (!is_space(character_at(text, start))) break;
        end = start;
    }
    return text.substr(0, end);
}

// --- case ----------------------------------------------------------------------------------------------------------

namespace {

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

void append_mapping(std::string& out, const CaseMapping& mapping) {
    for (const char32_t c : mapping) {
        if (c != 0 || &c == mapping.data()) append_utf8(out, c);
    }
}

// Unicode 3.13, Final_Sigma: a cased character before, none behind, case-ignorable ones skipped on both sides.
bool is_final_sigma(std::string_view text, std::size_t at) {
    std::size_t before = at;
    bool cased_before = false;
    while (before > 0) {
        do --before;
        while (before > 0 && (static_cast<unsigned char>(text[before]) & 0xC0U) == 0x80U);
        const char32_t c = character_at(text, before);
        if (is_case_ignorable(c)) continue;
        cased_before = has_case(c);
        break;
    }
    if (!cased_before) return false;
    for (std::size_t i = at + 2; i < text.size(); i += character_length(text, i)) {
        const char32_t c = character_at(text, i);
        if (!is_case_ignorable(c)) return !has_case(c);
    }
    return true;
}

void append_lower(std::string& out, std::string_view text, std::size_t at) {
    const char32_t c = character_at(text, at);
    if (c == kSigma && is_final_sigma(text, at)) return append_utf8(out, kFinalSigma);
    append_mapping(out, lower_case(c));
}

}  // namespace

std::string to_upper(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) {
        append_mapping(out, upper_case(character_at(text, i)));
    }
    return out;
}

std::string to_lower(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) append_lower(out, text, i);
    return out;
}

std::string to_title(std::string_view text) {
    std::string out;
    bool after_cased = false;
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) {
        const char32_t c = character_at(text, i);
        if (after_cased) {
            append_lower(out, text, i);
        } else {
            append_mapping(out, title_case(c));
        }
        after_cased = has_case(c);
    }
    return out;
}

std::string capitalized(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) {
        if (i == 0) {
            append_mapping(out, title_case(character_at(text, 0)));
        } else {
            append_lower(out, text, i);
        }
    }
    return out;
}

// --- str() and repr() ----------------------------------------------------------------------------------------------

std::string float_text(double value) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    // The shortest digits that read back as the value, then Python's choice of notation.
    char buffer[64];
    const auto written = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
    std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
    std::string out;
    if (text.front() == '-') {
        out = "-";
        text.remove_prefix(1);
    }
    const std::size_t mark = text.find('e');
    int exponent = 0;
    const std::size_t from = text[mark + 1] == '+' ? mark + 2 : mark + 1;
    std::from_chars(text.data() + from, text.data() + text.size(), exponent);
    std::string digits(text.substr(0, mark));
    std::erase(digits, '.');
    if (exponent < -4 || exponent >= 16) {
        out += digits[0];
        if (digits.size() > 1) out += "." + digits.substr(1);
        return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
    }
    if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
    return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

namespace {

Result<void> append_string_repr(std::string_view text, PaidText& out) {
    const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
    const char quote = single ? '\'' : '"';
    DWUBIT_TRY(out.add({&quote, 1}));
    for (std::size_t i = 0; i < text.size(); i += character_length(text, i)) {
        const char32_t c = character_at(text, i);
        const auto code = static_cast<std::uint32_t>(c);
        if (c == static_cast<char32_t>(quote) || c == U'\\') {
            DWUBIT_TRY(out.add("\\"));
            DWUBIT_TRY(out.add(text.substr(i, 1)));
        } else if (c == U'\n') {
            DWUBIT_TRY(out.add("\\n"));
        } else if (c == U'\r') {
            DWUBIT_TRY(out.add("\\r"));
        } else if (c == U'\t') {
            DWUBIT_TRY(out.add("\\t"));
        } else if (is_printable(c)) {
            DWUBIT_TRY(out.add(text.substr(i, character_length(text, i))));
        } else if (code < 0x100) {
            DWUBIT_TRY(out.add(fmt::format("\\x{:02x}", code)));
        } else if (code < 0x10000) {
            DWUBIT_TRY(out.add(fmt::format("\\u{:04x}", code)));
        } else {
            DWUBIT_TRY(out.add(fmt::format("\\U{:08x}", code)));
        }
    }
    return out.add({&quote, 1});
}

Error no_text(const Value& value) {
    return make_error(ErrorKind::kUnsupported, fmt::format("printing a {} is not supported", value.type_name()));
}

Result<void> append_sequence_repr(const Sequence& sequence, const Value& value, PaidText& out, Budget& budget) {
    std::string_view open = "[";
    std::string_view close = "]";
    switch (sequence.kind) {
        case SequenceKind::kList:
            break;
        case SequenceKind::kTuple:
            open = "(";
            close = sequence.items.size() == 1 ? ",)" : ")";
            break;
        case SequenceKind::kKeys:
            open = "dict_keys([";
            close = "])";
            break;
        case SequenceKind::kValues:
            open = "dict_values([";
            close = "])";
            break;
        case SequenceKind::kItems:
            open = "dict_items([";
            close = "])";
            break;
        case SequenceKind::kRange:
        case SequenceKind::kLazy:
            return no_text(value);
    }
    DWUBIT_TRY(out.add(open));
    for (const Value& item : sequence.items) {
        if (&item != sequence.items.data()) DWUBIT_TRY(out.add(", "));
        DWUBIT_TRY(append_repr(item, out, budget));
    }
    return out.add(close);
}

}  // namespace

Result<void> append_repr(const Value& value, PaidText& out, Budget& budget) {
    DWUBIT_TRY(budget.steps(1));
    if (value.is_none()) return out.add("None");
    if (const auto* flag = value.as_bool()) return out.add(*flag ? "True" : "False");
    if (const auto* integer = value.as_int()) return out.add(fmt::format("{}", *integer));
    if (const auto* real = value.as_float()) return out.add(float_text(*real));
    if (const auto* text = value.as_string()) return append_string_repr(*text, out);
    if (const auto* sequence = value.as_sequence()) return append_sequence_repr(*sequence, value, out, budget);
    if (const auto* dict = value.as_dict()) {
        DWUBIT_TRY(out.add("{"));
        for (const auto& item : dict->items()) {
            if (&item != dict->items().data()) DWUBIT_TRY(out.add(", "));
            DWUBIT_TRY(append_repr(item.key, out, budget));
            DWUBIT_TRY(out.add(": "));
            DWUBIT_TRY(append_repr(item.value, out, budget));
        }
        return out.add("}");
    }
    if (value.as_undefined() != nullptr) return out.add("Undefined");
    return no_text(value);
}

}  // namespace dwubit::tmpl
