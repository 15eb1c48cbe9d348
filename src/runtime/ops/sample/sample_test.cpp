#include "runtime/ops/sample/sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace dwubit {
namespace {

TEST(SampleGreedy, TakesTheLargestAndTheFirstOfEquals) {
    EXPECT_EQ(*sample_greedy(std::vector<float>{-3.0f, 2.0f, 2.0f, 1.0f}), 1);
    EXPECT_EQ(*sample_greedy(std::vector<float>{-INFINITY, -5.0f}), 1);
    EXPECT_EQ(*sample_greedy(std::vector<float>{INFINITY, 5.0f}), 0);
}

TEST(SampleGreedy, RefusesNanAndNothing) {
    EXPECT_NE(sample_greedy(std::vector<float>{1.0f, NAN}).error().message.find("logit 1 is NaN"), std::string::npos);
    EXPECT_FALSE(sample_greedy(std::vector<float>{-INFINITY}).ok());
    EXPECT_FALSE(sample_greedy({}).ok());
}

}  // namespace
}  // namespace dwubit
