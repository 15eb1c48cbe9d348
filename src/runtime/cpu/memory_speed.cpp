#include "runtime/cpu/memory_speed.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>

#include "base/error.h"
#include "runtime/cpu/aligned_buffer.h"

namespace dwubit {
namespace {

constexpr int kPasses = 5;
constexpr std::int64_t kUnitWords = std::int64_t{1} << 17;  // 1 MiB
using Words = std::uint64_t __attribute__((vector_size(64)));

double best_seconds(const std::function<void()>& pass) {
    double best = 1e30;
    for (int i = 0; i < kPasses; ++i) {
        const auto start = std::chrono::steady_clock::now();
        pass();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

// `n` a multiple of 32.
std::uint64_t add_up(const std::uint64_t* x, std::int64_t n) {
    Words sums[4] = {};
    Words part;
    for (std::int64_t i = 0; i < n; i += 32) {
        for (int j = 0; j < 4; ++j) {
            std::memcpy(&part, x + i + j * 8, sizeof part);
            sums[j] += part;
        }
    }
    const Words total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    std::uint64_t sum = 0;
    for (int j = 0; j < 8; ++j) sum += total[j];
    return sum;
}

}  // namespace

std::size_t beyond_caches() {
    // 0 or -1 where the system does not say; of a large processor the sum over parts that a core reaches one of.
    const long last_level = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
    constexpr std::size_t kLeast = std::size_t{128} << 20;
    return std::clamp(4 * static_cast<std::size_t>(std::max(0L, last_level)), kLeast, 2 * kLeast);
}

Result<MemorySpeed> measure_memory_speed(std::size_t bytes, ThreadPool& pool) {
    const std::int64_t units = std::max<std::int64_t>(1, static_cast<std::int64_t>(bytes / 8) / kUnitWords);
    const auto words = static_cast<std::size_t>(units * kUnitWords);
    AlignedBuffer<std::uint64_t> from;
    AlignedBuffer<std::uint64_t> to;
    try {
        from.reserve(words);
        to.reserve(words);
    } catch (const std::bad_alloc&) {
        return errorf(ErrorKind::kOutOfMemory, "measuring the memory's speed needs {} MB", words * 16 / 1000000);
    }
    // First touch by the threads that read later, and different pages: the kernel may map equal ones once.
    pool.parallel_for(units, [&](std::int64_t u) {
        for (std::int64_t i = u * kUnitWords; i < (u + 1) * kUnitWords; ++i) {
            from[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(i) * 0x9E3779B97F4A7C15u;
            to[static_cast<std::size_t>(i)] = 0;
        }
    });
    std::atomic<std::uint64_t> sum{0};
    const double read = best_seconds([&] {
        pool.parallel_for(units, [&](std::int64_t u) { sum += add_up(from.data() + u * kUnitWords, kUnitWords); });
    });
    const double copy = best_seconds([&] {
        pool.parallel_for(units, [&](std::int64_t u) {
            std::memcpy(to.data() + u * kUnitWords, from.data() + u * kUnitWords, kUnitWords * 8);
        });
    });
    const double gb = static_cast<double>(words) * 8e-9;
    return MemorySpeed{2 * gb / copy, gb / read};
}

}  // namespace dwubit
