#include "eval/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>

#include "base/philox.h"

namespace dwubit {
namespace {

std::unique_ptr<Statistic> mean_of(const std::vector<double>& values) {
    const std::vector<OrderedJson> json(values.begin(), values.end());
    return (*find_aggregation("mean"))->prepare(json).value();
}

TEST(Resample, IsThePlainBootstrap) {
    const std::vector<double> a = {0, 1, 4, 9, 16, 25, 36};
    const std::vector<double> b = {1, 0, 0, 1, 1, 0, 7};
    const auto first = mean_of(a);
    const auto second = mean_of(b);
    const std::vector<const Statistic*> both = {first.get(), second.get()};
    ThreadPool pool(2);
    const auto found = resample(both, a.size(), 300, 5, 77, pool);
    ASSERT_EQ(found.size(), 2U);
    for (std::uint64_t draw = 0; draw < 300; ++draw) {
        Philox random(5, 77 + draw);
        double sum_a = 0;
        double sum_b = 0;
        for (std::size_t i = 0; i < a.size(); ++i) {
            const std::uint64_t place = random.next_below(a.size());
            sum_a += a[place];
            sum_b += b[place];
        }
        EXPECT_EQ(found[0][draw], sum_a / 7);
        EXPECT_EQ(found[1][draw], sum_b / 7);
    }
}

// The mean of n values drawn with replacement: its expectation is their mean, its variance their variance over n.
TEST(Resample, HasTheMomentsOfTheBootstrap) {
    const std::vector<double> values = {1, 2, 3, 4, 10};
    const auto mean = mean_of(values);
    const std::vector<const Statistic*> one = {mean.get()};
    ThreadPool pool(1);
    const auto draws = resample(one, values.size(), 20'000, 0, resample_stream("t"), pool)[0];
    double sum = 0;
    double squares = 0;
    for (const double draw : draws) sum += draw;
    for (const double draw : draws) squares += (draw - 4) * (draw - 4);
    const double variance = (9 + 4 + 1 + 0 + 36) / 5.0 / 5.0;
    EXPECT_NEAR(sum / 20'000, 4, 4 * std::sqrt(variance / 20'000));
    EXPECT_NEAR(squares / 20'000, variance, 0.1);
}

TEST(Resample, SameForAnyNumberOfThreads) {
    std::vector<double> values(50);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
    const auto mean = mean_of(values);
    const std::vector<const Statistic*> one = {mean.get()};
    ThreadPool single(1);
    ThreadPool three(3);
    EXPECT_EQ(resample(one, 50, 1000, 1, 2, single), resample(one, 50, 1000, 1, 2, three));
    EXPECT_NE(resample(one, 50, 1000, 1, 2, single), resample(one, 50, 1000, 2, 2, single));
    EXPECT_NE(resample(one, 50, 1000, 1, 2, single), resample(one, 50, 1000, 1, 5000, single));
}

TEST(Resample, StreamsOfNames) {
    std::set<std::uint64_t> streams;
    for (const char* name : {"", "a", "b", "orlik_dzialy", "orlik_dzialy_gen"}) streams.insert(resample_stream(name));
    EXPECT_EQ(streams.size(), 5U);
    // SHA-256 of "abc" begins ba7816bf8f01cfea.
    EXPECT_EQ(resample_stream("abc"), 0xeacf018fbf1678baU);
}

TEST(PercentileInterval, InterpolatesBetweenNeighbours) {
    std::vector<double> draws(101);
    for (std::size_t i = 0; i < draws.size(); ++i) draws[i] = static_cast<double>(100 - i);
    const Interval of_90 = percentile_interval(draws, 0.9);
    EXPECT_NEAR(of_90.low, 5, 1e-9);
    EXPECT_NEAR(of_90.high, 95, 1e-9);
    const Interval of_95 = percentile_interval(draws, 0.95);
    EXPECT_NEAR(of_95.low, 2.5, 1e-9);
    EXPECT_NEAR(of_95.high, 97.5, 1e-9);
}

TEST(PercentileInterval, OneValueAndNone) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    EXPECT_EQ(percentile_interval({7}, 0.95).low, 7);
    EXPECT_EQ(percentile_interval({7}, 0.95).high, 7);
    EXPECT_EQ(percentile_interval({nan, 3, nan, 3}, 0.95).high, 3);
    EXPECT_TRUE(std::isnan(percentile_interval({}, 0.95).low));
    EXPECT_TRUE(std::isnan(percentile_interval({nan, nan}, 0.95).high));
    const double infinite = std::numeric_limits<double>::infinity();
    EXPECT_EQ(percentile_interval({infinite, infinite, infinite}, 0.95).high, infinite);
}

}  // namespace
}  // namespace dwubit
