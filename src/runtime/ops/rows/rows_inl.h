#pragma once

#include "runtime/cpu/math_inl.h"

namespace dwubit {
namespace {

using Quad = float __attribute__((vector_size(4 * sizeof(float))));

// The first two steps of add_lanes().
inline Quad fold_lanes(const Lanes& lanes) {
    Quad part[4];
    __builtin_memcpy(part, &lanes, sizeof lanes);
    return (part[0] + part[2]) + (part[1] + part[3]);
}

// scores[j] = add_lanes(sums[j]), with the additions of the last steps side by side.
inline void add_four_lanes(const Lanes* sums, float* scores) {
    Quad s[4];
    for (int j = 0; j < 4; ++j) s[j] = fold_lanes(sums[j]);
    const Quad a = __builtin_shufflevector(s[0], s[1], 0, 4, 1, 5);
    const Quad b = __builtin_shufflevector(s[2], s[3], 0, 4, 1, 5);
    const Quad c = __builtin_shufflevector(s[0], s[1], 2, 6, 3, 7);
    const Quad d = __builtin_shufflevector(s[2], s[3], 2, 6, 3, 7);
    const Quad even = __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(c, d, 0, 1, 4, 5);
    const Quad odd = __builtin_shufflevector(a, b, 2, 3, 6, 7) + __builtin_shufflevector(c, d, 2, 3, 6, 7);
    const Quad total = even + odd;
    __builtin_memcpy(scores, &total, sizeof total);
}

// kCount dot products at once, so that their chains of additions overlap; each runs as it does alone.
template <int kCount>
inline void dot_some_rows(const float* q, const float* rows, std::int64_t stride, std::int64_t dim, float* scores) {
    Lanes sums[kCount] = {};
    Lanes a;
    Lanes b;
    std::int64_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) {
        load_lanes(q + d, a);
        for (int j = 0; j < kCount; ++j) {
            load_lanes(rows + j * stride + d, b);
            sums[j] += a * b;
        }
    }
    if (d < dim) {
        load_part(q + d, dim - d, 0.0f, a);
        for (int j = 0; j < kCount; ++j) {
            load_part(rows + j * stride + d, dim - d, 0.0f, b);
            sums[j] += a * b;
        }
    }
    if constexpr (kCount == 4) {
        add_four_lanes(sums, scores);
    } else {
        for (int j = 0; j < kCount; ++j) scores[j] = add_lanes(sums[j]);
    }
}

inline void dot_rows_lanes(const float* q, const float* rows, std::int64_t stride, std::int64_t n, std::int64_t dim,
                           float* scores) {
    std::int64_t j = 0;
    for (; j + 4 <= n; j += 4) dot_some_rows<4>(q, rows + j * stride, stride, dim, scores + j);
    for (; j < n; ++j) dot_some_rows<1>(q, rows + j * stride, stride, dim, scores + j);
}

// kCount neighbouring lanes of `out`.
template <int kCount>
inline void add_rows_part(const float* weights, const float* rows, std::int64_t stride, std::int64_t n, float* out) {
    Lanes sums[kCount];
    Lanes x;
    for (int i = 0; i < kCount; ++i) load_lanes(out + i * kLanes, sums[i]);
    for (std::int64_t j = 0; j < n; ++j) {
        for (int i = 0; i < kCount; ++i) {
            load_lanes(rows + j * stride + i * kLanes, x);
            sums[i] += weights[j] * x;
        }
    }
    for (int i = 0; i < kCount; ++i) __builtin_memcpy(out + i * kLanes, &sums[i], sizeof sums[i]);
}

inline void add_rows_lanes(const float* weights, const float* rows, std::int64_t stride, std::int64_t n,
                           std::int64_t dim, float* out) {
    std::int64_t d = 0;
    for (; d + 4 * kLanes <= dim; d += 4 * kLanes) add_rows_part<4>(weights, rows + d, stride, n, out + d);
    for (; d + kLanes <= dim; d += kLanes) add_rows_part<1>(weights, rows + d, stride, n, out + d);
    for (; d < dim; ++d) {
        float sum = out[d];
        for (std::int64_t j = 0; j < n; ++j) sum += weights[j] * rows[j * stride + d];
        out[d] = sum;
    }
}

}  // namespace
}  // namespace dwubit
