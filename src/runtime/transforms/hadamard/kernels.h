// The kernels of transforms made of Hadamard matrices. All levels give the same bits: every output is the same
// additions in the same order.
#pragma once

#include <cstdint>

namespace dwubit {

// x[i] *= f[i], i < n.
using ScaleKernel = void (*)(const float* f, float* x, std::int64_t n);
// Sylvester's matrix of 2^log2, without normalisation, times x [2^log2] in place: butterflies of neighbours first.
using FwhtKernel = void (*)(float* x, int log2);
// (a, b) becomes (a + b, a - b), element by element: a butterfly of runs of n.
using ButterflyKernel = void (*)(float* a, float* b, std::int64_t n);
// y[i, j] = sum over k of matrix[i, k] x[k, j], added from k = 0 on. matrix: [order, order], row-major, +1 and -1;
// order a multiple of 4. x, y: [order, stride].
using MixKernel = void (*)(const float* matrix, int order, const float* x, std::int64_t stride, float* y);

void scale_f32_ref(const float* f, float* x, std::int64_t n);
void scale_f32_avx2(const float* f, float* x, std::int64_t n);
void scale_f32_avx512(const float* f, float* x, std::int64_t n);
void fwht_f32_ref(float* x, int log2);
void fwht_f32_avx2(float* x, int log2);
void fwht_f32_avx512(float* x, int log2);
void butterfly_f32_ref(float* a, float* b, std::int64_t n);
void butterfly_f32_avx2(float* a, float* b, std::int64_t n);
void butterfly_f32_avx512(float* a, float* b, std::int64_t n);
void mix_f32_ref(const float* matrix, int order, const float* x, std::int64_t stride, float* y);
void mix_f32_avx2(const float* matrix, int order, const float* x, std::int64_t stride, float* y);
void mix_f32_avx512(const float* matrix, int order, const float* x, std::int64_t stride, float* y);

// For float64, which only methods use.
void fwht_f64_ref(double* x, int log2);
void butterfly_f64_ref(double* a, double* b, std::int64_t n);
void mix_f64_ref(const float* matrix, int order, const double* x, std::int64_t stride, double* y);

}  // namespace dwubit
