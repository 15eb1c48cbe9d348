#include "tokenizer/golden_texts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "base/text.h"

namespace dwubit::testing {
namespace {

constexpr std::size_t kLineBytes = 1 << 20;
constexpr std::array<std::string_view, 5> kSpecials = {"<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>"};
constexpr std::u32string_view kPolish = U"ąćęłńóśźżĄĆĘŁŃÓŚŹŻaeiozkrw";
constexpr std::array<std::string_view, 10> kEmoji = {
    "👩‍👩‍👧‍👦", "👨🏽‍🚀", "🏳️‍🌈",    "🇵🇱", "👍🏿", "❤️", "😀",
    "🤦🏼‍♀️",         "1️⃣",         "🧑‍🤝‍🧑"};

class SplitMix64 {
public:
    explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
    std::uint64_t below(std::uint64_t bound) {
        state_ += 0x9E3779B97F4A7C15u;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        return (z ^ (z >> 31)) % bound;
    }

private:
    std::uint64_t state_;
};

void append(std::string& out, std::uint64_t code_point) {
    append_utf8(out, static_cast<char32_t>(code_point));
}

void append_any_character(std::string& out, SplitMix64& rng) {
    const std::uint64_t code = rng.below(0x110000 - 0x800);
    append(out, code < 0xD800 ? code : code + 0x800);
}

// `count` characters, each by `one`.
template <class One>
std::string repeated(std::uint64_t count, const One& one) {
    std::string out;
    for (std::uint64_t i = 0; i < count; ++i) one(out);
    return out;
}

std::string letters_part(SplitMix64& rng, std::uint64_t kind) {
    if (kind < 4) return repeated(1 + rng.below(8), [&](std::string& out) { append(out, U'a' + rng.below(26)); });
    if (kind < 6) {
        return repeated(1 + rng.below(8), [&](std::string& out) { append(out, kPolish[rng.below(kPolish.size())]); });
    }
    if (kind == 6) {
        return repeated(1 + rng.below(4), [&](std::string& out) {
            append(out, U'a' + rng.below(26));
            append(out, 0x300 + rng.below(0x70));
        });
    }
    return repeated(1 + rng.below(4), [&](std::string& out) { append(out, 0x4E00 + rng.below(20000)); });
}

std::string part(SplitMix64& rng) {
    const std::uint64_t kind = rng.below(16);
    if (kind < 7 || kind == 8) return letters_part(rng, kind);
    std::string out;
    switch (kind) {
        case 7:
            return std::string(kEmoji[rng.below(kEmoji.size())]);
        case 9: {
            const std::uint64_t code = rng.below(66);
            append(out, code < 32 ? code : code + 95);
            return out;
        }
        case 10: {
            const std::uint64_t which = rng.below(7);
            return std::string(1 + rng.below(10), " \t\n\r"[which < 3 ? 0 : which - 3]);
        }
        case 11:
            return std::string(kSpecials[rng.below(kSpecials.size())]);
        case 12:
            out = kSpecials[rng.below(kSpecials.size())];
            return out.erase(rng.below(out.size()), 1);
        case 13:
            append_any_character(out, rng);
            return out;
        case 14: {
            const std::uint64_t byte = rng.below(257);
            return byte == 256 ? "▁" : fmt::format("<0x{:02X}>", byte);
        }
        default:
            append(out, 0x21 + rng.below(94));
            return out;
    }
}

}  // namespace

std::string random_string(std::uint64_t seed) {
    SplitMix64 rng(seed);
    std::string text;
    const std::uint64_t parts = 1 + rng.below(12);
    for (std::uint64_t i = 0; i < parts; ++i) {
        text += part(rng);
        if (rng.below(3) == 0) text += " ";
    }
    return text;
}

std::vector<TokenId> random_ids(std::uint64_t seed, std::int32_t vocab_size) {
    SplitMix64 rng(seed);
    std::vector<TokenId> ids;
    const std::uint64_t parts = 1 + rng.below(16);
    for (std::uint64_t i = 0; i < parts; ++i) {
        const std::uint64_t kind = rng.below(8);
        if (kind == 0) {
            ids.push_back(static_cast<TokenId>(rng.below(5)));
        } else if (kind < 3) {
            ids.push_back(static_cast<TokenId>(5 + rng.below(256)));
        } else if (kind < 5) {
            std::string character;
            append_any_character(character, rng);
            for (const char byte : character) ids.push_back(5 + static_cast<unsigned char>(byte));
        } else {
            ids.push_back(static_cast<TokenId>(rng.below(static_cast<std::uint64_t>(vocab_size))));
        }
    }
    return ids;
}

std::string long_line(std::string_view kind) {
    static const std::map<std::string_view, std::string_view> units = {
        {"letter", "a"},
        {"space", " "},
        {"bytes", "\x01"},
        {"emoji", "😀"},
        {"polish", "zażółć gęślą jaźń "},
        {"bos", "<s>"},
        {"broken", "<|im_start<s"},
    };
    std::string line;
    if (const auto unit = units.find(kind); unit != units.end()) {
        for (std::size_t i = 0; i < kLineBytes / unit->second.size(); ++i) line += unit->second;
        return line;
    }
    DWUBIT_CHECK(kind == "letters" || kind == "parts");
    SplitMix64 rng(7);
    while (line.size() < kLineBytes) {
        if (kind == "letters") {
            append(line, U'a' + rng.below(26));
        } else {
            line += part(rng);
        }
    }
    return line;
}

std::string hash32(std::string_view bytes) {
    std::uint32_t value = 0x811C9DC5u;
    for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x01000193u;
    return fmt::format("{:08x}", value);
}

std::string hash64(std::string_view bytes) {
    std::uint64_t value = 0xCBF29CE484222325u;
    for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
    return fmt::format("{:016x}", value);
}

std::string bytes_of(std::span<const TokenId> ids) {
    std::string bytes;
    for (const TokenId id : ids) {
        for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(id >> shift & 0xFF));
    }
    return bytes;
}

}  // namespace dwubit::testing
