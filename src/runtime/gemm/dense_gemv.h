// Products of a few rows with plain row-major weights, streamed as the checkpoint has them: W [n, k] at any address, up
// to kMaxRows rows of activations. Memory sets their speed. Fixed-width types only: the *_avx* files include it.
#pragma once

#include <cstdint>

namespace dwubit {

// y[r, j] = x[r] . W[j] for j < columns; w: the first of these rows of W; x: [rows, k], y: [rows, columns], without
// gaps. A row's result does not depend on the other rows.
using DenseGemv = void (*)(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns,
                           float* y);

#define DWUBIT_DENSE_GEMV(name)                                                                                   \
    void dense_gemv_##name(const void* w, std::int64_t k, const void* x, std::int64_t rows, std::int64_t columns, \
                           float* y)

// <type of the weights>_<type of the activations>_<isa>
DWUBIT_DENSE_GEMV(bf16_f32_ref);
DWUBIT_DENSE_GEMV(f16_f32_ref);
DWUBIT_DENSE_GEMV(f32_f32_ref);
DWUBIT_DENSE_GEMV(bf16_bf16_ref);
DWUBIT_DENSE_GEMV(bf16_f32_avx2);
DWUBIT_DENSE_GEMV(f16_f32_avx2);
DWUBIT_DENSE_GEMV(f32_f32_avx2);
DWUBIT_DENSE_GEMV(bf16_f32_avx512);
DWUBIT_DENSE_GEMV(f16_f32_avx512);
DWUBIT_DENSE_GEMV(f32_f32_avx512);
// For processors with AVX512-BF16; subnormal numbers count as zero, as that instruction set has it.
DWUBIT_DENSE_GEMV(bf16_bf16_avx512_bf16);

#undef DWUBIT_DENSE_GEMV

}  // namespace dwubit
