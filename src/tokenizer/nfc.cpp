#include "tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "base/check.h"
#include "base/text.h"

namespace dwubit {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Where Unicode 9 has no character and a later version has one that combines (class above 0, or part of a composition).
// clang-format off
constexpr Range kInert[] = {
    {0x7FD, 0x7FD}, {0x897, 0x89F}, {0x8CA, 0x8D3}, {0x9FE, 0x9FE}, {0xC3C, 0xC3C}, {0xD3B, 0xD3C}, {0xEBA, 0xEBA},
    {0x1715, 0x1715}, {0x1ABF, 0x1AFF}, {0x1DF6, 0x1DFA}, {0xA82C, 0xA82C}, {0x10D24, 0x10D27}, {0x10D69, 0x10D6D},
    {0x10EAB, 0x10EAC}, {0x10EFA, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070},
    {0x1133B, 0x1133B}, {0x11382, 0x113D2}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11930, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D45},
    {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x1611E, 0x1612F}, {0x16D63, 0x16D6A}, {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
    {0x1E5EE, 0x1E5EF}, {0x1E6E3, 0x1E6FF},
};
// clang-format on

// Below it every character is in form C by itself and combines with none before it.
constexpr char32_t kFirstCombining = 0x300;

bool is_inert(char32_t c) {
    const auto* const range = std::lower_bound(std::begin(kInert), std::end(kInert), c,
                                               [](const Range& r, char32_t value) { return r.last < value; });
    return range != std::end(kInert) && c >= range->first;
}

int combining_class(utf8proc_int32_t c) {
    return utf8proc_get_property(c)->combining_class;
}

// A stretch that no character before or after it combines with.
class Stretch {
public:
    void add(char32_t c) { characters_.push_back(static_cast<utf8proc_int32_t>(c)); }

    void flush(std::string& out) {
        if (characters_.size() > 1 || (!characters_.empty() && characters_[0] >= utf8proc_int32_t{kFirstCombining})) {
            compose();
        }
        for (const utf8proc_int32_t c : characters_) append_utf8(out, static_cast<char32_t>(c));
        characters_.clear();
    }

private:
    void compose() {
        decomposed_.clear();
        for (const utf8proc_int32_t c : characters_) {
            std::array<utf8proc_int32_t, 16> parts{};
            int boundary = 0;
            const auto count = utf8proc_decompose_char(c, parts.data(), parts.size(), kDecompose, &boundary);
            DWUBIT_CHECK(count >= 0 && static_cast<std::size_t>(count) <= parts.size());
            decomposed_.insert(decomposed_.end(), parts.begin(), parts.begin() + count);
        }
        // By hand, since utf8proc's own reordering is quadratic in a run of marks.
        for (auto run = decomposed_.begin(); run != decomposed_.end();) {
            const auto is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
            run = std::find_if(run, decomposed_.end(), is_mark);
            const auto end = std::find_if_not(run, decomposed_.end(), is_mark);
            std::stable_sort(run, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
            run = end;
        }
        const auto count = static_cast<utf8proc_ssize_t>(decomposed_.size());
        const utf8proc_ssize_t composed = utf8proc_normalize_utf32(decomposed_.data(), count, kCompose);
        DWUBIT_CHECK(composed >= 0 && composed <= count);
        decomposed_.resize(static_cast<std::size_t>(composed));
        std::swap(characters_, decomposed_);
    }

    static constexpr auto kDecompose = static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_STABLE);
    static constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    std::vector<utf8proc_int32_t> characters_;
    std::vector<utf8proc_int32_t> decomposed_;
};

}  // namespace

std::string normalize_nfc(std::string_view text) {
    constexpr auto kFirstLead = static_cast<unsigned char>(0xC0 | kFirstCombining >> 6);
    const auto may_combine = [](char c) { return static_cast<unsigned char>(c) >= kFirstLead; };
    if (std::none_of(text.begin(), text.end(), may_combine)) return std::string(text);
    std::string out;
    out.reserve(text.size());
    Stretch stretch;
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = decode_utf8(text, at);
        at += utf8_length(static_cast<unsigned char>(text[at]));
        const bool inert = is_inert(c);
        if (c < kFirstCombining || inert) stretch.flush(out);
        if (inert) {
            append_utf8(out, c);
        } else {
            stretch.add(c);
        }
    }
    stretch.flush(out);
    return out;
}

}  // namespace dwubit
