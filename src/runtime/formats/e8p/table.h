// The points of format e8p (docs/formats/e8p.md): what a code stands for.
//
//   E8P   65,536 points of E8 + 1/4: a row of 256 absolute values, signs, and a shift of 1/4. Stage 1, and stage 2 at 4
//   bits E8    256 short points of E8. Stage 2 at 3 bits
#pragma once

#include <array>
#include <cstdint>

namespace dwubit::e8p {

constexpr int kWidth = 8;  // weights of a code
constexpr int kRows = 256;

// Code c of E8P: row a = c >> 8, sign byte s = c & 255. With p the parity of s, coordinate i is
//
//   sign_i * rows[a][i] / 2  + (p ? -1/4 : +1/4)
//
// and negative where bit kSignBit[i] of s ^ p is set, for the last coordinate of an odd row: is not set.
struct Table {
    std::array<std::array<std::int8_t, kWidth>, kRows> rows;  // twice the absolute values: 1, 3 or 5
    std::array<std::uint8_t, kRows> odd;  // 1 where the absolute values of the row add up to an odd number
};
const Table& table();

constexpr std::array<int, kWidth> kSignBit = {0, 4, 1, 5, 2, 6, 3, 7};

// Four times the values of an E8P code: odd integers from -11 to 11.
using Quarters = std::array<std::int8_t, kWidth>;
Quarters decode(std::uint16_t code);

// Twice the values of the 256 points of stage 2 at 3 bits: from -4 to 4.
const std::array<std::array<std::int8_t, kWidth>, kRows>& e8_points();

// The table as QuIP#'s code has it: coordinate i in bits [4 * kSignBit[i], ...) as twice the value + 8, the last one
// negated in odd rows.
std::array<std::uint32_t, kRows> packed_table();

}  // namespace dwubit::e8p
