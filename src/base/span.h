// Shapes and two-dimensional views. Views own nothing; the caller keeps the memory alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace dwubit {

// Extents, outermost first. Empty = scalar (one element).
using Shape = std::vector<std::int64_t>;

// "[4096, 512]"
std::string to_string(const Shape& shape);

// The product of the extents; false when one is negative or the product passes 2^63-1.
bool element_count(const Shape& shape, std::int64_t* count);

// rows x cols elements of T in row-major order; row r starts at data + r * stride.
template <class T>
struct MatrixView {
    T* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t stride = 0;  // elements between rows, >= cols

    MatrixView() = default;
    MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_) : MatrixView(data_, rows_, cols_, cols_) {}
    MatrixView(T* data_, std::int64_t rows_, std::int64_t cols_, std::int64_t stride_)
        : data(data_), rows(rows_), cols(cols_), stride(stride_) {
        DWUBIT_CHECK(rows >= 0 && cols >= 0 && stride >= cols);
    }

    std::span<T> row(std::int64_t r) const { return {data + r * stride, static_cast<std::size_t>(cols)}; }
    T& operator()(std::int64_t r, std::int64_t c) const { return data[r * stride + c]; }
    MatrixView row_range(std::int64_t first, std::int64_t count) const {
        DWUBIT_CHECK(first >= 0 && count >= 0 && first + count <= rows);
        return {data + first * stride, count, cols, stride};
    }
    operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

}  // namespace dwubit
