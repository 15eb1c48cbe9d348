#include "ggml/iq2_grid.h"

#include <algorithm>

#include "base/check.h"
#include "ggml/tables.h"

namespace dwubit::ggml {
namespace {

constexpr std::size_t kPacked = 0xaaaa + 1;  // all levels 2, and one more
constexpr unsigned kVectors = 6561;          // 3^8

// The vector of levels with number `n`, packed.
unsigned packed_levels(unsigned n) {
    unsigned packed = 0;
    for (int i = 0; i < 8; ++i, n /= kLevels) packed |= n % kLevels << (2 * i);
    return packed;
}

int squared_distance(unsigned a, unsigned b) {
    int sum = 0;
    for (int i = 0; i < 16; i += 2) {
        const int off = static_cast<int>(a >> i & 3u) - static_cast<int>(b >> i & 3u);
        sum += off * off;
    }
    return sum;
}

}  // namespace

const Iq2Grid& Iq2Grid::xxs() {
    static const Iq2Grid grid;
    return grid;
}

Iq2Grid::Iq2Grid() : index_(kPacked, -1), first_near_(kPacked), values_(kIq2XxsGrid.size()) {
    for (std::size_t k = 0; k < kIq2XxsGrid.size(); ++k) {
        index_[kIq2XxsGrid[k]] = static_cast<std::int16_t>(k);
        for (std::size_t i = 0; i < 8; ++i) {
            values_[k][i] = static_cast<float>(2 * (kIq2XxsGrid[k] >> (2 * i) & 3u) + 1);
        }
    }
    std::array<int, kIq2XxsGrid.size()> distances{};
    for (unsigned n = 0; n < kVectors; ++n) {
        const unsigned packed = packed_levels(n);
        if (index_[packed] >= 0) continue;
        std::transform(kIq2XxsGrid.begin(), kIq2XxsGrid.end(), distances.begin(),
                       [&](unsigned point) { return squared_distance(point, packed); });
        const int nearest = *std::min_element(distances.begin(), distances.end());
        int second = 1 << 30;
        for (const int distance : distances) second = distance > nearest ? std::min(second, distance) : second;
        first_near_[packed] = static_cast<std::uint32_t>(near_.size());
        const std::size_t length = near_.size();
        near_.push_back(0);
        for (const int wanted : {nearest, second}) {
            for (std::size_t k = 0; k < distances.size(); ++k) {
                if (distances[k] == wanted) near_.push_back(static_cast<std::uint8_t>(k));
            }
        }
        const std::size_t count = near_.size() - length - 1;
        DWUBIT_CHECK(count < 256);
        near_[length] = static_cast<std::uint8_t>(count);
    }
}

}  // namespace dwubit::ggml
