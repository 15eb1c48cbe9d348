// Sums x xT of many rows: float32 products over chunks of rows, added in the caller's order to a float64 master.
//
// The same chunks in the same order give the same bytes, whichever threads did the tiles.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "hessians/hessian_store.h"

namespace dwubit::lab {

// Rows that one float32 product may span: longer sums lose digits that the master cannot give back.
inline constexpr std::int64_t kMaxChunkRows = 4096;

// What clean_rows() saw in a chunk.
struct RowSums {
    at::Tensor sum;                    // [n] float64 on the CPU, over the finite rows
    std::int64_t rows = 0;             // finite ones
    std::int64_t nonfinite = 0;        // others
    std::int64_t first_nonfinite = 0;  // row number, where there is one
};

// Sets rows [rows, n] float32 with NaN or infinity to zero, in place, and sums the columns.
RowSums clean_rows(at::Tensor& rows);

class HessianSum {
public:
    // n x n, in tiles of the lower triangle on the CPU, as one tile on other devices.
    HessianSum(std::int64_t n, at::Device device);

    std::int64_t n() const { return n_; }
    std::int64_t tiles() const { return static_cast<std::int64_t>(tiles_.size()); }

    // Adds xT x of rows [<= kMaxChunkRows, n] float32 to one tile. Different tiles may be added to at once.
    void add_products(std::int64_t tile, const at::Tensor& rows);
    // Adds what clean_rows() found in the same rows.
    void add_sums(const RowSums& sums);

    std::int64_t rows() const { return rows_; }
    std::int64_t nonfinite() const { return nonfinite_; }

    // sum x xT / rows, sum x / rows, made on the pool. At least one row was finite.
    Hessian finish(ThreadPool& pool) const;

private:
    struct Tile {
        std::int64_t row = 0;     // of its first element
        std::int64_t column = 0;  // <= row
        at::Tensor sum;           // float64
    };

    std::int64_t n_;
    std::vector<Tile> tiles_;
    at::Tensor mean_sum_;  // [n] float64
    std::int64_t rows_ = 0;
    std::int64_t nonfinite_ = 0;
};

}  // namespace dwubit::lab
