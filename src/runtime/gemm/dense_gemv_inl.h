// The loops around a vector type of one instruction set. `V` has: kStep columns per step, Sum, zero(), total(Sum), a
// Weights type with load(w, i) and load_part(w, i, n), and fma(Weights, x, i, Sum), fma_part(Weights, x, i, n, Sum).
#pragma once

#include <cstdint>

namespace dwubit {
namespace {

// Bytes ahead in each row of W that are asked for from memory.
constexpr std::int64_t kDenseAhead = 4096;

// kRows rows of W times kCount rows of x. A row's sums run in one order whatever kRows and kCount are.
template <class V, int kRows, int kCount>
inline void dense_dots(const typename V::Weight* w, std::int64_t k, const typename V::Input* x, float* y,
                       std::int64_t columns) {
    typename V::Sum sums[kRows][kCount];
    for (int r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) sums[r][i] = V::zero();
    }
    std::int64_t at = 0;
    for (; at + V::kStep <= k; at += V::kStep) {
        for (int r = 0; r < kRows; ++r) {
            const typename V::Weight* const row = w + r * k + at;
            __builtin_prefetch(reinterpret_cast<const char*>(row) + kDenseAhead, 0, 3);
            const auto weights = V::load(row);
            for (int i = 0; i < kCount; ++i) sums[r][i] = V::fma(weights, x + i * k + at, sums[r][i]);
        }
    }
    if (at < k) {
        for (int r = 0; r < kRows; ++r) {
            const auto weights = V::load_part(w + r * k + at, k - at);
            for (int i = 0; i < kCount; ++i) sums[r][i] = V::fma_part(weights, x + i * k + at, k - at, sums[r][i]);
        }
    }
    for (int r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) y[i * columns + r] = V::total(sums[r][i]);
    }
}

template <class V, int kCount>
inline void dense_columns(const typename V::Weight* w, std::int64_t k, const typename V::Input* x, std::int64_t columns,
                          float* y) {
    constexpr int kRows = kCount == 1 ? 4 : V::kSums / kCount;
    std::int64_t j = 0;
    for (; j + kRows <= columns; j += kRows) dense_dots<V, kRows, kCount>(w + j * k, k, x, y + j, columns);
    for (; j < columns; ++j) dense_dots<V, 1, kCount>(w + j * k, k, x, y + j, columns);
}

template <class V>
inline void dense_gemv(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                       float* y) {
    const auto* const weights = static_cast<const typename V::Weight*>(w);
    const auto* const inputs = static_cast<const typename V::Input*>(x);
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4) dense_columns<V, 4>(weights, k, inputs + r * k, columns, y + r * columns);
    for (; r + 2 <= rows; r += 2) dense_columns<V, 2>(weights, k, inputs + r * k, columns, y + r * columns);
    if (r < rows) dense_columns<V, 1>(weights, k, inputs + r * k, columns, y + r * columns);
}

}  // namespace
}  // namespace dwubit
