#include "lab/kernels/hyb_table.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/float16.h"
#include "lab/kernels/hyb_training.h"

namespace dwubit {
namespace {

TEST(HybTable, HasTheVarianceOfAReproduction) {
    double sum = 0;
    double squares = 0;
    for (const std::uint16_t bits : hyb_table()) {
        const float value = to_float(F16{bits});
        ASSERT_TRUE(std::isfinite(value));
        sum += value;
        squares += static_cast<double>(value) * value;
    }
    const double mean = sum / 1024;
    EXPECT_NEAR(squares / 1024 - mean * mean, 15.0 / 16, 1e-4);  // f16 rounds to 2^-11
    EXPECT_NEAR(mean, 0, 0.02);                                  // the samples have no side
}

// The distance it ends with is beyond D(R) of 4.5 bits per number, and what many regions of hexagons have: the moment
// of a hexagon, 5 / (36 sqrt(3)), times the norm of the density, 8 pi, over their number (Zador 1982, Gersho 1979).
TEST(HybTable, TrainingAgainGivesTheSame) {
    const HybTraining training = train_hyb_table();
    EXPECT_GT(training.distortion, std::exp2(-9));
    EXPECT_NEAR(training.distortion, 5 / (36 * std::sqrt(3.0)) * 8 * std::acos(-1.0) / 512, 1e-4);
    for (std::size_t i = 0; i < training.table.size(); ++i) ASSERT_EQ(training.table[i], hyb_table()[i]) << i;
}

}  // namespace
}  // namespace dwubit
