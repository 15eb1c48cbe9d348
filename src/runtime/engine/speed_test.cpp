#include "runtime/engine/speed.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

TEST(Speed, TimesEachRepetition) {
    ThreadPool pool(2);
    const auto model = Model::load("models/orlik", ActType::kF32, pool);
    ASSERT_TRUE(model.ok());
    int called = 0;
    const SpeedOptions options{.repetitions = 3, .on_repetition = [&] { ++called; }};
    for (const SpeedTest& test : {SpeedTest{9, 0, 0, 4}, SpeedTest{0, 3, 5, 512}, SpeedTest{4, 2, 1, 3}}) {
        const auto seconds = measure_speed(*model, test, options, pool);
        ASSERT_TRUE(seconds.ok());
        ASSERT_EQ(seconds->size(), 3u);
        for (const double s : *seconds) EXPECT_GT(s, 0);
    }
    EXPECT_EQ(called, 9);
}

TEST(Speed, ACacheBeyondMemoryIsRefused) {
    ThreadPool pool(1);
    const auto model = Model::load("models/orlik", ActType::kF32, pool);
    ASSERT_TRUE(model.ok());
    const auto seconds = measure_speed(*model, {1, 0, std::int64_t{1} << 50, 512}, {}, pool);
    ASSERT_FALSE(seconds.ok());
    EXPECT_EQ(seconds.error().kind, ErrorKind::kOutOfMemory);
}

}  // namespace
}  // namespace dwubit
