// parse_python_literal(): a recursive descent over Python's literals.
#include <charconv>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/text.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

int digit_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'z') return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return 99;
}

class LiteralParser {
public:
    LiteralParser(std::string_view text, const LiteralLimits& limits) : text_(text), limits_(limits) {}

    Result<OrderedJson> run() {
        skip_blanks();
        DWUBIT_ASSIGN(OrderedJson value, parse_value(0));
        skip_blanks();
        if (peek() == ',') DWUBIT_TRY(parse_bare_tuple(value));
        if (at_ != text_.size()) return fail("unexpected text");
        return value;
    }

private:
    char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

    Error fail(std::string_view what) const {
        return errorf(ErrorKind::kInvalidInput, "{} at character {}", what,
                      tmpl::count_characters(text_.substr(0, at_)) + 1);
    }

    void skip_blanks() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
                ++at_;
            } else {
                return;
            }
        }
    }

    Result<OrderedJson> parse_value(std::size_t depth) {
        if (depth > limits_.depth) return fail(fmt::format("lists nested deeper than {} levels", limits_.depth));
        const char c = peek();
        if (c == '[') return parse_sequence(']', depth);
        if (c == '(') return parse_sequence(')', depth);
        if (c == '{') return parse_dict(depth);
        if (starts_text()) return parse_texts();
        if ((c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+') return parse_number();
        return parse_word();
    }

    // "1, 2" without brackets is a tuple too.
    Result<void> parse_bare_tuple(OrderedJson& first) {
        OrderedJson items = OrderedJson::array({std::move(first)});
        while (peek() == ',') {
            ++at_;
            skip_blanks();
            if (at_ == text_.size()) break;
            DWUBIT_ASSIGN(OrderedJson item, parse_value(1));
            items.push_back(std::move(item));
            skip_blanks();
        }
        first = std::move(items);
        return {};
    }

    Result<OrderedJson> parse_sequence(char close, std::size_t depth) {
        ++at_;
        OrderedJson items = OrderedJson::array();
        bool comma = false;
        skip_blanks();
        while (peek() != close) {
            DWUBIT_ASSIGN(OrderedJson item, parse_value(depth + 1));
            items.push_back(std::move(item));
            skip_blanks();
            comma = peek() == ',';
            if (comma) {
                ++at_;
                skip_blanks();
            } else if (peek() != close) {
                return fail(fmt::format("expected ',' or '{}'", close));
            }
        }
        ++at_;
        // One value in parentheses is that value.
        if (close == ')' && items.size() == 1 && !comma) return OrderedJson(std::move(items.front()));
        return items;
    }

    Result<OrderedJson> parse_dict(std::size_t depth) {
        ++at_;
        OrderedJson members = OrderedJson::object();
        skip_blanks();
        while (peek() != '}') {
            if (!starts_text()) return fail("expected text as key of a dict");
            DWUBIT_ASSIGN(const OrderedJson key, parse_texts());
            skip_blanks();
            if (peek() != ':') return fail("expected ':'");
            ++at_;
            skip_blanks();
            if (members.size() >= kMaxMembers) return fail(fmt::format("a dict of more than {} members", kMaxMembers));
            DWUBIT_ASSIGN(members[key.get_ref<const std::string&>()], parse_value(depth + 1));
            skip_blanks();
            if (peek() == ',') {
                ++at_;
                skip_blanks();
            } else if (peek() != '}') {
                return fail("expected ',' or '}'");
            }
        }
        ++at_;
        return members;
    }

    // --- text

    bool starts_text() const {
        const char c = peek();
        if (c == '\'' || c == '"') return true;
        const char quote = peek(1);
        return (c == 'r' || c == 'R' || c == 'u' || c == 'U') && (quote == '\'' || quote == '"');
    }

    // Texts side by side are one.
    Result<OrderedJson> parse_texts() {
        std::string joined;
        while (starts_text()) {
            DWUBIT_TRY(parse_text(joined));
            skip_blanks();
        }
        return OrderedJson(std::move(joined));
    }

    Result<void> parse_text(std::string& out) {
        bool raw = false;
        if (peek() != '\'' && peek() != '"') {
            raw = peek() == 'r' || peek() == 'R';
            ++at_;
        }
        const char quote = peek();
        const bool triple = peek(1) == quote && peek(2) == quote;
        at_ += triple ? 3 : 1;
        while (true) {
            if (at_ >= text_.size()) return fail("text without a closing quote");
            const char c = text_[at_];
            if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) break;
            if (c == '\n' && !triple) return fail("text without a closing quote");
            if (c == '\\' && raw) {
                if (at_ + 1 >= text_.size()) return fail("text without a closing quote");
                out += text_.substr(at_, 2);
                at_ += 2;
            } else if (c == '\\') {
                DWUBIT_TRY(parse_escape(out));
            } else {
                out += c;
                ++at_;
            }
        }
        at_ += triple ? 3 : 1;
        return {};
    }

    Result<void> parse_escape(std::string& out) {
        const char c = peek(1);
        at_ += 2;
        constexpr std::string_view kNames = "\\'\"abfnrtv";
        constexpr std::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
        if (at_ > text_.size()) return fail("text without a closing quote");
        if (const auto found = kNames.find(c); found != std::string_view::npos) {
            out += kMeanings[found];
        } else if (c == '\n') {
            // A line that goes on.
        } else if (c == 'x') {
            return parse_code(2, 16, out);
        } else if (c == 'u') {
            return parse_code(4, 16, out);
        } else if (c == 'U') {
            return parse_code(8, 16, out);
        } else if (c >= '0' && c <= '7') {
            --at_;
            std::size_t length = 1;
            while (length < 3 && digit_value(peek(length)) < 8) ++length;
            return parse_code(length, 8, out);
        } else if (c == 'N') {
            return fail("a character by its name");
        } else {
            out += '\\';
            out += c;
        }
        return {};
    }

    Result<void> parse_code(std::size_t length, int base, std::string& out) {
        std::uint64_t code = 0;
        for (std::size_t i = 0; i < length; ++i) {
            const int digit = digit_value(peek(i));
            if (digit >= base) return fail("an escape that is cut short");
            code = code * static_cast<unsigned>(base) + static_cast<unsigned>(digit);
        }
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return fail("an escape that is no character");
        append_utf8(out, static_cast<char32_t>(code));
        at_ += length;
        return {};
    }

    // --- numbers and names

    // Digits of `base`, single underscores between them.
    bool take_digits(int base, std::string& digits) {
        const std::size_t before = digits.size();
        while (true) {
            if (digit_value(peek()) < base) {
                digits += text_[at_++];
            } else if (peek() == '_' && digits.size() > before && digit_value(peek(1)) < base) {
                ++at_;
            } else {
                return digits.size() > before;
            }
        }
    }

    Result<OrderedJson> parse_number() {
        bool negative = false;
        while (peek() == '-' || peek() == '+') {
            // literal_eval knows one sign.
            if (negative || signs_++ > 0) return fail("more than one sign");
            negative = peek() == '-';
            ++at_;
            skip_blanks();
        }
        signs_ = 0;
        const char kind = static_cast<char>(peek(1) | 0x20);
        if (peek() == '0' && (kind == 'x' || kind == 'o' || kind == 'b')) {
            at_ += 2;
            return integer(kind == 'x' ? 16 : kind == 'o' ? 8 : 2, negative);
        }
        return decimal(negative);
    }

    Result<OrderedJson> integer(int base, bool negative) {
        std::string digits;
        if (peek() == '_') ++at_;
        if (!take_digits(base, digits) || is_name_character(peek())) return fail("a number that is cut short");
        return to_integer(digits, base, negative);
    }

    Result<OrderedJson> to_integer(const std::string& digits, int base, bool negative) {
        const std::string signed_digits = (negative ? "-" : "") + digits;
        std::int64_t value = 0;
        const auto [end, status] =
            std::from_chars(signed_digits.data(), signed_digits.data() + signed_digits.size(), value, base);
        if (status != std::errc()) return fail("an integer beyond 64 bits");
        return OrderedJson(value);
    }

    Result<OrderedJson> decimal(bool negative) {
        std::string digits;
        bool is_float = false;
        const bool whole = take_digits(10, digits);
        if (peek() == '.') {
            is_float = true;
            digits += text_[at_++];
            std::string fraction;
            if (!take_digits(10, fraction) && !whole) return fail("unexpected text");
            digits += fraction;
        }
        if ((peek() | 0x20) == 'e') {
            is_float = true;
            digits += 'e';
            ++at_;
            if (peek() == '-' || peek() == '+') digits += text_[at_++];
            if (!take_digits(10, digits)) return fail("a number that is cut short");
        }
        if (is_name_character(peek())) return fail("a number that is cut short");
        if (!is_float) {
            if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != std::string::npos) {
                return fail("an integer with a leading zero");
            }
            return to_integer(digits, 10, negative);
        }
        const double value = std::strtod(digits.c_str(), nullptr);
        return OrderedJson(negative ? -value : value);
    }

    Result<OrderedJson> parse_word() {
        std::size_t length = 0;
        while (is_name_character(peek(length))) ++length;
        const std::string_view word = text_.substr(at_, length);
        OrderedJson value;
        if (word == "True" || word == "False") {
            value = word == "True";
        } else if (word != "None") {
            return fail(length == 0 ? std::string(at_ == text_.size() ? "unexpected end" : "unexpected text")
                                    : fmt::format("'{}' is no literal", printable(word, 40)));
        }
        at_ += length;
        return value;
    }

    static constexpr std::size_t kMaxMembers = 10'000;

    std::string_view text_;
    LiteralLimits limits_;
    std::size_t at_ = 0;
    int signs_ = 0;
};

}  // namespace

Result<OrderedJson> parse_python_literal(std::string_view text, const LiteralLimits& limits) {
    if (text.size() > limits.bytes) {
        return errorf(ErrorKind::kInvalidInput, "a list of {} bytes; at most {} are read", text.size(), limits.bytes);
    }
    return LiteralParser(text, limits).run();
}

}  // namespace dwubit
