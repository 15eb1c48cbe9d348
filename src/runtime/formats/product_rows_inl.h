// The loops of a gemv around one row of W: rows of activations four at a time, then one by one.
#pragma once

#include <cstdint>

namespace dwubit {
namespace {

// dot_row.template operator()<kCount>(x, row, y, stride): row `row` of W times kCount rows of x, y[i * stride]. A row's
// sums must run in one order whatever kCount is. Rows of x are `step` bytes apart.
template <class DotRow>
inline void product_rows(const DotRow& dot_row, const unsigned char* x, std::int64_t step, std::int64_t rows,
                         std::int64_t first, std::int64_t columns, float* y) {
    std::int64_t done = 0;
    for (; done + 4 <= rows; done += 4) {
        for (std::int64_t j = 0; j < columns; ++j) {
            dot_row.template operator()<4>(x + done * step, first + j, y + done * columns + j, columns);
        }
    }
    for (; done < rows; ++done) {
        for (std::int64_t j = 0; j < columns; ++j) {
            dot_row.template operator()<1>(x + done * step, first + j, y + done * columns + j, columns);
        }
    }
}

}  // namespace
}  // namespace dwubit
