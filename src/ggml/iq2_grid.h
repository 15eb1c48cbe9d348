// What encoders ask of the grid of IQ2_XXS: which point a vector of levels is, or which points are near.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace dwubit::ggml {

constexpr int kLevels = 3;  // 0, 1, 2; an encoder takes them for the values 1, 3, 5

class Iq2Grid {
public:
    static const Iq2Grid& xxs();

    // `levels`: two bits per coordinate, each below 3. The index of the point, or -1.
    int index_of(unsigned levels) const { return index_[levels]; }
    // For vectors that are no point: the points at the nearest two distances, by distance, then by index.
    std::span<const std::uint8_t> near(unsigned levels) const {
        const std::uint32_t at = first_near_[levels];
        return std::span(near_).subspan(at + 1, near_[at]);
    }
    // Values 1, 3, 5 of point `index`.
    const std::array<float, 8>& values(int index) const { return values_[static_cast<std::size_t>(index)]; }

private:
    Iq2Grid();

    std::vector<std::int16_t> index_;        // by packed levels
    std::vector<std::uint32_t> first_near_;  // by packed levels: where in near_ its list begins
    std::vector<std::uint8_t> near_;         // lists: their length, then indices
    std::vector<std::array<float, 8>> values_;
};

}  // namespace dwubit::ggml
