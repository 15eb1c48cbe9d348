#include "runtime/gemm/weight.h"

#include <algorithm>

#include "base/check.h"

namespace dwubit {
namespace {

static_assert(Weight::kRowBlock % Activations::kBlockRows == 0);

std::int64_t blocks(std::int64_t count, std::int64_t size) {
    return (count + size - 1) / size;
}

}  // namespace

std::int64_t Weight::units(std::int64_t rows) const {
    return blocks(rows, kRowBlock) * blocks(n_, kPanel);
}

Panel Weight::run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const {
    DWUBIT_CHECK(x.cols() == k_);
    const std::int64_t row_blocks = blocks(x.rows(), kRowBlock);
    const std::int64_t first_row = unit % row_blocks * kRowBlock;
    const std::int64_t first_column = unit / row_blocks * kPanel;
    const std::int64_t rows = std::min(kRowBlock, x.rows() - first_row);
    const std::int64_t columns = std::min(kPanel, n_ - first_column);
    const std::int64_t step = x.blocked() ? Activations::kBlockRows : rows;
    const std::int64_t computed = blocks(rows, step) * step;
    float* const y = room.reserve(static_cast<std::size_t>(computed * columns));
    multiply(x, first_row, computed, step, first_column, columns, y);
    return {first_row, first_column, {y, rows, columns}};
}

}  // namespace dwubit
