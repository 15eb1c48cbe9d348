// Which regular expressions SplitPattern takes: what Oniguruma (as Hugging Face `tokenizers` uses it) and PCRE2 read
// alike. Oniguruma's own meanings of \h, \w, \b, [a&&b], {n}+, (?i) in mid-pattern, and its case folding of one
// character to several, lie outside.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "tokenizer/split_pattern.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxPatternBytes = 4096;
constexpr std::size_t kMaxDepth = 32;
constexpr std::array<std::string_view, 30> kCategories = {"L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me",
                                                          "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe", "Pi",
                                                          "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z",  "Zs", "Zl"};
constexpr std::array<std::string_view, 6> kGroups = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
constexpr std::string_view kIgnoreCase = "(?i:";
// Letters that Oniguruma also finds as one character where case is ignored (ß, the ligatures of st, ff, fi, fl).
constexpr std::array<std::string_view, 5> kFoldedPairs = {"ss", "st", "ff", "fi", "fl"};

bool is_ascii_punctuation(char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

class Checker {
public:
    explicit Checker(std::string_view pattern) : rest_(pattern) {}

    // The construct that is refused; empty = none.
    std::string_view run() {
        while (!rest_.empty() && refused_.empty()) step();
        return refused_;
    }

private:
    bool ignores_case() const { return !groups_.empty() && groups_.back(); }

    void take(std::size_t bytes) { rest_.remove_prefix(bytes); }

    void refuse(std::size_t bytes) { refused_ = rest_.substr(0, bytes); }

    void step() {
        const char c = rest_[0];
        if (c == '\\') return escape();
        if (c == '(') return open_group();
        if (c == '[') return character_class();
        if (c == '{') return repetition();
        if (c == '^' || c == '$') return refuse(1);
        if (c == ')' && !groups_.empty()) groups_.pop_back();
        if (ignores_case() && !check_folding()) return;
        take(1);
    }

    void escape() {
        if (rest_.size() < 2) return refuse(1);
        const char c = rest_[1];
        if (c == 'p' || c == 'P') return property();
        const bool plain = is_ascii_punctuation(c);
        constexpr std::string_view kClasses = "sSdDrnt";
        if (!plain && (ignores_case() || kClasses.find(c) == std::string_view::npos)) return refuse(2);
        take(2);
    }

    void property() {
        const std::size_t close = rest_.find('}');
        if (ignores_case() || rest_.size() < 3 || rest_[2] != '{' || close == std::string_view::npos) return refuse(2);
        const std::string_view name = rest_.substr(3, close - 3);
        const bool known = std::find(kCategories.begin(), kCategories.end(), name) != kCategories.end();
        if (!known) return refuse(close + 1);
        take(close + 1);
    }

    void open_group() {
        if (groups_.size() == kMaxDepth) return refuse(rest_.size());
        if (rest_.starts_with(kIgnoreCase)) return open(kIgnoreCase.size(), true);
        for (const std::string_view group : kGroups) {
            if (rest_.starts_with(group)) return open(group.size(), ignores_case());
        }
        if (rest_.starts_with("(?") || rest_.starts_with("(*")) return refuse(std::min<std::size_t>(rest_.size(), 4));
        open(1, ignores_case());
    }

    void open(std::size_t bytes, bool ignores_case) {
        groups_.push_back(ignores_case);
        take(bytes);
    }

    void character_class() {
        if (ignores_case()) return refuse(1);
        take(1);
        if (rest_.starts_with('^')) take(1);
        if (rest_.starts_with(']')) return refuse(1);
        while (!rest_.empty() && refused_.empty() && rest_[0] != ']') {
            if (rest_[0] == '\\') {
                escape();
                continue;
            }
            if (rest_[0] == '[' || rest_.starts_with("&&")) return refuse(2);
            take(1);
        }
        if (refused_.empty() && !rest_.empty()) take(1);
    }

    // {m}, {m,} or {m,n}, with nothing behind that would change its meaning.
    void repetition() {
        std::size_t at = 1;
        const auto digits = [&] {
            const std::size_t from = at;
            while (at < rest_.size() && rest_[at] >= '0' && rest_[at] <= '9') ++at;
            return at > from;
        };
        if (!digits()) return refuse(1);
        if (at < rest_.size() && rest_[at] == ',') {
            ++at;
            digits();
        }
        if (at == rest_.size() || rest_[at] != '}') return refuse(at);
        ++at;
        if (at < rest_.size() && (rest_[at] == '+' || rest_[at] == '?')) return refuse(at + 1);
        take(at);
    }

    bool check_folding() {
        const bool ascii = static_cast<unsigned char>(rest_[0]) < 0x80;
        std::string pair;
        for (const char c : rest_.substr(0, 2)) pair.push_back(ascii_lower(c));
        if (ascii && std::find(kFoldedPairs.begin(), kFoldedPairs.end(), pair) == kFoldedPairs.end()) return true;
        refuse(ascii ? 2 : utf8_length(static_cast<unsigned char>(rest_[0])));
        return false;
    }

    std::string_view rest_;
    std::string_view refused_;
    std::vector<bool> groups_;  // of each open group, whether case is ignored in it
};

}  // namespace

Result<void> check_split_pattern(std::string_view pattern, const std::string& where) {
    if (pattern.size() > kMaxPatternBytes) {
        return errorf(ErrorKind::kUnsupported, "{}: a pattern of {} bytes, more than {}", where, pattern.size(),
                      kMaxPatternBytes);
    }
    const std::string_view refused = Checker(pattern).run();
    if (refused.empty()) return {};
    return errorf(ErrorKind::kUnsupported, "{}: '{}' at byte {} of the pattern is not supported", where,
                  printable(refused, 40), refused.data() - pattern.data())
        .with_hint("supported: literals, [classes], \\p{category}, \\s \\d, groups, |, * + ? {m,n}, lookaround, (?i:)");
}

}  // namespace dwubit
