// Units of tensor work on the thread pool: what they throw reaches the caller.
#pragma once

#include <cstdint>
#include <functional>

#include "base/thread_pool.h"

namespace dwubit::lab {

// unit(i) for each i in [0, count) on the pool, each with one torch thread. Of what they throw, the lowest i's is
// thrown again once all are done; units that have not begun by then are left out.
void run_units(ThreadPool& pool, std::int64_t count, const std::function<void(std::int64_t)>& unit);

}  // namespace dwubit::lab
