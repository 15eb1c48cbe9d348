// A weight matrix W [n, k] ready for y = x Wᵀ, and how products with it are cut into units of work.
//
// A unit is a block of rows times a panel of output features; the cut depends on shapes only. Panels keep the weights
// of a unit in cache (all features at once would stream the whole matrix from memory for every block of rows) and give
// one row of activations several units.
#pragma once

#include <cstdint>

#include "base/span.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/activations.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {

// A part of a product: y[r, c] belongs to row first_row + r and output feature first_column + c.
struct Panel {
    std::int64_t first_row = 0;
    std::int64_t first_column = 0;
    MatrixView<float> y;
};

// Thread-safe.
class Weight {
public:
    // Rows per unit.
    static constexpr std::int64_t kRowBlock = 256;

    virtual ~Weight() = default;

    std::int64_t out_features() const { return n_; }
    std::int64_t in_features() const { return k_; }
    // The form of activations that a product of this many rows reads (`blocked` as in Activations).
    virtual GemmType input(std::int64_t rows, bool blocked) const = 0;

    // Units of a product with this many rows.
    std::int64_t units(std::int64_t rows) const;

    // One of them, on the calling thread. x: [rows, k] in the form that input() says. The panel lies in `room`.
    Panel run_unit(const Activations& x, std::int64_t unit, AlignedBuffer<float>& room) const;

protected:
    Weight(std::int64_t n, std::int64_t k) : n_(n), k_(k) {}
    Weight(Weight&&) = default;
    Weight& operator=(Weight&&) = default;

    // Up to so many rows kernels that stream the weights do the product, above it the GEMM library. Never for blocked
    // activations, whose rows must not see how many they are.
    static constexpr std::int64_t kFewRows = 8;
    static bool few(std::int64_t rows, bool blocked) { return rows <= kFewRows && !blocked; }

private:
    // y[r, j] = x[first_row + r] . W[first + j], j < columns <= PackedMatrix::kPanel; `first` is a multiple of kPanel.
    // y: [rows, columns] without gaps. Each product of the library takes `step` rows, the last the rest.
    virtual void multiply(const Activations& x, std::int64_t first_row, std::int64_t rows, std::int64_t step,
                          std::int64_t first, std::int64_t columns, float* y) const = 0;

    std::int64_t n_;
    std::int64_t k_;
};

}  // namespace dwubit
