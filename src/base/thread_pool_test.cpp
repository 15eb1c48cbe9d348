#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <time.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace dwubit {
namespace {

TEST(ThreadPool, RunsEveryUnitOnce) {
    for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        EXPECT_EQ(pool.size(), threads);
        for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
            std::vector<std::atomic<int>> hits(static_cast<std::size_t>(count));
            pool.parallel_for(count, [&](std::int64_t i) { ++hits[static_cast<std::size_t>(i)]; });
            for (const auto& hit : hits) ASSERT_EQ(hit.load(), 1);
        }
    }
}

TEST(ThreadPool, ManyShortRegionsInARow) {
    ThreadPool pool(3);
    std::int64_t total = 0;
    for (int round = 0; round < 5000; ++round) {
        std::atomic<std::int64_t> sum{0};
        pool.parallel_for(4, [&](std::int64_t i) { sum += i; });
        total += sum;
    }
    EXPECT_EQ(total, 5000 * 6);
}

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(ThreadPool, TakesNoTimeWhenThereIsNothingToDo) {
    ThreadPool pool(4);
    pool.parallel_for(8, [](std::int64_t) {});
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // far beyond the time that workers look for work
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LT(cpu_seconds() - before, 0.02);
}

TEST(ThreadPool, RegionsAfterASleepRunEveryUnit) {
    ThreadPool pool(3);
    for (int round = 0; round < 20; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        std::atomic<std::int64_t> sum{0};
        pool.parallel_for(5, [&](std::int64_t i) { sum += i; });
        ASSERT_EQ(sum, 10);
    }
}

TEST(ThreadPool, NestedRegionsRunInPlace) {
    ThreadPool pool(2);
    std::atomic<int> inner{0};
    pool.parallel_for(8, [&](std::int64_t) { pool.parallel_for(8, [&](std::int64_t) { ++inner; }); });
    EXPECT_EQ(inner.load(), 64);
}

TEST(ThreadPool, CallersFromSeveralThreadsTakeTurns) {
    ThreadPool pool(2);
    std::atomic<int> units{0};
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) {
        callers.emplace_back([&] {
            for (int round = 0; round < 200; ++round) pool.parallel_for(10, [&](std::int64_t) { ++units; });
        });
    }
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(units.load(), 4 * 200 * 10);
}

TEST(ThreadPool, ZeroMeansTheCoresOfThisProcess) {
    EXPECT_EQ(ThreadPool(0).size(), available_cores());
    EXPECT_GE(available_cores(), 1);
}

}  // namespace
}  // namespace dwubit
