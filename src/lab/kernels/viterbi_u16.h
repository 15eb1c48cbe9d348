// Inside the Viterbi encoders: the rules of 16-bit costs, the same for the reference and the fast levels, and what a
// fast level brings.
//
// Values and numbers are fixed point of 2^-12. A number's error against a value is (d^2 >> 16) >> coarse, where d is
// their distance: unit 1/256 with coarse = 0, and a state's error is the sum over its numbers. Sums stop at kNoPath,
// which says that no path leads here. After every kRenewal steps the least cost is subtracted from all that have a
// path.
//
// A tile far outside the values' range may end without a path. It is encoded again with coarser errors, so coarse that
// this cannot happen: from the best node every other one is reached in ceil((16 - kV) / kV) steps, so costs differ by
// no more than that many of the largest errors, and the least grows by no more than kRenewal of them before it is
// subtracted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lab/kernels/viterbi.h"

namespace dwubit::viterbi {

inline constexpr std::uint16_t kNoPath = 65535;
inline constexpr int kRenewal = 16;

// Rounded to 2^-12, halves away from zero; beyond +-8 the end of the range; NaN counts as -8.
std::int16_t fixed_point(float number);

// The least number of bits to drop from errors so that every tile ends with a path; the arguments after kv and
// step_values are the largest |value| and |number| in fixed point.
int coarse_bits(int kv, int step_values, int largest_value, int largest_number);

// Tiles that take a step together, so that values come from the second cache once for both.
inline constexpr int kGroup = 2;

// One step of up to kGroup tiles.
struct Step {
    // [V][2^16], plane by plane in the order in which the loops of this level read them: values_order().
    const std::int16_t* values = nullptr;
    int tiles = 0;
    int coarse = 0;                          // of far() steps only
    const std::uint16_t* from[kGroup] = {};  // costs of the nodes, 2^(16 - kV), at multiples of 64 bytes
    std::uint16_t* to[kGroup] = {};
    std::int16_t x[kGroup][2] = {};
};
using StepKernel = void (*)(const Step& step);

struct Level {
    int lanes = 0;  // costs of a vector
    // near: every distance fits 16 bits with its sign, and coarse is 0.
    StepKernel (*step)(int kv, int step_values, bool near) = nullptr;
    std::uint16_t (*least)(const std::uint16_t* costs, int nodes) = nullptr;
    void (*subtract)(std::uint16_t* costs, int nodes, std::uint16_t least) = nullptr;
};
const Level& level_avx2();
const Level& level_avx512();

// Where a plane has the value of node g and choice c, state g | c << (16 - kV). Up to kV = 4 a vector of 2^lane_bits
// costs holds nodes with different predecessors, g = u << kV | r for neighbouring u: [u / lanes][r][c][u % lanes].
// Above, all nodes with one predecessor are neighbours: [u][c][r].
inline std::size_t values_order(int kv, int lane_bits, int node, int choice) {
    const int u = node >> kv;
    const int r = node & ((1 << kv) - 1);
    if (kv > 4) return static_cast<std::size_t>((u << kv | choice) << kv | r);
    const int vector = ((u >> lane_bits) << kv | r) << kv | choice;
    return static_cast<std::size_t>(vector << lane_bits | (u & ((1 << lane_bits) - 1)));
}

void encode(const Level& level, const ViterbiTrellis& trellis, const float* x, std::int64_t tiles,
            std::uint16_t* states);

}  // namespace dwubit::viterbi
