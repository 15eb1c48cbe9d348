#include "lab/units.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <atomic>
#include <exception>
#include <vector>

namespace dwubit::lab {

void run_units(ThreadPool& pool, std::int64_t count, const std::function<void(std::int64_t)>& unit) {
    std::vector<std::exception_ptr> thrown(static_cast<std::size_t>(count));
    std::atomic<bool> failed = false;
    pool.parallel_for(count, [&](std::int64_t i) {
        if (failed.load(std::memory_order_relaxed)) return;
        at::get_num_threads();  // a thread new to torch takes over the setting of configure_torch() here
        try {
            unit(i);
        } catch (...) {
            thrown[static_cast<std::size_t>(i)] = std::current_exception();
            failed.store(true, std::memory_order_relaxed);
        }
    });
    for (const std::exception_ptr& exception : thrown) {
        if (exception != nullptr) std::rethrow_exception(exception);
    }
}

}  // namespace dwubit::lab
