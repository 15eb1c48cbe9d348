// Row blocks as units of work: rows of a weight matrix are independent for most solvers.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <functional>

#include "base/thread_pool.h"

namespace dwubit::lab {

// Rows per unit on the CPU; fixed, so that results do not depend on the number of threads.
inline constexpr std::int64_t kRowsPerUnit = 128;

// Calls unit(first, count) for blocks of rows that tile [0, rows): on the CPU kRowsPerUnit each, on any thread; on
// another device all rows at once. What a unit throws is thrown here, of several the one with the first rows.
void parallel_rows(std::int64_t rows, at::Device device, ThreadPool& pool,
                   const std::function<void(std::int64_t first, std::int64_t count)>& unit);

}  // namespace dwubit::lab
