// Inside the Viterbi encoders: the rules of 16-bit costs, the same for the reference and the fast levels.
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

#include <cstdint>

namespace dwubit::viterbi {

inline constexpr std::uint16_t kNoPath = 65535;
inline constexpr int kRenewal = 16;

// Rounded to 2^-12, halves away from zero; beyond +-8 the end of the range; NaN counts as -8.
std::int16_t fixed_point(float number);

// The least number of bits to drop from errors so that every tile ends with a path; the arguments after kv and
// step_values are the largest |value| and |number| in fixed point.
int coarse_bits(int kv, int step_values, int largest_value, int largest_number);

}  // namespace dwubit::viterbi
