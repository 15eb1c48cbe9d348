// What a parallel region costs by itself: two empty units, after pauses of different lengths; README.md has the rules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "base/thread_pool.h"
#include "json/json.h"

namespace dwubit {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration time) {
    return std::chrono::duration<double, std::micro>(time).count();
}

// The caller's own work between two regions.
void busy_for(double pause) {
    const auto start = Clock::now();
    while (microseconds(Clock::now() - start) < pause) {
    }
}

// Median microseconds of a region in which every thread must take a unit: a unit waits until all have begun.
double median_region(ThreadPool& pool, double pause, int rounds) {
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i) {
        busy_for(pause);
        std::atomic<int> begun{0};
        const auto start = Clock::now();
        pool.parallel_for(pool.size(), [&](std::int64_t) {
            ++begun;
            while (begun.load(std::memory_order_acquire) < pool.size()) {
            }
        });
        times.push_back(microseconds(Clock::now() - start));
    }
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[static_cast<std::size_t>(rounds / 2)];
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("Cost of a parallel region", "bench_threads");
    int threads = 0;
    app.add_option("-t,--threads", threads, "0 = all cores")->check(CLI::Range(0, 4096));
    CLI11_PARSE(app, argc, argv);
    dwubit::ThreadPool pool(threads);
    dwubit::Json regions = dwubit::Json::array();
    for (const double pause : {0.0, 5.0, 20.0, 100.0, 1000.0}) {
        const int rounds = pause < 50 ? 20001 : 501;
        regions.push_back({{"pause_us", pause}, {"region_us", dwubit::median_region(pool, pause, rounds)}});
    }
    fmt::print("{}\n", dwubit::dump_json(dwubit::Json{{"threads", pool.size()}, {"regions", regions}}));
    return 0;
}
