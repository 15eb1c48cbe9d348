#include "lab/blocks/parallel_rows.h"

#include <algorithm>
#include <exception>
#include <vector>

namespace dwubit::lab {

void parallel_rows(std::int64_t rows, at::Device device, ThreadPool& pool,
                   const std::function<void(std::int64_t first, std::int64_t count)>& unit) {
    if (!device.is_cpu()) {
        unit(0, rows);
        return;
    }
    const std::int64_t units = (rows + kRowsPerUnit - 1) / kRowsPerUnit;
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(units));
    pool.parallel_for(units, [&](std::int64_t u) {
        try {
            unit(u * kRowsPerUnit, std::min(kRowsPerUnit, rows - u * kRowsPerUnit));
        } catch (...) {
            failures[static_cast<std::size_t>(u)] = std::current_exception();
        }
    });
    for (const std::exception_ptr& failure : failures) {
        if (failure) std::rethrow_exception(failure);
    }
}

}  // namespace dwubit::lab
