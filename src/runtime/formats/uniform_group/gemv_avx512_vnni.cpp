// uniform_group_gemv_int8x2_avx512_vnni, uniform_group_gemv_int8_avx512_vnni: the packed codes as unsigned bytes times
// int8 activations, summed in 32-bit integers over a lane and scaled in float32.
#include <immintrin.h>

#include "runtime/formats/uniform_group/arrange_inl.h"
#include "runtime/formats/uniform_group/zeros_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

// Bytes ahead of a row that are asked for from memory.
constexpr std::int64_t kAhead = 4096;

// The planes of a chunk of codes.
template <int kBits>
struct Planes {
    __m512i plane[planes(kBits)];
};

template <int kBits>
inline Planes<kBits> load_planes(const unsigned char* codes, std::int64_t left) {
    Planes<kBits> p;
    const auto lanes = left >= 64 ? ~__mmask64{0} : (__mmask64{1} << left) - 1;
    const __m512i bytes = _mm512_maskz_loadu_epi8(lanes, codes);
    if constexpr (kBits == 8) {
        p.plane[0] = bytes;
    } else if constexpr (kBits == 4) {
        const __m512i mask = _mm512_set1_epi8(15);
        p.plane[0] = _mm512_and_si512(bytes, mask);
        p.plane[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
    } else {
        const __m512i mask = _mm512_set1_epi8(3);
        p.plane[0] = _mm512_and_si512(bytes, mask);
        p.plane[1] = _mm512_and_si512(_mm512_srli_epi16(bytes, 2), mask);
        p.plane[2] = _mm512_and_si512(_mm512_srli_epi16(bytes, 4), mask);
        p.plane[3] = _mm512_and_si512(_mm512_srli_epi16(bytes, 6), mask);
    }
    return p;
}

// The sums of a chunk, in units of the lane scales.
template <int kBits, bool kResidual>
inline __m512 chunk_dot(const Planes<kBits>& p, const unsigned char* x) {
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < planes(kBits); ++i) {
        sum = _mm512_dpbusd_epi32(sum, p.plane[i], _mm512_load_si512(x + i * kPlaneBytes));
    }
    if constexpr (kResidual) {
        sum = _mm512_slli_epi32(sum, 8);
        for (int i = 0; i < planes(kBits); ++i) {
            sum = _mm512_dpbusd_epi32(sum, p.plane[i], _mm512_load_si512(x + chunk_columns(kBits) + i * kPlaneBytes));
        }
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
    const unsigned char* const scales = m.scales + row * m.groups * 2;
    const std::int64_t count = chunks(m);
    for (std::int64_t c = 0; c < count; ++c) {
        const std::int64_t at = c * chunk_bytes(kBits);
        const std::int64_t left = m.row_bytes - at;
        const std::int64_t group = m.chunk_groups[c];
        const __m512i lane_groups = _mm512_loadu_si512(m.lane_groups + c * kLanesPerChunk);
        const auto groups = static_cast<__mmask16>(m.groups - group >= 16 ? 0xffff : (1 << (m.groups - group)) - 1);
        for (int r = 0; r < kRows; ++r) {
            _mm_prefetch(reinterpret_cast<const char*>(codes + r * m.row_bytes + at + kAhead), _MM_HINT_T0);
            const Planes<kBits> p = load_planes<kBits>(codes + r * m.row_bytes + at, left);
            const __m256i halves = _mm256_maskz_loadu_epi16(groups, scales + (r * m.groups + group) * 2);
            const __m512 scale = _mm512_permutexvar_ps(lane_groups, _mm512_cvtph_ps(halves));
            for (int i = 0; i < kCount; ++i) {
                const unsigned char* const xi = x + i * layout.bytes;
                const __m512 dot = chunk_dot<kBits, kResidual>(p, xi + c * layout.chunk_stride);
                const __m512 unit = _mm512_load_ps(xi + layout.scales + c * kLanesPerChunk * 4);
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

template <bool kResidual>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product_bits<2, kResidual>(m, bytes, rows, first, columns, y);
    if (m.bits == 4) return product_bits<4, kResidual>(m, bytes, rows, first, columns, y);
    product_bits<8, kResidual>(m, bytes, rows, first, columns, y);
}

}  // namespace

void arrange_int8x2_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_any<true>(matrix, x, out);
}

void arrange_int8_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_any<false>(matrix, x, out);
}

void uniform_group_gemv_int8x2_avx512_vnni(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                           std::int64_t columns, float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void uniform_group_gemv_int8_avx512_vnni(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                         std::int64_t columns, float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::uniform_group
