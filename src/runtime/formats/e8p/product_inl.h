// The loops of the int8 kernels around one row of W.
#pragma once

#include <cstdint>

#include "runtime/formats/e8p/arrange_inl.h"
#include "runtime/formats/product_rows_inl.h"

namespace dwubit::e8p {
namespace {

// RowKernel: made of a Matrix, with dot_row<kBits, kResidual, kCount>(x, row, y, stride): one row of W times kCount
// rows of x, y[i * stride]. A row's sums run in one order whatever kCount is.
template <class RowKernel, int kBits, bool kResidual>
inline void product_bits(const Matrix& m, const unsigned char* x, std::int64_t rows, std::int64_t first,
                         std::int64_t columns, float* y) {
    const RowKernel kernel(m);
    const std::int64_t step = chunks(m) * arranged_int8(kResidual).stride;
    const auto dot_row = [&]<int kCount>(const unsigned char* some, std::int64_t row, float* to, std::int64_t stride) {
        kernel.template dot_row<kBits, kResidual, kCount>(some, row, to, stride);
    };
    product_rows(dot_row, x, step, rows, first, columns, y);
}

template <class RowKernel, bool kResidual>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product_bits<RowKernel, 2, kResidual>(m, bytes, rows, first, columns, y);
    if (m.bits == 3) return product_bits<RowKernel, 3, kResidual>(m, bytes, rows, first, columns, y);
    product_bits<RowKernel, 4, kResidual>(m, bytes, rows, first, columns, y);
}

}  // namespace
}  // namespace dwubit::e8p
