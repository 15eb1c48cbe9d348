#include "eval/metrics/regex_syntax.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxBytes = 1 << 16;
constexpr std::uint32_t kMaxRepeat = 65535;  // PCRE2's; also bounds what a pattern compiles to

// Members of classes, Python's meaning. \w is what str.isalnum() accepts, and the underscore.
constexpr std::string_view kWord = "\\p{L}\\p{N}_";
constexpr std::string_view kNotWord =
    "\\p{M}\\p{S}\\p{Z}\\p{C}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\x{203f}\\x{2040}\\x{2054}\\x{fe33}\\x{fe34}"
    "\\x{fe4d}-\\x{fe4f}\\x{ff3f}";
constexpr std::string_view kSpace =
    "\\x{9}-\\x{d}\\x{1c}-\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";
constexpr std::string_view kNotSpace =
    "\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
constexpr std::string_view kBoundary =
    "(?:(?<=[\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_]))";
constexpr std::string_view kNotBoundary =
    "(?:(?!\\A\\z)(?:(?<=[\\p{L}\\p{N}_])(?=[\\p{L}\\p{N}_])|(?<![\\p{L}\\p{N}_])(?![\\p{L}\\p{N}_])))";

std::optional<std::string_view> class_members(char letter) {
    switch (letter) {
        case 'd':
            return "\\p{Nd}";
        case 'D':
            return "\\P{Nd}";
        case 's':
            return kSpace;
        case 'S':
            return kNotSpace;
        case 'w':
            return kWord;
        case 'W':
            return kNotWord;
        default:
            return std::nullopt;
    }
}

std::optional<char32_t> control_escape(char letter) {
    switch (letter) {
        case 'a':
            return 0x07;
        case 'f':
            return 0x0C;
        case 'n':
            return 0x0A;
        case 'r':
            return 0x0D;
        case 't':
            return 0x09;
        case 'v':
            return 0x0B;
        default:
            return std::nullopt;
    }
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_octal(char c) {
    return c >= '0' && c <= '7';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string literal(char32_t c) {
    return fmt::format("\\x{{{:x}}}", static_cast<std::uint32_t>(c));
}

class Translator {
public:
    explicit Translator(std::string_view pattern) : pattern_(pattern) {}

    Result<std::string> run() {
        if (pattern_.size() > kMaxBytes) {
            return errorf(ErrorKind::kInvalidInput, "longer than {} bytes", kMaxBytes);
        }
        while (at_ < pattern_.size()) DWUBIT_TRY(step());
        if (!open_.empty()) return wrong("missing ), unterminated subpattern");
        return std::move(out_);
    }

private:
    // What stands before, as a quantifier sees it.
    enum class Before { kNothing, kItem, kQuantified };

    Error wrong(std::string_view what) const { return errorf(ErrorKind::kInvalidInput, "{} at byte {}", what, at_); }
    Error unsupported(std::string_view what) const {
        return errorf(ErrorKind::kUnsupported, "{} at byte {} is not supported", what, at_);
    }

    bool ended() const { return at_ >= pattern_.size(); }
    bool next_is(std::string_view text) const { return pattern_.substr(at_, text.size()) == text; }
    char peek(std::size_t ahead = 0) const { return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0'; }

    char32_t take_character() {
        const char32_t c = decode_utf8(pattern_, at_);
        at_ += utf8_length(static_cast<unsigned char>(pattern_[at_]));
        return c;
    }

    void item(std::string_view text) {
        out_ += text;
        before_ = Before::kItem;
    }

    Result<void> step() {
        switch (pattern_[at_]) {
            case '\\':
                ++at_;
                return escape();
            case '[':
                ++at_;
                return bracket();
            case '(':
                ++at_;
                return group();
            case ')':
                return close();
            case '|':
                out_ += '|';
                before_ = Before::kNothing;
                break;
            case '^':
            case '$':
                out_ += pattern_[at_];
                before_ = Before::kNothing;
                break;
            case '.':
                item(".");
                break;
            case '*':
            case '+':
            case '?':
                return quantifier(std::string(1, pattern_[at_]), 1);
            case '{':
                return brace();
            default:
                item(literal(take_character()));
                return {};
        }
        ++at_;
        return {};
    }

    Result<void> quantifier(const std::string& text, std::size_t bytes) {
        if (before_ == Before::kNothing) return wrong("nothing to repeat");
        if (before_ == Before::kQuantified) return wrong("multiple repeat");
        out_ += text;
        at_ += bytes;
        if (peek() == '?' || peek() == '+') out_ += pattern_[at_++];
        before_ = Before::kQuantified;
        return {};
    }

    // {m}, {m,}, {,n}, {m,n}; anything else is a brace.
    Result<void> brace() {
        std::size_t end = at_ + 1;
        const auto number = [&] {
            std::string digits;
            while (end < pattern_.size() && is_digit(pattern_[end])) digits += pattern_[end++];
            return digits;
        };
        const std::string low = number();
        const bool comma = end < pattern_.size() && pattern_[end] == ',';
        if (comma) ++end;
        const std::string high = comma ? number() : low;
        if (end >= pattern_.size() || pattern_[end] != '}' || (!comma && low.empty())) {
            ++at_;
            item(literal(U'{'));
            return {};
        }
        for (const std::string& bound : {low, high}) {
            if (bound.size() > 5 || (!bound.empty() && std::stoul(bound) > kMaxRepeat)) {
                return wrong(fmt::format("a repetition above {}", kMaxRepeat));
            }
        }
        if (!low.empty() && !high.empty() && std::stoul(low) > std::stoul(high)) {
            return wrong("min repeat greater than max repeat");
        }
        const std::string from = low.empty() ? "0" : low;
        return quantifier(comma ? "{" + from + "," + high + "}" : "{" + from + "}", end + 1 - at_);
    }

    Result<char32_t> hexadecimal(std::size_t digits) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < digits; ++i, ++at_) {
            const char c = peek();
            const int digit = is_digit(c)            ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return wrong("incomplete escape");
            value = value * 16 + static_cast<std::uint32_t>(digit);
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return wrong("no such character");
        return static_cast<char32_t>(value);
    }

    Result<char32_t> octal(std::size_t most) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < most && is_octal(peek()); ++i) {
            value = value * 8 + static_cast<std::uint32_t>(pattern_[at_++] - '0');
        }
        if (value > 0377) return wrong("octal escape above \\377");
        return static_cast<char32_t>(value);
    }

    // An escape that stands for one character, inside and outside of classes. at_ is at the letter.
    Result<char32_t> character_escape() {
        if (ended()) return wrong("bad escape (end of pattern)");
        const char letter = pattern_[at_];
        if (const auto control = control_escape(letter)) {
            ++at_;
            return *control;
        }
        if (letter == 'N') return unsupported("\\N");
        if (letter == 'x' || letter == 'u' || letter == 'U') {
            ++at_;
            return hexadecimal(letter == 'x' ? 2 : letter == 'u' ? 4 : 8);
        }
        if (letter == '0') return octal(3);
        if (is_letter(letter) || is_digit(letter)) return wrong(fmt::format("bad escape \\{}", letter));
        return take_character();
    }

    Result<void> escape() {
        const char letter = peek();
        if (const auto members = class_members(letter)) {
            item(fmt::format("[{}]", *members));
        } else if (letter == 'b' || letter == 'B') {
            out_ += letter == 'b' ? kBoundary : kNotBoundary;
            before_ = Before::kNothing;
        } else if (letter == 'A' || letter == 'Z') {
            out_ += letter == 'A' ? "\\A" : "\\z";
            before_ = Before::kNothing;
        } else if (letter >= '1' && letter <= '9') {
            return numbered();
        } else {
            DWUBIT_ASSIGN(const char32_t c, character_escape());
            item(literal(c));
            return {};
        }
        ++at_;
        return {};
    }

    // \1 to \99, or three octal digits.
    Result<void> numbered() {
        if (is_octal(peek()) && is_octal(peek(1)) && is_octal(peek(2))) {
            DWUBIT_ASSIGN(const char32_t c, octal(3));
            item(literal(c));
            return {};
        }
        std::size_t number = static_cast<std::size_t>(pattern_[at_++] - '0');
        if (is_digit(peek())) number = number * 10 + static_cast<std::size_t>(pattern_[at_++] - '0');
        return back_reference(number);
    }

    Result<void> back_reference(std::size_t number) {
        if (number > groups_) return wrong(fmt::format("invalid group reference {}", number));
        if (open_groups_.contains(number)) return wrong("cannot refer to an open group");
        item(fmt::format("\\g{{{}}}", number));
        return {};
    }

    Result<void> bracket() {
        std::string members;
        const bool negated = peek() == '^';
        if (negated) ++at_;
        for (bool first = true; first || peek() != ']'; first = false) {
            if (ended()) return wrong("unterminated character set");
            DWUBIT_ASSIGN(const auto low, class_element(members));
            if (peek() != '-' || peek(1) == ']' || at_ + 1 >= pattern_.size()) {
                if (low) members += literal(*low);
                continue;
            }
            ++at_;
            std::string other;
            DWUBIT_ASSIGN(const auto high, class_element(other));
            if (!low || !high || *high < *low) return wrong("bad character range");
            members += literal(*low) + "-" + literal(*high);
        }
        ++at_;
        item(fmt::format("[{}{}]", negated ? "^" : "", members));
        return {};
    }

    // A character, or nothing after it appended the members of a class such as \w.
    Result<std::optional<char32_t>> class_element(std::string& members) {
        if (peek() != '\\') return std::optional(take_character());
        ++at_;
        if (const auto found = class_members(peek())) {
            members += *found;
            ++at_;
            return std::optional<char32_t>();
        }
        if (peek() == 'b') {
            ++at_;
            return std::optional<char32_t>(0x08);
        }
        if (is_octal(peek())) {
            DWUBIT_ASSIGN(const char32_t c, octal(3));
            return std::optional(c);
        }
        DWUBIT_ASSIGN(const char32_t c, character_escape());
        return std::optional(c);
    }

    Result<void> open(std::string_view text, std::size_t number) {
        if (open_.size() >= kMaxDepth) return wrong(fmt::format("more than {} nested groups", kMaxDepth));
        out_ += text;
        open_.push_back(number);
        if (number != 0) open_groups_.insert(number);
        before_ = Before::kNothing;
        return {};
    }

    Result<void> close() {
        if (open_.empty()) return wrong("unbalanced parenthesis");
        open_groups_.erase(open_.back());
        open_.pop_back();
        ++at_;
        item(")");
        return {};
    }

    Result<std::string> name_until(char end) {
        std::string name;
        while (!ended() && peek() != end) name += pattern_[at_++];
        if (ended()) return wrong(fmt::format("missing {}, unterminated name", end));
        ++at_;
        if (name.empty()) return wrong("missing group name");
        for (const char c : name) {
            const bool fits = is_letter(c) || is_digit(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
            if (!fits) return wrong(fmt::format("bad character in group name '{}'", printable(name)));
        }
        return name;
    }

    Result<std::size_t> named(const std::string& name) {
        const auto found = names_.find(name);
        if (found == names_.end()) return wrong(fmt::format("unknown group name '{}'", printable(name)));
        return found->second;
    }

    Result<void> group() {
        if (peek() != '?') return open("(", ++groups_);
        for (const std::string_view plain : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
            if (next_is(plain)) {
                at_ += plain.size();
                return open(fmt::format("({}", plain), 0);
            }
        }
        if (next_is("?P<")) {
            at_ += 3;
            DWUBIT_ASSIGN(const std::string name, name_until('>'));
            if (is_digit(name[0])) return wrong(fmt::format("bad character in group name '{}'", name));
            if (!names_.emplace(name, groups_ + 1).second) return wrong("redefinition of a group name");
            return open("(", ++groups_);
        }
        if (next_is("?P=")) {
            at_ += 3;
            DWUBIT_ASSIGN(const std::string name, name_until(')'));
            DWUBIT_ASSIGN(const std::size_t number, named(name));
            return back_reference(number);
        }
        if (next_is("?#")) {
            const std::size_t end = pattern_.find(')', at_);
            if (end == std::string_view::npos) return wrong("missing ), unterminated comment");
            at_ = end + 1;
            return {};
        }
        if (next_is("?(")) return condition();
        ++at_;
        return flags();
    }

    Result<void> condition() {
        at_ += 2;
        DWUBIT_ASSIGN(const std::string name, name_until(')'));
        std::size_t number = 0;
        if (name.find_first_not_of("0123456789") == std::string::npos) {
            number = name.size() > 3 ? std::numeric_limits<std::size_t>::max() : std::stoul(name);
            if (number == 0 || number > groups_) return wrong(fmt::format("invalid group reference {}", name));
        } else {
            DWUBIT_ASSIGN(number, named(name));
        }
        return open(fmt::format("(?({})", number), 0);
    }

    // (?ims) at the pattern's start, (?im-s:...) anywhere. u says what holds anyway.
    Result<void> flags() {
        const std::size_t begin = at_;
        std::string kept;
        while (!ended() && (is_letter(peek()) || peek() == '-')) {
            const char c = pattern_[at_];
            if (c == 'a' || c == 'L' || c == 'x') return unsupported(fmt::format("the flag {}", c));
            if (std::string_view("ims-u").find(c) == std::string_view::npos) return wrong("unknown flag");
            if (c != 'u') kept += c;
            ++at_;
        }
        if (at_ == begin) return wrong("unknown extension of (?");
        if (peek() == ':') {
            ++at_;
            return open(kept.empty() ? "(?:" : fmt::format("(?{}:", kept), 0);
        }
        if (peek() != ')' || kept.find('-') != std::string::npos) return wrong("missing : after flags");
        if (begin != 2) return wrong("global flags not at the start of the expression");
        ++at_;
        if (!kept.empty()) out_ += fmt::format("(?{})", kept);
        return {};
    }

    std::string_view pattern_;
    std::size_t at_ = 0;
    std::string out_;
    Before before_ = Before::kNothing;
    std::vector<std::size_t> open_;  // numbers of the groups that are open, 0 = none captured
    std::set<std::size_t> open_groups_;
    std::size_t groups_ = 0;
    std::map<std::string, std::size_t> names_;
};

}  // namespace

Result<std::string> python_regex_to_pcre2(std::string_view pattern) {
    return Translator(pattern).run();
}

}  // namespace dwubit
