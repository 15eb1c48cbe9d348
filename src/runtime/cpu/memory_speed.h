// What the memory can do, measured: the bound of everything that reads its data once, as decoding reads the weights.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "dwubit/result.h"

namespace dwubit {

// GB/s (1e9 bytes), the best of several passes on the pool's threads.
struct MemorySpeed {
    double copy = 0;  // memcpy, bytes read + bytes written, as STREAM's Copy counts
    double read = 0;  // adding up, bytes read
};

// Bytes that no core's caches hold: four times the last level's, at least 128 and at most 256 MiB.
std::size_t beyond_caches();

// Over two arrays of `bytes` each. OutOfMemory where they do not fit.
Result<MemorySpeed> measure_memory_speed(std::size_t bytes, ThreadPool& pool);

}  // namespace dwubit
