#include "lab/kernels/e8p_search.h"

#include <cstdlib>
#include <limits>

#include "base/check.h"

namespace dwubit {
namespace {

constexpr int kNibble[8] = {0, 4, 1, 5, 2, 6, 3, 7};  // of coordinate i

// Absolute values of a row, doubled: 1, 3 or 5.
std::array<int, 8> doubled_row(std::uint32_t word) {
    std::array<int, 8> row{};
    for (std::size_t i = 0; i < 8; ++i) row[i] = std::abs(static_cast<int>(word >> (4 * kNibble[i]) & 15) - 8);
    return row;
}

// Half the sum of a doubled row is whole: it is odd or even.
bool odd_sum(const std::array<int, 8>& row) {
    int sum = 0;
    for (const int value : row) sum += value;
    return (sum / 2) % 2 != 0;
}

void add_point(E8pSearchTable& table, int at, int row, const std::array<int, 8>& doubled) {
    DWUBIT_CHECK(at < kE8pPoints);
    float norm = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        const float value = 0.5f * static_cast<float>(doubled[i]);
        table.point[i][at] = value;
        norm += value * value;
        if (value < 0) table.negative[at] |= static_cast<std::uint8_t>(1U << i);
    }
    table.bias[at] = -norm / 2;
    table.row[at] = static_cast<std::uint8_t>(row);
}

}  // namespace

std::unique_ptr<const E8pSearchTable> make_e8p_search_table(std::span<const std::uint32_t, 256> words) {
    auto table = std::make_unique<E8pSearchTable>();
    for (float& bias : table->bias) bias = -std::numeric_limits<float>::infinity();
    for (std::int16_t& row : table->pattern_row) row = -1;
    int points = 0;
    for (int row = 0; row < 256; ++row) {
        const std::array<int, 8> doubled = doubled_row(words[static_cast<std::size_t>(row)]);
        int pattern = 0;
        for (std::size_t i = 8; i-- > 0;) pattern = 3 * pattern + doubled[i] / 2;
        table->pattern_row[pattern] = static_cast<std::int16_t>(row);
        table->odd[row] = odd_sum(doubled) ? 0x80 : 0;
        // No negative before the last coordinate, or one at a 1/2; the last sign makes the sum even.
        for (std::size_t negative = 0; negative < 8; ++negative) {
            if (negative < 7 && doubled[negative] != 1) continue;
            std::array<int, 8> point = doubled;
            if (negative < 7) point[negative] = -1;
            if (odd_sum(doubled) != (negative < 7)) point[7] = -point[7];
            add_point(*table, points++, row, point);
        }
    }
    DWUBIT_CHECK(points == kE8pPoints);
    for (unsigned byte = 0; byte < 256; ++byte) {
        for (unsigned i = 0; i < 8; ++i) {
            table->spread[byte] |= static_cast<std::uint8_t>((byte >> i & 1U) << kNibble[i]);
        }
    }
    return table;
}

std::unique_ptr<const E8SearchTable> make_e8_search_table(
    std::span<const std::array<std::int8_t, 8>, kE8Points> doubled) {
    auto table = std::make_unique<E8SearchTable>();
    for (std::size_t g = 0; g < doubled.size(); ++g) {
        float norm = 0;
        for (std::size_t i = 0; i < 8; ++i) {
            table->point[i][g] = 0.5f * static_cast<float>(doubled[g][i]);
            norm += table->point[i][g] * table->point[i][g];
        }
        table->bias[g] = -norm / 2;
    }
    return table;
}

E8Search e8_search(Isa isa) {
    constexpr E8Search kLevels[] = {e8_search_f32_ref, e8_search_f32_avx2, e8_search_f32_avx512};
    return kLevels[static_cast<int>(isa)];
}

E8pSearch e8p_search(Isa isa) {
    constexpr E8pSearch kLevels[] = {e8p_search_f32_ref, e8p_search_f32_avx2, e8p_search_f32_avx512};
    return kLevels[static_cast<int>(isa)];
}

}  // namespace dwubit
