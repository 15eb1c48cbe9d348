#include "tokenizer/split_pattern.h"

#include <array>
#include <cstdint>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "regex/pcre2_handles.h"
#include "tokenizer/unicode_stand_in.h"

namespace dwubit {
namespace {

// Every place is first tried with few steps on the next few bytes, which bounds what all places together may cost. One
// that needs more is tried again with twice as much. PCRE2 counts how often it backtracks but not how far a repetition
// runs, so what these longer attempts may take is processor time: ordinary patterns (walk a run of white space to its
// end and back) are linear and stay far below it. Time decides only between an answer and an error.
constexpr std::uint32_t kFirstSteps = 64;
constexpr std::size_t kFirstBytes = 64;
constexpr double kSeconds = 1;
constexpr double kSecondsPerByte = 2e-6;

// Processor time of this thread.
double thread_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Matching at one place after the other of one text.
class Matcher {
public:
    Matcher(const pcre2_code* code, std::string_view text, SplitBudget& budget)
        : code_(code),
          text_(text),
          data_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)),
          budget_(budget) {
        DWUBIT_CHECK(data_ && context_);
        pcre2_set_heap_limit(context_.get(), kRegexHeapKibibytes);
    }

    // End of the match at `begin`, `begin` itself = none.
    Result<std::size_t> match_at(std::size_t begin) {
        std::uint32_t steps = kFirstSteps;
        std::size_t bytes = kFirstBytes;
        int code = attempt(begin, steps, bytes);
        while ((code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_PARTIAL) && budget_.seconds > 0) {
            if (code == PCRE2_ERROR_PARTIAL) bytes *= 2;
            if (code == PCRE2_ERROR_MATCHLIMIT && steps == kMostSteps) break;
            if (code == PCRE2_ERROR_MATCHLIMIT) steps *= 2;
            const double start = thread_seconds();
            code = attempt(begin, steps, bytes);
            budget_.seconds -= thread_seconds() - start;
        }
        if (code == PCRE2_ERROR_NOMATCH) return begin;
        if (code >= 0) return static_cast<std::size_t>(pcre2_get_ovector_pointer(data_.get())[1]);
        const bool is_limit =
            code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT || code == PCRE2_ERROR_PARTIAL;
        return errorf(ErrorKind::kInvalidInput, "the tokenizer's pattern {} at byte {} of a text of {} bytes",
                      is_limit ? "needs too many steps" : "fails (" + pcre2_message(code) + ")", begin, text_.size());
    }

private:
    static constexpr std::uint32_t kMostSteps = 1u << 31;

    // PARTIAL: what lies behind the `bytes` after `begin` matters.
    int attempt(std::size_t begin, std::uint32_t steps, std::size_t bytes) {
        std::size_t end = text_.size();
        std::uint32_t options = PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT;
        if (end - begin > bytes) {
            end = begin + bytes;
            while ((static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) --end;
            options |= PCRE2_PARTIAL_HARD;
        }
        pcre2_set_match_limit(context_.get(), steps);
        return pcre2_match(code_, pcre2_units(text_), end, begin, options, data_.get(), context_.get());
    }

    const pcre2_code* code_;
    std::string_view text_;
    std::unique_ptr<pcre2_match_data, FreeMatchData> data_;
    std::unique_ptr<pcre2_match_context, FreeMatchContext> context_;
    SplitBudget& budget_;
};

}  // namespace

SplitBudget::SplitBudget(std::size_t text_bytes)
    : seconds(kSeconds + kSecondsPerByte * static_cast<double>(text_bytes)) {}

struct SplitPattern::Impl {
    explicit Impl(pcre2_code* compiled) : code(compiled) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { pcre2_code_free(code); }
    pcre2_code* code;
};

SplitPattern::SplitPattern(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
SplitPattern::SplitPattern(SplitPattern&&) noexcept = default;
SplitPattern& SplitPattern::operator=(SplitPattern&&) noexcept = default;
SplitPattern::~SplitPattern() = default;

Result<SplitPattern> SplitPattern::compile(std::string_view pattern, const std::string& where) {
    DWUBIT_TRY(check_split_pattern(pattern, where));
    const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(pcre2_compile_context_create(nullptr));
    DWUBIT_CHECK(context != nullptr);
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);  // what "." does not match
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code* compiled = pcre2_compile(pcre2_units(pattern), pattern.size(),
                                         PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &at, context.get());
    if (compiled == nullptr) {
        return errorf(ErrorKind::kInvalidInput, "{}: the pattern is no regular expression: {} (byte {})", where,
                      pcre2_message(code), at);
    }
    auto impl = std::make_unique<const Impl>(compiled);
    std::uint32_t matches_nothing = 0;
    pcre2_pattern_info(compiled, PCRE2_INFO_MATCHEMPTY, &matches_nothing);
    if (matches_nothing != 0) {
        return errorf(ErrorKind::kUnsupported, "{}: a pattern that can match nothing is not supported", where);
    }
    return SplitPattern(std::move(impl));
}

Result<void> SplitPattern::find_all(std::string_view text, SplitBudget& budget, const MatchVisitor& match) const {
    std::string storage;
    text = with_stand_ins(text, storage);
    Matcher matcher(impl_->code, text, budget);
    for (std::size_t at = 0; at < text.size();) {
        DWUBIT_ASSIGN(const std::size_t end, matcher.match_at(at));
        if (end > at) match(at, end);
        at = end > at ? end : at + utf8_length(static_cast<unsigned char>(text[at]));
    }
    return {};
}

}  // namespace dwubit
