#include "template/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdlib>

#include "base/text.h"
#include "template/python_text.h"

namespace dwubit::tmpl {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

std::string normalize_newlines(std::string_view text, bool keep_trailing) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\r') {
            out += text[i];
        } else if (i + 1 == text.size() || text[i + 1] != '\n') {
            out += '\n';
        }
    }
    if (!keep_trailing && out.ends_with('\n')) out.pop_back();
    return out;
}

class Lexer {
public:
    Lexer(std::string source, const TemplateOptions& options) : source_(std::move(source)), options_(options) {}

    Result<std::vector<Token>> run() {
        while (at_ < source_.size()) DWUBIT_TRY(text_and_tag());
        push(TokenKind::kEnd);
        return std::move(tokens_);
    }

private:
    Error fail(ErrorKind kind, std::string_view what) const {
        return make_error(kind, fmt::format("line {}: {}", line_, what));
    }
    Error syntax(std::string_view what) const { return fail(ErrorKind::kInvalidInput, what); }

    bool looking_at(std::string_view text) const { return std::string_view(source_).substr(at_).starts_with(text); }

    void push(TokenKind kind, std::string text = {}) {
        Token token;
        token.kind = kind;
        token.line = line_;
        token.text = std::move(text);
        tokens_.push_back(std::move(token));
    }

    void advance_to(std::size_t end) {
        line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                             source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        if (end > at_) line_starting_ = source_[end - 1] == '\n';
        at_ = end;
    }

    std::size_t skip_space(std::size_t from) const {
        while (from < source_.size()) {
            const std::size_t length = character_length(source_, from);
            if (!is_space(character_at(source_, from))) break;
            from += length;
        }
        return from;
    }

    // The text from at_ to `end`, where a tag with this sign begins.
    void push_text(std::size_t end, char sign, bool is_print) {
        std::string_view text = std::string_view(source_).substr(at_, end - at_);
        if (sign == '-') {
            text = strip_right(text);
        } else if (sign != '+' && options_.lstrip_blocks && !is_print) {
            const std::size_t newline = text.rfind('\n');
            const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
            if ((start > 0 || line_starting_) && strip_right(text.substr(start)).empty()) text = text.substr(0, start);
        }
        if (!text.empty()) push(TokenKind::kText, std::string(text));
        advance_to(end);
    }

    char sign_at(std::size_t at) const {
        return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
    }

    // The end of a tag's closing part at `at` ("%}" or "#}", with sign), or 0. A minus takes the space behind it along.
    std::size_t closing(std::size_t at, std::string_view mark, bool trims) const {
        const std::string_view rest = std::string_view(source_).substr(at);
        if (rest.starts_with('-') && rest.substr(1).starts_with(mark)) return skip_space(at + 1 + mark.size());
        if (trims && rest.starts_with('+') && rest.substr(1).starts_with(mark)) return at + 1 + mark.size();
        if (!rest.starts_with(mark)) return 0;
        const std::size_t end = at + mark.size();
        return trims && options_.trim_blocks && end < source_.size() && source_[end] == '\n' ? end + 1 : end;
    }

    Result<void> text_and_tag() {
        std::size_t tag = at_;
        for (;; ++tag) {
            tag = source_.find('{', tag);
            if (tag == std::string::npos || tag + 1 >= source_.size()) {
                push(TokenKind::kText, source_.substr(at_));
                advance_to(source_.size());
                return {};
            }
            const char second = source_[tag + 1];
            if (second == '{' || second == '%' || second == '#') break;
        }
        const char kind = source_[tag + 1];
        const char sign = sign_at(tag + 2);
        push_text(tag, sign, kind == '{');
        const std::size_t inside = tag + 2 + (sign == '\0' ? 0 : 1);
        if (kind == '#') return comment(inside);
        if (kind == '%') {
            if (const std::size_t end = raw_begin_end(inside); end != 0) return raw(end);
        }
        push(kind == '{' ? TokenKind::kPrintBegin : TokenKind::kBlockBegin);
        advance_to(inside);
        return tag_tokens(kind == '{');
    }

    Result<void> comment(std::size_t inside) {
        if (inside >= source_.size()) {  // a lone "{#" at the end is nothing, as Jinja2 has it
            advance_to(source_.size());
            return {};
        }
        for (std::size_t i = inside; i < source_.size(); ++i) {
            if (const std::size_t end = closing(i, "#}", true); end != 0) {
                advance_to(end);
                return {};
            }
        }
        return syntax("the comment has no end '#}'");
    }

    // Behind "{% raw %}", or 0 where the tag is another.
    std::size_t raw_begin_end(std::size_t inside) const {
        std::size_t i = skip_space(inside);
        if (source_.compare(i, 3, "raw") != 0) return 0;
        i = skip_space(i + 3);
        if (source_.compare(i, 2, "%}") == 0) return i + 2;
        return source_.compare(i, 3, "-%}") == 0 ? skip_space(i + 3) : 0;
    }

    Result<void> raw(std::size_t begin) {
        advance_to(begin);
        if (at_ == source_.size()) return {};
        for (std::size_t tag = source_.find("{%", at_); tag != std::string::npos; tag = source_.find("{%", tag + 1)) {
            const char sign = sign_at(tag + 2);
            std::size_t i = skip_space(tag + 2 + (sign == '\0' ? 0 : 1));
            if (source_.compare(i, 6, "endraw") != 0) continue;
            i = skip_space(i + 6);
            const std::size_t end = i < source_.size() ? closing(i, "%}", true) : 0;
            if (end == 0) continue;
            push_text(tag, sign, false);
            advance_to(end);
            return {};
        }
        return syntax("{% raw %} has no {% endraw %}");
    }

    Result<void> tag_tokens(bool is_print) {
        std::string open;  // brackets that wait for their end
        while (true) {
            advance_to(skip_space(at_));
            if (at_ >= source_.size()) return syntax("the tag has no end");
            if (open.empty()) {
                if (const std::size_t end = closing(at_, is_print ? "}}" : "%}", !is_print); end != 0) {
                    push(is_print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd);
                    advance_to(end);
                    return {};
                }
            }
            const char c = source_[at_];
            if (is_digit(c)) {
                DWUBIT_TRY(number());
            } else if (is_name_start(c)) {
                std::size_t end = at_ + 1;
                while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) {
                    if (is_space(character_at(source_, end))) break;
                    end += character_length(source_, end);
                }
                push(TokenKind::kName, source_.substr(at_, end - at_));
                advance_to(end);
            } else if (c == '\'' || c == '"') {
                DWUBIT_TRY(quoted());
            } else {
                DWUBIT_TRY(operator_sign(open));
            }
        }
    }

    Result<void> operator_sign(std::string& open) {
        static constexpr std::array<std::string_view, 26> kOperators = {
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
            "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
        const auto* sign = std::find_if(kOperators.begin(), kOperators.end(), [&](auto o) { return looking_at(o); });
        if (sign == kOperators.end()) {
            return syntax(fmt::format("'{}' does not belong in a tag",
                                      printable(source_.substr(at_, character_length(source_, at_)))));
        }
        const char c = sign->front();
        if (c == '(' || c == '[' || c == '{') {
            open += c == '(' ? ')' : (c == '[' ? ']' : '}');
        } else if (c == ')' || c == ']' || c == '}') {
            if (open.empty() || open.back() != c) return syntax(fmt::format("unexpected '{}'", c));
            open.pop_back();
        }
        push(TokenKind::kOperator, std::string(*sign));
        advance_to(at_ + sign->size());
        return {};
    }

    // Behind digits with single underscores between them, from `from`.
    std::size_t digits_end(std::size_t from, int base) const {
        std::size_t end = from;
        while (end < source_.size()) {
            const std::size_t digit = source_[end] == '_' && end > from ? end + 1 : end;
            if (digit >= source_.size() || digit_value(source_[digit]) >= base) break;
            end = digit + 1;
        }
        return end;
    }

    // Behind a float that starts here, or 0.
    std::size_t float_end() const {
        if (at_ > 0 && source_[at_ - 1] == '.') return 0;
        const std::size_t whole = digits_end(at_, 10);
        std::size_t end = whole;
        if (end < source_.size() && source_[end] == '.') {
            const std::size_t fraction = digits_end(end + 1, 10);
            if (fraction > end + 1) end = fraction;
        }
        if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
            const std::size_t digits = end + 1 + (sign_at(end + 1) == '\0' ? 0 : 1);
            const std::size_t exponent = digits_end(digits, 10);
            if (exponent > digits) end = exponent;
        }
        return end == whole ? 0 : end;
    }

    Result<void> number() {
        if (const std::size_t end = float_end(); end != 0) {
            std::string digits = source_.substr(at_, end - at_);
            std::erase(digits, '_');
            push(TokenKind::kFloat, digits);
            std::from_chars(digits.data(), digits.data() + digits.size(), tokens_.back().real);
            if (tokens_.back().real == 0.0) tokens_.back().real = std::strtod(digits.c_str(), nullptr);
            advance_to(end);
            return {};
        }
        int base = 10;
        std::size_t from = at_;
        if (source_[at_] == '0' && at_ + 1 < source_.size()) {
            const char mark = static_cast<char>(source_[at_ + 1] | 0x20);
            const int other = mark == 'x' ? 16 : (mark == 'o' ? 8 : (mark == 'b' ? 2 : 10));
            const std::size_t after = at_ + 2 < source_.size() && source_[at_ + 2] == '_' ? at_ + 3 : at_ + 2;
            if (other != 10 && digits_end(after, other) > after) {
                base = other;
                from = after;
            }
        }
        std::size_t end = digits_end(from, base);
        if (base == 10 && source_[from] == '0') {  // 0123 is 0 and 123
            for (end = from + 1; end < source_.size() && source_[end] == '0';) ++end;
        }
        std::string digits = source_.substr(from, end - from);
        std::erase(digits, '_');
        push(TokenKind::kInteger, digits);
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), tokens_.back().integer, base);
        if (read.ec != std::errc()) {
            return fail(ErrorKind::kUnsupported,
                        fmt::format("the integer {} has more than 64 bits", printable(digits, 40)));
        }
        advance_to(end);
        return {};
    }

    Result<void> quoted() {
        const char quote = source_[at_];
        std::string value;
        std::size_t i = at_ + 1;
        while (i < source_.size() && source_[i] != quote) {
            if (source_[i] != '\\') {
                value += source_[i++];
                continue;
            }
            DWUBIT_ASSIGN(i, escape(i + 1, value));
        }
        if (i >= source_.size()) return syntax("the string has no end");
        push(TokenKind::kString, std::move(value));
        advance_to(i + 1);
        return {};
    }

    // The escape whose letter is at `i`; returns what is behind it.
    Result<std::size_t> escape(std::size_t i, std::string& value) const {
        if (i >= source_.size()) return syntax("the string has no end");
        static constexpr std::string_view kLetters = "abfnrtv\\'\"";
        static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
        const char c = source_[i];
        if (const std::size_t known = kLetters.find(c); known != std::string_view::npos) {
            value += kMeanings[known];
            return i + 1;
        }
        if (c == '\n') return i + 1;
        if (c >= '0' && c <= '7') {
            std::size_t end = i;
            while (end < source_.size() && end < i + 3 && source_[end] >= '0' && source_[end] <= '7') ++end;
            return code_point(i, end, 8, value);
        }
        if (c == 'x') return code_point(i + 1, i + 3, 16, value);
        if (c == 'u') return code_point(i + 1, i + 5, 16, value);
        if (c == 'U') return code_point(i + 1, i + 9, 16, value);
        if (c == 'N') return fail(ErrorKind::kUnsupported, "\\N{...} in a string is not supported");
        value += '\\';
        return i;
    }

    Result<std::size_t> code_point(std::size_t from, std::size_t end, int base, std::string& value) const {
        std::uint32_t number = 0;
        for (std::size_t i = from; i < end; ++i) {
            const int digit = i < source_.size() ? digit_value(source_[i]) : 99;
            if (digit >= base) return syntax("an escape in the string lacks digits");
            number = number * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
        }
        if (number > 0x10FFFF) return syntax("an escape in the string is no character");
        if (number >= 0xD800 && number <= 0xDFFF) {
            return fail(ErrorKind::kUnsupported, "surrogates in a string are not supported");
        }
        append_utf8(value, number);
        return end;
    }

    std::string source_;
    const TemplateOptions& options_;
    std::vector<Token> tokens_;
    std::size_t at_ = 0;
    int line_ = 1;
    bool line_starting_ = true;
};

}  // namespace

Result<std::vector<Token>> tokenize_template(std::string_view text, const TemplateOptions& options) {
    if (text.size() > kMaxTemplateBytes) {
        return make_error(ErrorKind::kInvalidInput,
                          fmt::format("the template has {} bytes, more than {}", text.size(), kMaxTemplateBytes));
    }
    if (const auto bad = find_invalid_utf8(text)) {
        return make_error(ErrorKind::kInvalidInput, fmt::format("the template is not UTF-8 at byte {}", *bad));
    }
    return Lexer(normalize_newlines(text, options.keep_trailing_newline), options).run();
}

}  // namespace dwubit::tmpl
