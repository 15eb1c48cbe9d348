// The search of 16 vectors at a time, for the *_avx2.cpp and *_avx512.cpp files; each brings its own best_point(). Both
// give the same bits: element by element the same operations.
#pragma once

#include <cstdint>

#include "lab/kernels/e8p_search.h"

namespace dwubit {
namespace {

constexpr std::int64_t kVectors = 16;
using Floats = float __attribute__((vector_size(64)));
using Ints = std::int32_t __attribute__((vector_size(64)));

// The point of highest score among lanes that each found their first one.
template <int N>
int first_highest(const float (&score)[N], const std::int32_t (&point)[N]) {
    int best = 0;
    for (int j = 1; j < N; ++j) {
        if (score[j] > score[best] || (score[j] == score[best] && point[j] < point[best])) best = j;
    }
    return point[best];
}

// One coordinate of vectors [0, n), zeros behind.
inline void load_vectors(const float* x, std::int64_t n, Floats& lanes) {
    if (n == kVectors) {
        __builtin_memcpy(&lanes, x, sizeof lanes);
        return;
    }
    for (std::int64_t j = 0; j < kVectors; ++j) lanes[j] = j < n ? x[j] : 0.0f;
}

// 16 vectors against one of the two shifted halves of the codebook.
struct Half {
    Floats y[8];      // x shifted
    Floats point[8];  // the nearest point of the whole lattice; of D^8 where row >= 0
    Floats distance;  // squared, to it
    Ints negative;    // bit i: coordinate i of the point
    Ints row;         // of the point; -1: not in D^8
};

inline void nearest_in_lattice(const E8pSearchTable& table, const Floats (&x)[8], float shift, Half& half) {
    Floats worst = {};
    Ints which = {};
    Ints parity = {};
    for (int i = 0; i < 8; ++i) {
        half.y[i] = x[i] + shift;
        // Beyond 8 no row reaches, and conversions to integers stay defined.
        Floats y = half.y[i];
        y = y > 8.0f ? Floats{} + 8.0f : y;
        y = y < -8.0f ? Floats{} - 8.0f : y;
        Ints below = __builtin_convertvector(y, Ints);
        below += __builtin_convertvector(below, Floats) > y;  // a mask is -1
        const Floats point = __builtin_convertvector(below, Floats) + 0.5f;
        const Floats off = y > point ? y - point : point - y;
        parity += below;
        const Ints more = off > worst;
        worst = more ? off : worst;
        which = more ? Ints{} + i : which;
        half.point[i] = point;
    }
    const Ints odd = -(parity & 1);
    Floats distance = {};
    Ints pattern = {};
    Ints far = {};
    Ints negative = {};
    for (int i = 7; i >= 0; --i) {
        const Ints moves = odd & (which == Ints{} + i);
        const Floats step = half.y[i] < half.point[i] ? Floats{} - 1.0f : Floats{} + 1.0f;
        half.point[i] = moves ? half.point[i] + step : half.point[i];
        const Floats off = half.y[i] - half.point[i];
        distance += off * off;
        const Ints below_zero = half.point[i] < 0.0f;
        negative |= below_zero & (1 << i);
        const Floats size = below_zero ? -half.point[i] : half.point[i];
        far |= size > 3.0f;
        pattern = pattern * 3 + __builtin_convertvector(size, Ints);
    }
    half.distance = distance;
    half.negative = negative;
    for (int j = 0; j < kVectors; ++j) half.row[j] = far[j] ? -1 : table.pattern_row[pattern[j]];
}

// Vector j of a half by the table of D^8, in place.
template <class BestPoint>
void search_table(const E8pSearchTable& table, int j, const BestPoint& best_point, Half& half) {
    float folded[8];
    float sign[8];
    bool odd = false;
    for (int i = 0; i < 8; ++i) {
        const float y = half.y[i][j];
        sign[i] = y < 0 ? -1.0f : 1.0f;
        odd ^= y < 0;
    }
    if (odd) sign[7] = -sign[7];
    for (int i = 0; i < 8; ++i) folded[i] = half.y[i][j] * sign[i];
    const int best = best_point(table.point, table.bias, folded);
    float distance = 0;
    int negative = 0;
    for (int i = 7; i >= 0; --i) {
        const float value = sign[i] * table.point[i][best];
        const float off = half.y[i][j] - value;
        distance += off * off;
        negative |= static_cast<int>(value < 0) << i;
        half.point[i][j] = value;
    }
    half.distance[j] = distance;
    half.negative[j] = negative;
    half.row[j] = table.row[best];
}

// The nearer of two halves for vector j; each is searched in the table only where its bound does not decide.
template <class BestPoint>
bool up_is_nearer(const E8pSearchTable& table, int j, const BestPoint& best_point, Half& up, Half& down) {
    const bool up_first = up.distance[j] < down.distance[j];
    Half& first = up_first ? up : down;
    Half& second = up_first ? down : up;
    if (first.row[j] < 0) search_table(table, j, best_point, first);
    const auto nearer = [&] {
        return up_first ? second.distance[j] <= first.distance[j] : second.distance[j] < first.distance[j];
    };
    if (second.row[j] < 0 && nearer()) search_table(table, j, best_point, second);
    return second.row[j] >= 0 && nearer() ? !up_first : up_first;
}

template <class BestPoint>
void search_vectors(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                    std::int32_t* codes, float* values, std::int64_t value_stride, const BestPoint& best_point) {
    for (std::int64_t first = 0; first < count; first += kVectors) {
        const std::int64_t n = count - first < kVectors ? count - first : kVectors;
        Floats lanes[8];
        for (int i = 0; i < 8; ++i) load_vectors(x + i * stride + first, n, lanes[i]);
        Half up;
        Half down;
        nearest_in_lattice(table, lanes, 0.25f, up);
        nearest_in_lattice(table, lanes, -0.25f, down);
        Ints is_up = {};
        for (int j = 0; j < n; ++j) {
            const bool nearer = up_is_nearer(table, j, best_point, up, down);
            const Half& half = nearer ? up : down;
            const int row = half.row[j];
            codes[first + j] = row << 8 | (table.spread[half.negative[j]] ^ table.odd[row] ^ static_cast<int>(nearer));
            is_up[j] = -static_cast<int>(nearer);
        }
        for (int i = 0; i < 8; ++i) {
            const Floats value = is_up ? up.point[i] - 0.25f : down.point[i] + 0.25f;
            __builtin_memcpy(values + i * value_stride + first, &value, static_cast<std::size_t>(n) * sizeof(float));
        }
    }
}

template <class BestPoint>
void search_points(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                   std::int32_t* codes, float* values, std::int64_t value_stride, const BestPoint& best_point) {
    for (std::int64_t r = 0; r < count; ++r) {
        float vector[8];
        for (int i = 0; i < 8; ++i) vector[i] = x[i * stride + r];
        const int best = best_point(table.point, table.bias, vector);
        codes[r] = best;
        for (int i = 0; i < 8; ++i) values[i * value_stride + r] = table.point[i][best];
    }
}

}  // namespace
}  // namespace dwubit
