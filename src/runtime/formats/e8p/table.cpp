#include "runtime/formats/e8p/table.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "base/check.h"

namespace dwubit::e8p {
namespace {

using Row = std::array<std::int8_t, kWidth>;  // twice the values of a point

constexpr int kShortRows = 227;  // squared norm at most 10; by rule

// The 29 rows of squared norm 12, as twice the values. Which of the 56 there are, and in which order, is a choice of
// the authors of QuIP# (Tseng et al. 2024, arXiv 2402.04396; their file latticee8_padded12.py), kept as data: it is
// part of what published checkpoints mean.
constexpr std::array<std::array<char, kWidth + 1>, kRows - kShortRows> kLongRows = {{
    {"31113333"}, {"13113333"}, {"11313333"}, {"11133333"}, {"33313311"}, {"33313131"}, {"33311331"}, {"33313113"},
    {"33311313"}, {"33311133"}, {"33133311"}, {"33133131"}, {"33131331"}, {"33133113"}, {"33131313"}, {"33131133"},
    {"31333311"}, {"31333131"}, {"31331331"}, {"31333113"}, {"31331313"}, {"13331133"}, {"13333311"}, {"13333131"},
    {"13331331"}, {"13333113"}, {"13331313"}, {"11331333"}, {"33113331"},
}};

// Calls use(row) for every point of {values}^8 in lexicographic order.
template <class Use>
void for_each_point(const std::vector<std::int8_t>& values, const Use& use) {
    std::array<std::size_t, kWidth> at{};
    while (true) {
        Row row;
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = values[at[i]];
        use(row);
        int i = kWidth - 1;
        while (i >= 0 && ++at[static_cast<std::size_t>(i)] == values.size()) at[static_cast<std::size_t>(i--)] = 0;
        if (i < 0) return;
    }
}

int sum_of(const Row& row) {
    return std::accumulate(row.begin(), row.end(), 0);
}

int squares_of(const Row& row) {
    return std::accumulate(row.begin(), row.end(), 0, [](int sum, int v) { return sum + v * v; });
}

Table make_table() {
    Table table{};
    std::size_t count = 0;
    for_each_point({1, 3, 5}, [&](const Row& row) {
        if (squares_of(row) <= 4 * 10) table.rows.at(count++) = row;
    });
    DWUBIT_CHECK(count == kShortRows);
    for (const auto& text : kLongRows) {
        for (std::size_t i = 0; i < kWidth; ++i) table.rows[count][i] = static_cast<std::int8_t>(text[i] - '0');
        ++count;
    }
    // Twice the sum of eight odd halves is even; a half of it that is odd is an odd sum.
    for (std::size_t a = 0; a < kRows; ++a) table.odd[a] = static_cast<std::uint8_t>(sum_of(table.rows[a]) / 2 % 2);
    return table;
}

// The origin and the other points of squared norm at most 2, whole ones before halves, each in lexicographic order;
// then 2 e_i, then -2 e_i but the last.
std::array<Row, kRows> make_e8_points() {
    std::array<Row, kRows> points{};
    std::size_t count = 0;
    const auto add_short = [&](const Row& row) {
        if (squares_of(row) <= 4 * 2 && sum_of(row) % 4 == 0) points.at(count++) = row;
    };
    for_each_point({-2, 0, 2}, add_short);
    for_each_point({-1, 1}, add_short);
    for (const std::int8_t value : {std::int8_t{4}, std::int8_t{-4}}) {
        for (std::size_t i = 0; i < kWidth && count < kRows; ++i) points[count++][i] = value;
    }
    DWUBIT_CHECK(count == kRows);
    return points;
}

}  // namespace

const Table& table() {
    static const Table made = make_table();
    return made;
}

const std::array<std::array<std::int8_t, kWidth>, kRows>& e8_points() {
    static const std::array<Row, kRows> made = make_e8_points();
    return made;
}

Quarters decode(std::uint16_t code) {
    const std::size_t a = code >> 8;
    const unsigned signs = code & 255U;
    const unsigned parity = static_cast<unsigned>(std::popcount(signs)) % 2;
    const int shift = parity != 0 ? -1 : 1;
    Quarters values;
    for (std::size_t i = 0; i < kWidth; ++i) {
        bool negative = ((signs ^ parity) >> kSignBit[i] & 1) != 0;
        if (i == kWidth - 1 && table().odd[a] != 0) negative = !negative;
        const int magnitude = 2 * table().rows[a][i];
        values[i] = static_cast<std::int8_t>((negative ? -magnitude : magnitude) + shift);
    }
    return values;
}

std::array<std::uint32_t, kRows> packed_table() {
    std::array<std::uint32_t, kRows> words{};
    for (std::size_t a = 0; a < kRows; ++a) {
        for (std::size_t i = 0; i < kWidth; ++i) {
            const bool negative = i == kWidth - 1 && table().odd[a] != 0;
            const int value = negative ? -table().rows[a][i] : table().rows[a][i];
            words[a] |= static_cast<std::uint32_t>(value + 8) << (4 * kSignBit[i]);
        }
    }
    return words;
}

}  // namespace dwubit::e8p
