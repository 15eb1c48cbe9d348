#include "lab/hessian/accumulate.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "lab/units.h"

namespace dwubit::lab {
namespace {

// A tile on the CPU: low, to leave little of the upper triangle to compute; wide, for the products to run at full rate.
constexpr std::int64_t kTileRows = 256;
constexpr std::int64_t kTileColumns = 1024;

at::TensorOptions doubles(at::Device device) {
    return at::TensorOptions().dtype(at::kDouble).device(device);
}

// Column sums in float64. On the CPU libtorch would first make a float64 copy of all rows.
at::Tensor column_sums(const at::Tensor& rows) {
    if (!rows.device().is_cpu()) return rows.sum({0}, /*keepdim=*/false, at::kDouble).cpu();
    const std::int64_t n = rows.size(1);
    at::Tensor sums = at::zeros({n}, at::kDouble);
    double* const out = sums.data_ptr<double>();
    const float* row = rows.data_ptr<float>();
    for (std::int64_t r = 0; r < rows.size(0); ++r, row += n) {
        for (std::int64_t c = 0; c < n; ++c) out[c] += static_cast<double>(row[c]);
    }
    return sums;
}

bool all_finite(const at::Tensor& values) {
    return at::isfinite(values).all().item<bool>();
}

}  // namespace

RowSums clean_rows(at::Tensor& rows) {
    DWUBIT_CHECK(rows.dim() == 2 && rows.is_contiguous() && rows.scalar_type() == at::kFloat);
    RowSums result{column_sums(rows), rows.size(0), 0, 0};
    // NaN and infinity survive a sum in float64, and nothing else makes one there.
    if (all_finite(result.sum)) return result;
    const at::Tensor bad = at::isfinite(rows).all(1).logical_not();
    const at::Tensor where = bad.nonzero().cpu();
    rows.masked_fill_(bad.unsqueeze(1), 0);
    result.sum = column_sums(rows);
    result.nonfinite = where.size(0);
    result.first_nonfinite = where[0][0].item<std::int64_t>();
    result.rows -= result.nonfinite;
    return result;
}

HessianSum::HessianSum(std::int64_t n, at::Device device) : n_(n), mean_sum_(at::zeros({n}, at::kDouble)) {
    DWUBIT_CHECK(n > 0);
    const std::int64_t height = device.is_cpu() ? kTileRows : n;
    const std::int64_t width = device.is_cpu() ? kTileColumns : n;
    for (std::int64_t row = 0; row < n; row += height) {
        const std::int64_t end = std::min(row + height, n);
        for (std::int64_t column = 0; column < end; column += width) {
            tiles_.push_back({row, column, at::zeros({end - row, std::min(width, end - column)}, doubles(device))});
        }
    }
}

void HessianSum::add_products(std::int64_t tile, const at::Tensor& rows) {
    DWUBIT_CHECK(rows.size(0) <= kMaxChunkRows && rows.size(1) == n_);
    Tile& t = tiles_[static_cast<std::size_t>(tile)];
    const at::Tensor left = rows.narrow(1, t.row, t.sum.size(0));
    const at::Tensor right = rows.narrow(1, t.column, t.sum.size(1));
    t.sum.add_(at::mm(left.t(), right));
}

void HessianSum::add_sums(const RowSums& sums) {
    mean_sum_.add_(sums.sum);
    rows_ += sums.rows;
    nonfinite_ += sums.nonfinite;
}

Hessian HessianSum::finish(ThreadPool& pool) const {
    DWUBIT_CHECK(rows_ > 0);
    Hessian result;
    result.n = n_;
    result.ct = rows_;
    result.nonfinite = nonfinite_;
    result.triangle.resize(static_cast<std::size_t>(n_ * (n_ + 1) / 2));
    result.mu.resize(static_cast<std::size_t>(n_));
    const auto count = static_cast<double>(rows_);
    struct Band {
        const Tile* tile;
        std::int64_t first;  // row of the tile
    };
    std::vector<Band> bands;
    for (const Tile& tile : tiles_) {
        for (std::int64_t first = 0; first < tile.sum.size(0); first += kTileRows) bands.push_back({&tile, first});
    }
    run_units(pool, static_cast<std::int64_t>(bands.size()), [&](std::int64_t i) {
        const auto [tile, first] = bands[static_cast<std::size_t>(i)];
        const std::int64_t rows = std::min(kTileRows, tile->sum.size(0) - first);
        // Of a tile on the diagonal nothing to the right of its last row's end.
        const std::int64_t row = tile->row + first;
        const std::int64_t width = std::min(tile->sum.size(1), row + rows - tile->column);
        const at::Tensor sums = tile->sum.narrow(0, first, rows).narrow(1, 0, width);
        const at::Tensor means = sums.div(count).to(at::kFloat).cpu().contiguous();
        const float* values = means.data_ptr<float>();
        for (std::int64_t r = row; r < row + rows; ++r, values += width) {
            const std::int64_t columns = std::min(width, r + 1 - tile->column);
            if (columns > 0) std::copy_n(values, columns, result.triangle.data() + r * (r + 1) / 2 + tile->column);
        }
    });
    const double* const sums = mean_sum_.data_ptr<double>();
    for (std::int64_t i = 0; i < n_; ++i) result.mu[static_cast<std::size_t>(i)] = static_cast<float>(sums[i] / count);
    return result;
}

}  // namespace dwubit::lab
