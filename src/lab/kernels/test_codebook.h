// The E8P12 codebook from its definition (arXiv 2402.04396, section 3), for tests: 256 rows of absolute values as words
// of eight nibbles, and what a code stands for.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

namespace dwubit::testing {

using Point8 = std::array<float, 8>;

// Absolute values of D^8 with norm^2 <= 10 in lexicographic order, then 29 rows of norm^2 12; all doubled.
inline std::vector<std::array<int, 8>> e8p_doubled_rows() {
    std::set<std::array<int, 8>> inner;
    for (int pattern = 0; pattern < 6561; ++pattern) {
        std::array<int, 8> row{};
        int rest = pattern;
        int norm = 0;
        for (int& value : row) {
            value = 2 * (rest % 3) + 1;
            norm += value * value;
            rest /= 3;
        }
        if (norm <= 40) inner.insert(row);  // any of these has signs with an even sum
    }
    std::vector<std::array<int, 8>> rows(inner.begin(), inner.end());
    constexpr std::string_view kOuter[] = {"31113333", "13113333", "11313333", "11133333", "33313311", "33313131",
                                           "33311331", "33313113", "33311313", "33311133", "33133311", "33133131",
                                           "33131331", "33133113", "33131313", "33131133", "31333311", "31333131",
                                           "31331331", "31333113", "31331313", "13331133", "13333311", "13333131",
                                           "13331331", "13333113", "13331313", "11331333", "33113331"};
    for (const std::string_view text : kOuter) {
        std::array<int, 8> row{};
        for (std::size_t i = 0; i < 8; ++i) row[i] = text[i] - '0';
        rows.push_back(row);
    }
    return rows;
}

inline constexpr int kE8pNibble[8] = {0, 4, 1, 5, 2, 6, 3, 7};  // of coordinate i

inline std::array<std::uint32_t, 256> e8p_words() {
    std::array<std::uint32_t, 256> words{};
    const auto rows = e8p_doubled_rows();
    for (std::size_t r = 0; r < 256; ++r) {
        std::array<int, 8> row = rows.at(r);
        int sum = 0;
        for (const int value : row) sum += value;
        if (sum / 2 % 2 != 0) row[7] = -row[7];
        for (std::size_t i = 0; i < 8; ++i) words[r] |= static_cast<std::uint32_t>(row[i] + 8) << (4 * kE8pNibble[i]);
    }
    return words;
}

// Twice 256 points of E8: all of norm^2 at most 2, and 2 e_i, -2 e_i but the last.
inline std::array<std::array<std::int8_t, 8>, 256> e8_doubled_points() {
    std::array<std::array<std::int8_t, 8>, 256> points{};
    std::size_t count = 0;
    for (int pattern = 0; pattern < 390625; ++pattern) {  // 5^8
        std::array<std::int8_t, 8> point{};
        int rest = pattern;
        int norm = 0;
        int sum = 0;
        int odd = 0;
        for (std::int8_t& value : point) {
            value = static_cast<std::int8_t>(rest % 5 - 2);
            rest /= 5;
            norm += value * value;
            sum += value;
            odd += value % 2 != 0 ? 1 : 0;
        }
        if (norm <= 8 && sum % 4 == 0 && (odd == 0 || odd == 8)) points.at(count++) = point;
    }
    for (const int value : {4, -4}) {
        for (std::size_t i = 0; i < 8 && count < 256; ++i) points.at(count++)[i] = static_cast<std::int8_t>(value);
    }
    return points;
}

// The vector of a code.
inline Point8 e8p_point(const std::array<std::uint32_t, 256>& words, unsigned code) {
    unsigned signs = code & 255;
    const unsigned parity = static_cast<unsigned>(__builtin_popcount(signs)) & 1U;
    signs ^= parity;
    Point8 point{};
    for (std::size_t i = 0; i < 8; ++i) {
        const int doubled = static_cast<int>(words[code >> 8] >> (4 * kE8pNibble[i]) & 15) - 8;
        const float value = 0.5f * static_cast<float>((signs >> kE8pNibble[i] & 1U) != 0 ? -doubled : doubled);
        point[i] = value + (parity != 0 ? -0.25f : 0.25f);
    }
    return point;
}

}  // namespace dwubit::testing
