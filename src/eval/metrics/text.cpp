#include "eval/metrics/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <cmath>

#include "template/python_text.h"

namespace dwubit {
namespace {

// What json.dumps(ensure_ascii=False) writes for a byte; empty: the byte itself.
std::string escaped(char c) {
    switch (c) {
        case '"':
            return "\\\"";
        case '\\':
            return "\\\\";
        case '\n':
            return "\\n";
        case '\r':
            return "\\r";
        case '\t':
            return "\\t";
        case '\f':
            return "\\f";
        case '\b':
            return "\\b";
        default:
            return static_cast<unsigned char>(c) < 0x20 ? fmt::format("\\u{:04x}", static_cast<unsigned>(c)) : "";
    }
}

void append_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const std::string replacement = escaped(c);
        if (replacement.empty()) {
            out += c;
        } else {
            out += replacement;
        }
    }
    out += '"';
}

std::string number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return tmpl::float_text(value);
}

// indent 0: on one line.
void append_json(std::string& out, const OrderedJson& value, std::size_t indent, std::size_t depth) {
    if (value.is_string()) return append_string(out, value.get_ref<const std::string&>());
    if (!value.is_structured()) {
        out += value.is_number_float() ? number(value.get<double>()) : value.dump();
        return;
    }
    const auto new_line = [&](std::size_t level) {
        if (indent == 0) return;
        out += '\n';
        out.append(indent * level, ' ');
    };
    const bool object = value.is_object();
    out += object ? '{' : '[';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
        if (!first) out += indent == 0 ? ", " : ",";
        first = false;
        new_line(depth + 1);
        if (object) {
            append_string(out, key);
            out += ": ";
        }
        append_json(out, member, indent, depth + 1);
    }
    if (!first) new_line(depth);
    out += object ? '}' : ']';
}

}  // namespace

std::string_view strip_space(std::string_view text) {
    return tmpl::strip_left(tmpl::strip_right(text));
}

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = tmpl::character_length(text, at);
        if (tmpl::is_space(tmpl::character_at(text, at))) {
            if (at > begin) words.push_back(text.substr(begin, at - begin));
            begin = at + length;
        }
        at += length;
    }
    if (begin < text.size()) words.push_back(text.substr(begin));
    return words;
}

std::u32string without_space(std::string_view text) {
    std::u32string out;
    for (std::size_t at = 0; at < text.size(); at += tmpl::character_length(text, at)) {
        const char32_t c = tmpl::character_at(text, at);
        if (!tmpl::is_space(c)) out += c;
    }
    return out;
}

bool is_punctuation(char32_t c) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
        case UTF8PROC_CATEGORY_PC:
        case UTF8PROC_CATEGORY_PD:
        case UTF8PROC_CATEGORY_PS:
        case UTF8PROC_CATEGORY_PE:
        case UTF8PROC_CATEGORY_PI:
        case UTF8PROC_CATEGORY_PF:
        case UTF8PROC_CATEGORY_PO:
            return true;
        default:
            return false;
    }
}

std::string python_json(const OrderedJson& value) {
    std::string out;
    append_json(out, value, 0, 0);
    return out;
}

std::string python_json_indented(const OrderedJson& value) {
    std::string out;
    append_json(out, value, 2, 0);
    return out;
}

}  // namespace dwubit
