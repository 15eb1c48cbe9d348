#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace dwubit {
namespace {

struct Sequence {
    std::size_t length;  // bytes of the character, or of the maximal ill-formed part; >= 1
    bool well_formed;
};

std::uint8_t byte_at(std::string_view text, std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
}

// The sequence that starts at `at` < text.size(), by Unicode 15 table 3-7.
Sequence scan_utf8(std::string_view text, std::size_t at) {
    const std::uint8_t lead = byte_at(text, at);
    if (lead < 0x80) return {1, true};
    const std::size_t length = utf8_length(lead);
    if (length == 1) return {1, false};
    // Only the second byte has a range that depends on the lead: it excludes overlong forms, surrogates and what is
    // above U+10FFFF.
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    for (std::size_t i = 1; i < length; ++i) {
        if (at + i >= text.size()) return {i, false};
        const std::uint8_t byte = byte_at(text, at + i);
        if (byte < low || byte > high) return {i, false};
        low = 0x80;
        high = 0xBF;
    }
    return {length, true};
}

// First offset >= at that is not ASCII, or text.size().
std::size_t skip_ascii(std::string_view text, std::size_t at) {
    while (at + 8 <= text.size()) {
        std::uint64_t word;
        std::memcpy(&word, text.data() + at, 8);
        if (word & 0x8080808080808080u) break;
        at += 8;
    }
    while (at < text.size() && byte_at(text, at) < 0x80) ++at;
    return at;
}

std::optional<std::size_t> find_invalid_from(std::string_view text, std::size_t at) {
    while ((at = skip_ascii(text, at)) < text.size()) {
        const Sequence sequence = scan_utf8(text, at);
        if (!sequence.well_formed) return at;
        at += sequence.length;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
    return find_invalid_from(text, 0);
}

std::string replace_invalid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    std::size_t done = 0;
    while (const auto bad = find_invalid_from(text, done)) {
        out.append(text.substr(done, *bad - done));
        out.append("\xEF\xBF\xBD");
        done = *bad + scan_utf8(text, *bad).length;
    }
    out.append(text.substr(done));
    return out;
}

std::size_t utf8_length(unsigned char lead) {
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 1;
}

void append_utf8(std::string& out, char32_t code_point) {
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) code_point = 0xFFFD;
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code_point >> shift) & 0x3F))); };
    if (code_point < 0x80) {
        out.push_back(static_cast<char>(code_point));
    } else if (code_point < 0x800) {
        out.push_back(static_cast<char>(0xC0 | (code_point >> 6)));
        tail(0);
    } else if (code_point < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | (code_point >> 12)));
        tail(6);
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xF0 | (code_point >> 18)));
        tail(12);
        tail(6);
        tail(0);
    }
}

char32_t decode_utf8(std::string_view text, std::size_t at) {
    const std::uint8_t lead = byte_at(text, at);
    const std::size_t length = utf8_length(lead);
    if (length == 1) return lead;
    char32_t code_point = lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code_point = code_point << 6 | (byte_at(text, at + i) & 0x3F);
    return code_point;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const Sequence sequence = scan_utf8(text, at);
        if (at + sequence.length > limit) return out + "...";
        const char32_t code_point = sequence.well_formed ? decode_utf8(text, at) : 0;
        // C1 controls and the line and paragraph separators end a line for some terminals too.
        const bool breaks = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x2028 ||
                            code_point == 0x2029;
        for (std::size_t i = at; i < at + sequence.length; ++i) {
            if (!breaks) {
                out.push_back(text[i]);
            } else if (text[i] == '\n') {
                out.append("\\n");
            } else if (text[i] == '\t') {
                out.append("\\t");
            } else {
                out.append(fmt::format("\\x{:02x}", byte_at(text, i)));
            }
        }
        at += sequence.length;
    }
    return out;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the usual table: row i needs i - 1, and i - 2 for swapped neighbours.
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, substitute});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row[b.size()];
}

std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> candidates) {
    const std::size_t limit = std::max<std::size_t>(2, name.size() / 3);
    std::optional<std::string> nearest;
    std::size_t nearest_distance = limit + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t longer = std::max(name.size(), candidate.size());
        // Also keeps the quadratic table away from long input.
        if (longer - std::min(name.size(), candidate.size()) > limit) continue;
        const std::size_t distance = edit_distance(name, candidate);
        if (distance < nearest_distance && distance < longer) {
            nearest = candidate;
            nearest_distance = distance;
        }
    }
    return nearest;
}

}  // namespace dwubit
