#include "report/escape.h"

#include <algorithm>
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

// Where text that begins a line would begin a list, a heading, a quotation, a rule, a box to tick; npos if nowhere.
std::size_t line_start_markup(std::string_view text) {
    if (text.empty()) return std::string_view::npos;
    if (std::string_view("#+-=:[").find(text[0]) != std::string_view::npos) return 0;
    const std::size_t end = text.find_first_not_of("0123456789");
    const bool numbered = end != std::string_view::npos && end > 0 && (text[end] == '.' || text[end] == ')');
    return numbered && (end + 1 == text.size() || text[end + 1] == ' ') ? end : std::string_view::npos;
}

// A bracket makes a link only before one of these; figures in brackets stay as they are.
bool ends_link_text(std::string_view text, std::size_t at) {
    return at + 1 < text.size() && std::string_view("([:").find(text[at + 1]) != std::string_view::npos;
}

std::string escaped_markdown(std::string_view text, bool at_line_start) {
    constexpr std::string_view kMarkup = "\\`*|~$";
    std::string valid = replace_invalid_utf8(text);
    std::replace_if(valid.begin(), valid.end(), is_control, ' ');
    valid.erase(0, std::min(valid.find_first_not_of(' '), valid.size()));
    const std::size_t first = at_line_start ? line_start_markup(valid) : std::string_view::npos;
    std::string out;
    for (std::size_t i = 0; i < valid.size(); ++i) {
        const char c = valid[i];
        const bool inside = i > 0 && i + 1 < valid.size() && is_word(valid[i - 1]) && is_word(valid[i + 1]);
        if (c == '<' || c == '>' || c == '&') {
            out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;";
            continue;
        }
        const bool markup = kMarkup.find(c) != std::string_view::npos || (c == '_' && !inside) ||
                            (c == ']' && ends_link_text(valid, i)) || i == first;
        if (markup) out += '\\';
        out += c;
    }
    return out;
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
    return escaped_markdown(text, false);
}

std::string markdown_line(std::string_view text) {
    return escaped_markdown(text, true);
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
