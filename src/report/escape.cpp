#include "report/escape.h"

#include <cctype>

#include "base/text.h"

namespace dwubit::report {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80;
}

// A backslash is needed where this text would start a list, a heading, a quotation or a rule.
std::size_t line_start_markup(std::string_view text) {
    if (text.empty()) return std::string_view::npos;
    if (std::string_view("#+-=:").find(text[0]) != std::string_view::npos) return 0;
    const std::size_t end = text.find_first_not_of("0123456789");
    const bool numbered = end != std::string_view::npos && end > 0 && (text[end] == '.' || text[end] == ')');
    return numbered ? end : std::string_view::npos;
}

}  // namespace

std::string html(std::string_view text) {
    std::string out;
    for (const char c : replace_invalid_utf8(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += is_control(c) && c != '\n' && c != '\t' ? ' ' : c;
        }
    }
    return out;
}

std::string markdown(std::string_view text) {
    constexpr std::string_view kMarkup = "\\`*[]|~$";
    const std::string valid = replace_invalid_utf8(text);
    const std::size_t first = line_start_markup(valid);
    std::string out;
    for (std::size_t i = 0; i < valid.size(); ++i) {
        const char c = valid[i];
        const bool inside = i > 0 && i + 1 < valid.size() && is_word(valid[i - 1]) && is_word(valid[i + 1]);
        if (c == '<') {
            out += "&lt;";
        } else if (c == '>') {
            out += "&gt;";
        } else if (c == '&') {
            out += "&amp;";
        } else if (is_control(c)) {
            out += ' ';
        } else {
            if (kMarkup.find(c) != std::string_view::npos || (c == '_' && !inside) || i == first) out += '\\';
            out += c;
        }
    }
    return out;
}

std::string json_in_script(std::string_view json) {
    std::string out;
    for (const char c : json) {
        switch (c) {
            case '<':
                out += "\\u003c";
                break;
            case '>':
                out += "\\u003e";
                break;
            case '&':
                out += "\\u0026";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string slug(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool kept = static_cast<unsigned char>(c) < 0x80 && std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (kept) {
            out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!out.empty() && out.back() != '-') {
            out += '-';
        }
    }
    while (!out.empty() && out.back() == '-') out.pop_back();
    return out.empty() ? "x" : out;
}

}  // namespace dwubit::report
