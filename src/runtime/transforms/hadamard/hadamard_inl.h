// The vector kernels of Hadamard matrices, for hadamard_avx2.cpp and hadamard_avx512.cpp: 16 lanes, which AVX2 takes in
// two registers. Additions are those of hadamard_ref.cpp in the same order, so that the bits are the same.
#pragma once

#include <cstdint>

namespace dwubit {
namespace {

constexpr std::int64_t kLanes = 16;
using Floats = float __attribute__((vector_size(kLanes * sizeof(float))));
using Ints = std::int32_t __attribute__((vector_size(kLanes * sizeof(float))));

// Vectors are passed by reference: AVX2 has no register for one.
inline void load(const float* x, Floats& v) {
    __builtin_memcpy(&v, x, sizeof v);
}

inline void store(float* x, const Floats& v) {
    __builtin_memcpy(x, &v, sizeof v);
}

inline void scale_lanes(const float* f, float* x, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        Floats v;
        Floats factor;
        load(x + i, v);
        load(f + i, factor);
        store(x + i, v * factor);
    }
    for (; i < n; ++i) x[i] *= f[i];
}

inline void butterfly_lanes(float* a, float* b, std::int64_t n) {
    std::int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        Floats p;
        Floats q;
        load(a + i, p);
        load(b + i, q);
        store(a + i, p + q);
        store(b + i, p - q);
    }
    for (; i < n; ++i) {
        const float sum = a[i] + b[i];
        b[i] = a[i] - b[i];
        a[i] = sum;
    }
}

// Two stages in one pass over the memory.
inline void butterfly4_lanes(float* x, std::int64_t half) {
    for (std::int64_t i = 0; i < half; i += kLanes) {
        Floats a;
        Floats b;
        Floats c;
        Floats d;
        load(x + i, a);
        load(x + i + half, b);
        load(x + i + 2 * half, c);
        load(x + i + 3 * half, d);
        const Floats ab = a + b;
        const Floats a_b = a - b;
        const Floats cd = c + d;
        const Floats c_d = c - d;
        store(x + i, ab + cd);
        store(x + i + half, a_b + c_d);
        store(x + i + 2 * half, ab - cd);
        store(x + i + 3 * half, a_b - c_d);
    }
}

// A lane whose place has bit `half` becomes partner - itself, the other one partner + itself. -0.0f as integer flips a
// sign.
#define DWUBIT_HADAMARD_STAGE(v, half, ...)                                                               \
    do {                                                                                                  \
        constexpr std::int32_t kFlip = INT32_MIN;                                                         \
        Ints flip;                                                                                        \
        for (std::int32_t lane = 0; lane < kLanes; ++lane) flip[lane] = (lane & (half)) != 0 ? kFlip : 0; \
        const Floats partner = __builtin_shufflevector(v, v, __VA_ARGS__);                                \
        Ints own;                                                                                         \
        __builtin_memcpy(&own, &(v), sizeof own);                                                         \
        own ^= flip;                                                                                      \
        Floats signed_own;                                                                                \
        __builtin_memcpy(&signed_own, &own, sizeof own);                                                  \
        (v) = partner + signed_own;                                                                       \
    } while (false)

// The transform of 16 neighbours.
inline void fwht16(Floats& v) {
    DWUBIT_HADAMARD_STAGE(v, 1, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    DWUBIT_HADAMARD_STAGE(v, 2, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    DWUBIT_HADAMARD_STAGE(v, 4, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
    DWUBIT_HADAMARD_STAGE(v, 8, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}
#undef DWUBIT_HADAMARD_STAGE

inline void fwht_lanes(float* x, int log2) {
    const std::int64_t n = std::int64_t{1} << log2;
    if (n < kLanes) {
        for (std::int64_t half = 1; half < n; half *= 2) {
            for (std::int64_t i = 0; i < n; i += 2 * half) butterfly_lanes(x + i, x + i + half, half);
        }
        return;
    }
    for (std::int64_t i = 0; i < n; i += kLanes) {
        Floats v;
        load(x + i, v);
        fwht16(v);
        store(x + i, v);
    }
    std::int64_t half = kLanes;
    for (; 4 * half <= n; half *= 4) {
        for (std::int64_t i = 0; i < n; i += 4 * half) butterfly4_lanes(x + i, half);
    }
    if (2 * half <= n) butterfly_lanes(x, x + half, half);
}

// kRows output rows times kVectors vectors of columns, whose sums stay in registers.
template <int kRows, int kVectors>
void mix_tile(const float* matrix, int order, const float* x, std::int64_t stride, float* y) {
    Floats sums[kRows][kVectors] = {};
    for (int k = 0; k < order; ++k) {
        for (int v = 0; v < kVectors; ++v) {
            Floats column;
            load(x + k * stride + v * kLanes, column);
            // the products are exact, so that a fused multiply-add is the addition
            for (int r = 0; r < kRows; ++r) sums[r][v] += matrix[r * order + k] * column;
        }
    }
    for (int r = 0; r < kRows; ++r) {
        for (int v = 0; v < kVectors; ++v) store(y + r * stride + v * kLanes, sums[r][v]);
    }
}

template <int kRows, int kVectors>
void mix_lanes(const float* matrix, int order, const float* x, std::int64_t stride, float* y) {
    std::int64_t j = 0;
    for (; j + kVectors * kLanes <= stride; j += kVectors * kLanes) {
        for (int i = 0; i < order; i += kRows) {
            mix_tile<kRows, kVectors>(matrix + i * order, order, x + j, stride, y + i * stride + j);
        }
    }
    for (; j + kLanes <= stride; j += kLanes) {
        for (int i = 0; i < order; i += kRows) {
            mix_tile<kRows, 1>(matrix + i * order, order, x + j, stride, y + i * stride + j);
        }
    }
    for (; j < stride; ++j) {
        for (int i = 0; i < order; ++i) {
            float sum = 0;
            for (int k = 0; k < order; ++k) sum += matrix[i * order + k] * x[k * stride + j];
            y[i * stride + j] = sum;
        }
    }
}

}  // namespace
}  // namespace dwubit
