// The row kernels behind the ops, one per instruction set. Kernels state preconditions and do not validate; no pointer
// needs alignment; inputs and outputs may be the same array where the comment says so.
//
// Naming: <op>_<type>_<isa>. This header uses fixed-width types only: the *_avx* files include it.
#pragma once

#include <cstdint>

namespace dwubit {

// out[i] = x[i] * weight[i] / sqrt(mean(x^2) + eps), i < n. out may be x.
using RmsNormKernel = void (*)(const float* x, const float* weight, float eps, float* out, std::int64_t n);
void rms_norm_f32_ref(const float* x, const float* weight, float eps, float* out, std::int64_t n);
void rms_norm_f32_avx2(const float* x, const float* weight, float eps, float* out, std::int64_t n);
void rms_norm_f32_avx512(const float* x, const float* weight, float eps, float* out, std::int64_t n);

// Rotates the pairs (x[i], x[i + half]), i < half, by the angle whose cosine and sine are given; in place.
using RopeKernel = void (*)(float* x, const float* cosine, const float* sine, std::int64_t half);
void rope_f32_ref(float* x, const float* cosine, const float* sine, std::int64_t half);
void rope_f32_avx2(float* x, const float* cosine, const float* sine, std::int64_t half);
void rope_f32_avx512(float* x, const float* cosine, const float* sine, std::int64_t half);

// One step of a softmax over a row that comes in blocks: scores[i] becomes exp(scores[i] - max) with max the maximum
// so far, *running_max and *running_sum are brought up to date, and the factor exp(old max - new max) for what was
// accumulated before is returned. Before the first block: *running_max = -infinity, *running_sum = 0. n >= 1.
using SoftmaxBlockKernel = float (*)(float* scores, std::int64_t n, float* running_max, float* running_sum);
float softmax_block_f32_ref(float* scores, std::int64_t n, float* running_max, float* running_sum);
float softmax_block_f32_avx2(float* scores, std::int64_t n, float* running_max, float* running_sum);
float softmax_block_f32_avx512(float* scores, std::int64_t n, float* running_max, float* running_sum);

// log(sum(exp(x[i]))), i < n, n >= 1.
using LogSumExpKernel = float (*)(const float* x, std::int64_t n);
float log_sum_exp_f32_ref(const float* x, std::int64_t n);
float log_sum_exp_f32_avx2(const float* x, std::int64_t n);
float log_sum_exp_f32_avx512(const float* x, std::int64_t n);

// gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i], in place.
using SwigluKernel = void (*)(float* gate, const float* up, std::int64_t n);
void swiglu_f32_ref(float* gate, const float* up, std::int64_t n);
void swiglu_f32_avx2(float* gate, const float* up, std::int64_t n);
void swiglu_f32_avx512(float* gate, const float* up, std::int64_t n);

// out[i] += x[i].
using AddKernel = void (*)(const float* x, float* out, std::int64_t n);
void add_f32_ref(const float* x, float* out, std::int64_t n);
void add_f32_avx2(const float* x, float* out, std::int64_t n);
void add_f32_avx512(const float* x, float* out, std::int64_t n);

// out[i] = bf16 bits of x[i], round to nearest even, NaN kept.
using ToBf16Kernel = void (*)(const float* x, std::uint16_t* out, std::int64_t n);
void to_bf16_f32_ref(const float* x, std::uint16_t* out, std::int64_t n);
void to_bf16_f32_avx2(const float* x, std::uint16_t* out, std::int64_t n);
void to_bf16_f32_avx512(const float* x, std::uint16_t* out, std::int64_t n);
// For processors with AVX512-BF16. Subnormal inputs become zeros of their sign, as that instruction set has it.
void to_bf16_f32_avx512_bf16(const float* x, std::uint16_t* out, std::int64_t n);

// scores[j] = q . rows[j], j < n: vectors [dim], row j at rows + j * stride. A score is a function of its two vectors
// alone, the same bits at any place and for any n.
using DotRowsKernel = void (*)(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                               float* scores);
void dot_rows_f32_ref(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                      float* scores);
void dot_rows_f32_avx2(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                       float* scores);
void dot_rows_f32_avx512(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                         float* scores);

// out[d] += sum over j < n of weights[j] * rows[j][d], one after the other: n rows at once and the same rows in two
// calls give the same bits.
using AddRowsKernel = void (*)(const float* weights, const float* rows, std::int64_t stride, std::int64_t n,
                               std::int64_t dim, float* out);
void add_rows_f32_ref(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                      float* out);
void add_rows_f32_avx2(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                       float* out);
void add_rows_f32_avx512(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                         float* out);

// out[i] = x[i], whose bits are those of a bf16 or an f16.
using FromHalfKernel = void (*)(const std::uint16_t* x, float* out, std::int64_t n);
void from_bf16_f32_ref(const std::uint16_t* x, float* out, std::int64_t n);
void from_bf16_f32_avx2(const std::uint16_t* x, float* out, std::int64_t n);
void from_bf16_f32_avx512(const std::uint16_t* x, float* out, std::int64_t n);
void from_f16_f32_ref(const std::uint16_t* x, float* out, std::int64_t n);
void from_f16_f32_avx2(const std::uint16_t* x, float* out, std::int64_t n);
void from_f16_f32_avx512(const std::uint16_t* x, float* out, std::int64_t n);

// out[i] = f16 bits of x[i], round to nearest even; overflow becomes infinity.
using ToF16Kernel = void (*)(const float* x, std::uint16_t* out, std::int64_t n);
void to_f16_f32_ref(const float* x, std::uint16_t* out, std::int64_t n);
void to_f16_f32_avx2(const float* x, std::uint16_t* out, std::int64_t n);
void to_f16_f32_avx512(const float* x, std::uint16_t* out, std::int64_t n);

// out[i] = scale * x[i].
using FromInt8Kernel = void (*)(const std::int8_t* x, float scale, float* out, std::int64_t n);
void from_int8_f32_ref(const std::int8_t* x, float scale, float* out, std::int64_t n);
void from_int8_f32_avx2(const std::int8_t* x, float scale, float* out, std::int64_t n);
void from_int8_f32_avx512(const std::int8_t* x, float scale, float* out, std::int64_t n);

// out[i] = round(x[i] / s) with s = max |x| / 127, which is returned. x finite.
using ToInt8Kernel = float (*)(const float* x, std::int8_t* out, std::int64_t n);
float to_int8_f32_ref(const float* x, std::int8_t* out, std::int64_t n);
float to_int8_f32_avx2(const float* x, std::int8_t* out, std::int64_t n);
float to_int8_f32_avx512(const float* x, std::int8_t* out, std::int64_t n);

// The first place of the largest x[i], i < n; -1 if all are -infinity; -2 - i for the first x[i] that is NaN.
using ArgmaxKernel = std::int64_t (*)(const float* x, std::int64_t n);
std::int64_t argmax_f32_ref(const float* x, std::int64_t n);
std::int64_t argmax_f32_avx2(const float* x, std::int64_t n);
std::int64_t argmax_f32_avx512(const float* x, std::int64_t n);

}  // namespace dwubit
