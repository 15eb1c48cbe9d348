#include "lab/blocks/scale_search.h"

#include <gtest/gtest.h>

#include <limits>

namespace dwubit::lab {
namespace {

ScaleLosses each(double (*loss)(double)) {
    return [loss](const std::vector<double>& scales) {
        std::vector<double> found;
        for (const double scale : scales) found.push_back(loss(scale));
        return found;
    };
}

TEST(ScaleSearch, FindsTheVertexOfAParabola) {
    EXPECT_NEAR(search_scale({0.8, 1.2, 9}, each([](double x) { return 3 + (x - 0.937) * (x - 0.937); })), 0.937, 1e-9);
}

TEST(ScaleSearch, TakesTheGridPointWhereTheParabolaMisleads) {
    // A spike down at a grid point.
    const auto spike = each([](double x) { return x == 1.0 ? 0.0 : 1 + x; });
    EXPECT_EQ(search_scale({0.0, 2.0, 5}, spike), 1.0);
}

TEST(ScaleSearch, EndsAndLossesThatAreNoNumbers) {
    EXPECT_EQ(search_scale({1, 2, 3}, each([](double x) { return x; })), 1.0);
    EXPECT_EQ(search_scale({1, 2, 3}, each([](double x) { return -x; })), 2.0);
    const auto holes = each([](double x) { return x < 1.4 ? std::numeric_limits<double>::quiet_NaN() : x; });
    EXPECT_EQ(search_scale({1, 2, 3}, holes), 1.5);
    EXPECT_EQ(search_scale({1, 2, 3}, each([](double) { return 0.0; })), 1.0);
}

}  // namespace
}  // namespace dwubit::lab
