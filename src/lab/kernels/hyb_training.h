// How the table of HYB was made (Tseng et al. 2024, arXiv 2406.11235, section 3.1.2): k-means of a Gaussian in the
// plane.
//
//   samples   2^20 pairs of N(0, I), Philox(seed 0, stream 0)
//   start     512 pairs of N(0, I), Philox(seed 0, stream 1)
//   Lloyd     each centre moves to the mean of the samples nearest to it, until a round lowers the mean squared
//             distance by less than 10^-6 of it
//   scale     all 1024 numbers times sqrt(15/16) / their standard deviation: the reproduction of a Gaussian at 2 bits
//             has variance 1 - 2^-4
//
// Arithmetic is float64 in a fixed order.
#pragma once

#include <array>
#include <cstdint>

namespace dwubit {

struct HybTraining {
    std::array<std::uint16_t, 1024> table{};  // f16, pairs
    double distortion = 0;                    // mean squared distance of the last round, per number and before scaling
    int rounds = 0;
};
// Some tens of seconds.
HybTraining train_hyb_table();

}  // namespace dwubit
