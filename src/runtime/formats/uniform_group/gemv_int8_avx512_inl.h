// Products of packed codes as unsigned bytes with int8 activations: summed in 32-bit integers over a lane by VNNI,
// scaled in float32. Before including it a file says what load_planes<kBits>() is.
#pragma once

#include <immintrin.h>

#include "runtime/formats/uniform_group/kernels.h"
#include "runtime/formats/uniform_group/zeros_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

// Bytes ahead of a row that are asked for from memory.
constexpr std::int64_t kAhead = 8192;

// The planes of a chunk of codes.
template <int kBits>
struct Planes {
    __m512i plane[planes(kBits)];
};

// `left` bytes of the row are there from `codes` on.
template <int kBits>
Planes<kBits> load_planes(const unsigned char* codes, std::int64_t left);

// A chunk of activations, in registers while several rows of W meet it.
template <int kBits, bool kResidual>
struct Inputs {
    __m512i high[planes(kBits)];
    __m512i low[kResidual ? planes(kBits) : 1];
};
template <int kBits, bool kResidual>
inline Inputs<kBits, kResidual> load_inputs(const unsigned char* x) {
    Inputs<kBits, kResidual> inputs;
    for (int i = 0; i < planes(kBits); ++i) {
        inputs.high[i] = _mm512_load_si512(x + i * kPlaneBytes);
        if constexpr (kResidual) inputs.low[i] = _mm512_load_si512(x + chunk_columns(kBits) + i * kPlaneBytes);
    }
    return inputs;
}

// The sums of a chunk, in units of the lane scales.
template <int kBits, bool kResidual>
inline __m512 chunk_dot(const Planes<kBits>& p, const Inputs<kBits, kResidual>& x) {
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < planes(kBits); ++i) sum = _mm512_dpbusd_epi32(sum, p.plane[i], x.high[i]);
    if constexpr (kResidual) {
        __m512i rest = _mm512_setzero_si512();
        for (int i = 0; i < planes(kBits); ++i) rest = _mm512_dpbusd_epi32(rest, p.plane[i], x.low[i]);
        sum = _mm512_add_epi32(_mm512_slli_epi32(sum, 8), rest);
    }
    return _mm512_cvtepi32_ps(sum);
}

// kRows rows of W times kCount rows of x; y[m * stride + r]. A row's sums run in one order whatever kRows and kCount
// are.
template <int kBits, bool kResidual, int kRows, int kCount>
inline void dot_rows(const Matrix& m, const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) {
    const ArrangedInt8 layout = arranged_int8(m, kResidual);
    __m512 sums[kRows][kCount];
    for (int r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) sums[r][i] = _mm512_setzero_ps();
    }
    const unsigned char* const codes = m.codes + row * m.row_bytes;
    const std::int64_t count = chunks(m);
    for (std::int64_t c = 0; c < count; ++c) {
        const std::int64_t at = c * chunk_bytes(kBits);
        const std::int64_t left = m.row_bytes - at;
        const std::int64_t group = m.chunk_groups[c];
        const __m512i lane_groups = _mm512_loadu_si512(m.lane_groups + c * kLanesPerChunk);
        Inputs<kBits, kResidual> inputs[kCount];
        for (int i = 0; i < kCount; ++i) {
            inputs[i] = load_inputs<kBits, kResidual>(x + i * layout.bytes + c * layout.chunk_stride);
        }
        for (int r = 0; r < kRows; ++r) {
            _mm_prefetch(reinterpret_cast<const char*>(codes + r * m.row_bytes + at + kAhead), _MM_HINT_T0);
            const Planes<kBits> p = load_planes<kBits>(codes + r * m.row_bytes + at, left);
            const __m512 scale = _mm512_permutexvar_ps(lane_groups, load_scales(m, (row + r) * m.groups + group));
            for (int i = 0; i < kCount; ++i) {
                const __m512 dot = chunk_dot<kBits, kResidual>(p, inputs[i]);
                const __m512 unit = _mm512_load_ps(x + i * layout.bytes + layout.scales + c * kLanesPerChunk * 4);
                sums[r][i] = _mm512_fmadd_ps(_mm512_mul_ps(dot, unit), scale, sums[r][i]);
            }
        }
    }
    for (int r = 0; r < kRows; ++r) {
        for (std::int64_t g = 0; g < m.groups; g += 16) {
            const __m512 offset = scaled_offsets<kBits>(m, row + r, g);
            for (int i = 0; i < kCount; ++i) {
                const __m512 sum = _mm512_load_ps(x + i * layout.bytes + layout.sums + g * 4);
                sums[r][i] = _mm512_fnmadd_ps(offset, sum, sums[r][i]);
            }
        }
        for (int i = 0; i < kCount; ++i) y[i * stride + r] = _mm512_reduce_add_ps(sums[r][i]);
    }
}

template <int kBits, bool kResidual, int kCount>
inline void product_of(const Matrix& m, const unsigned char* x, std::int64_t first, std::int64_t columns, float* y) {
    constexpr int kRows = kCount <= 2 ? 4 : 2;
    std::int64_t j = 0;
    for (; j + kRows <= columns; j += kRows) {
        dot_rows<kBits, kResidual, kRows, kCount>(m, x, first + j, y + j, columns);
    }
    for (; j < columns; ++j) dot_rows<kBits, kResidual, 1, kCount>(m, x, first + j, y + j, columns);
}

template <int kBits, bool kResidual>
inline void product_bits(const Matrix& m, const unsigned char* x, std::int64_t rows, std::int64_t first,
                         std::int64_t columns, float* y) {
    const std::int64_t step = arranged_int8(m, kResidual).bytes;
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4) product_of<kBits, kResidual, 4>(m, x + r * step, first, columns, y + r * columns);
    for (; r + 2 <= rows; r += 2) product_of<kBits, kResidual, 2>(m, x + r * step, first, columns, y + r * columns);
    if (r < rows) product_of<kBits, kResidual, 1>(m, x + r * step, first, columns, y + r * columns);
}

}  // namespace
}  // namespace dwubit::uniform_group
