#include <algorithm>

#include "runtime/transforms/hadamard/kernels.h"

namespace dwubit {
namespace {

template <class T>
void butterfly(T* a, T* b, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        const T sum = a[i] + b[i];
        b[i] = a[i] - b[i];
        a[i] = sum;
    }
}

template <class T>
void fwht(T* x, int log2) {
    const std::int64_t n = std::int64_t{1} << log2;
    for (std::int64_t half = 1; half < n; half *= 2) {
        for (std::int64_t i = 0; i < n; i += 2 * half) butterfly(x + i, x + i + half, half);
    }
}

template <class T>
void mix(const float* matrix, int order, const T* x, std::int64_t stride, T* y) {
    for (int i = 0; i < order; ++i) {
        T* const row = y + i * stride;
        std::fill_n(row, stride, T{0});
        for (int k = 0; k < order; ++k) {
            const T sign = matrix[i * order + k];
            for (std::int64_t j = 0; j < stride; ++j) row[j] += sign * x[k * stride + j];
        }
    }
}

}  // namespace

void scale_f32_ref(const float* f, float* x, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) x[i] *= f[i];
}

void fwht_f32_ref(float* x, int log2) {
    fwht(x, log2);
}

void butterfly_f32_ref(float* a, float* b, std::int64_t n) {
    butterfly(a, b, n);
}

void mix_f32_ref(const float* matrix, int order, const float* x, std::int64_t stride, float* y) {
    mix(matrix, order, x, stride, y);
}

void fwht_f64_ref(double* x, int log2) {
    fwht(x, log2);
}

void butterfly_f64_ref(double* a, double* b, std::int64_t n) {
    butterfly(a, b, n);
}

void mix_f64_ref(const float* matrix, int order, const double* x, std::int64_t stride, double* y) {
    mix(matrix, order, x, stride, y);
}

}  // namespace dwubit
