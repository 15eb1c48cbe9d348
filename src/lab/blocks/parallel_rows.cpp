#include "lab/blocks/parallel_rows.h"

#include <algorithm>

#include "lab/units.h"

namespace dwubit::lab {

void parallel_rows(std::int64_t rows, at::Device device, ThreadPool& pool,
                   const std::function<void(std::int64_t first, std::int64_t count)>& unit) {
    if (!device.is_cpu()) {
        unit(0, rows);
        return;
    }
    const std::int64_t units = (rows + kRowsPerUnit - 1) / kRowsPerUnit;
    run_units(pool, units,
              [&](std::int64_t u) { unit(u * kRowsPerUnit, std::min(kRowsPerUnit, rows - u * kRowsPerUnit)); });
}

}  // namespace dwubit::lab
