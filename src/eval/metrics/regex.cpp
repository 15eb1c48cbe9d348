#include "eval/metrics/regex.h"

#include <array>
#include <cstdint>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "eval/metrics/regex_syntax.h"
#include "regex/pcre2_handles.h"

namespace dwubit {
namespace {

// PCRE2's own limit counts per place where a match may begin, and does not count how far a repetition runs. Callouts
// before each item of the pattern count both, over a whole text: the same steps on every machine, unlike time.
constexpr std::int64_t kSteps = 20'000'000;

struct Steps {
    std::int64_t left = kSteps;
    std::size_t position = 0;
};

int count_steps(pcre2_callout_block* block, void* data) {
    auto& steps = *static_cast<Steps*>(data);
    const std::size_t now = block->current_position;
    steps.left -= 1 + static_cast<std::int64_t>(now > steps.position ? now - steps.position : steps.position - now);
    steps.position = now;
    return steps.left < 0 ? PCRE2_ERROR_MATCHLIMIT : 0;
}

}  // namespace

struct Regex::Impl {
    Impl(pcre2_code* compiled, std::string_view text) : code(compiled), pattern(text) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { pcre2_code_free(code); }

    // Calls found(ovector) for each match, left to right. One that is empty does not stand where an empty one stood.
    template <class Found>
    Result<void> each_match(std::string_view text, const Found& found) const {
        const std::unique_ptr<pcre2_match_data, FreeMatchData> data(
            pcre2_match_data_create_from_pattern(code, nullptr));
        const std::unique_ptr<pcre2_match_context, FreeMatchContext> context(pcre2_match_context_create(nullptr));
        DWUBIT_CHECK(data && context);
        Steps steps;
        pcre2_set_heap_limit(context.get(), kRegexHeapKibibytes);
        pcre2_set_callout(context.get(), count_steps, &steps);
        std::uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT;
        for (std::size_t begin = 0; begin <= text.size();) {
            const int count =
                pcre2_match(code, pcre2_units(text), text.size(), begin, options, data.get(), context.get());
            if (count == PCRE2_ERROR_NOMATCH) return {};
            if (count < 0) return failed(count, text);
            const PCRE2_SIZE* const place = pcre2_get_ovector_pointer(data.get());
            if (place[0] > place[1]) return failed(PCRE2_ERROR_INTERNAL, text);
            found(place);
            options = PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT | (place[0] == place[1] ? PCRE2_NOTEMPTY_ATSTART : 0);
            begin = place[1];
        }
        return {};
    }

    Error failed(int error, std::string_view text) const {
        const bool limit =
            error == PCRE2_ERROR_MATCHLIMIT || error == PCRE2_ERROR_HEAPLIMIT || error == PCRE2_ERROR_DEPTHLIMIT;
        return errorf(ErrorKind::kInvalidInput, "the pattern \"{}\" {} on a text of {} bytes", printable(pattern),
                      limit ? "needs too many steps" : "fails (" + pcre2_message(error) + ")", text.size());
    }

    pcre2_code* code;
    std::string pattern;
    std::uint32_t groups = 0;
};

Regex::Regex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
    const auto wrong = [&](ErrorKind kind, std::string_view what) {
        return errorf(kind, "the pattern \"{}\": {}", printable(pattern), what);
    };
    if (find_invalid_utf8(pattern)) return wrong(ErrorKind::kInvalidInput, "not UTF-8");
    auto translated = python_regex_to_pcre2(pattern);
    if (!translated.ok()) return wrong(translated.error().kind, translated.error().message);
    const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(pcre2_compile_context_create(nullptr));
    DWUBIT_CHECK(context != nullptr);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
    constexpr std::uint32_t kOptions =
        PCRE2_UTF | PCRE2_UCP | PCRE2_ALT_CIRCUMFLEX | PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code* const compiled =
        pcre2_compile(pcre2_units(*translated), translated->size(), kOptions, &code, &at, context.get());
    if (compiled == nullptr) return wrong(ErrorKind::kInvalidInput, pcre2_message(code));
    auto impl = std::make_unique<Impl>(compiled, pattern);
    pcre2_pattern_info(compiled, PCRE2_INFO_CAPTURECOUNT, &impl->groups);
    return Regex(std::move(impl));
}

Result<std::vector<std::vector<std::string>>> Regex::find_all(std::string_view text) const {
    std::vector<std::vector<std::string>> matches;
    const std::uint32_t first = impl_->groups == 0 ? 0 : 1;
    DWUBIT_TRY(impl_->each_match(text, [&](const PCRE2_SIZE* place) {
        std::vector<std::string>& match = matches.emplace_back();
        for (std::uint32_t group = first; group <= impl_->groups; ++group) {
            const PCRE2_SIZE begin = place[2 * group];
            match.emplace_back(begin == PCRE2_UNSET ? "" : text.substr(begin, place[2 * group + 1] - begin));
        }
    }));
    return matches;
}

Result<std::string> Regex::replace_all(std::string_view text, std::string_view replacement) const {
    std::string out;
    std::size_t done = 0;
    DWUBIT_TRY(impl_->each_match(text, [&](const PCRE2_SIZE* place) {
        out += text.substr(done, place[0] - done);
        out += replacement;
        done = place[1];
    }));
    out += text.substr(done);
    return out;
}

std::string regex_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (std::string_view("()[]{}?*+-|^$\\.&~# \t\n\r\v\f").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

}  // namespace dwubit
