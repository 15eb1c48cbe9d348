// uniform_group_gemv_f32_avx512: codes as floats times float32 activations, scaled group by group. Also what panels are
// dequantized with for products of more rows in float32.
#include "runtime/formats/uniform_group/arrange_inl.h"
#include "runtime/formats/uniform_group/codes_avx512_inl.h"

namespace dwubit::uniform_group {
namespace {

// kRows rows of W times kCount rows of x. A row's sums run in one order whatever kRows and kCount are.
template <int kBits, int kRows, int kCount>
inline void dot_rows(const Matrix& m, const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) {
    const ArrangedF32 layout = arranged_f32(m);
    __m512 sums[kRows][kCount];
    for (int r = 0; r < kRows; ++r) {
        for (int i = 0; i < kCount; ++i) sums[r][i] = _mm512_setzero_ps();
    }
    const unsigned char* const codes = m.codes + row * m.row_bytes;
    for (std::int64_t g = 0; g < m.groups; ++g) {
        __m512 dots[kRows][kCount];
        for (int r = 0; r < kRows; ++r) {
            for (int i = 0; i < kCount; ++i) dots[r][i] = _mm512_setzero_ps();
        }
        const std::int64_t end = m.in < (g + 1) * m.group ? m.in : (g + 1) * m.group;
        for (std::int64_t j = g * m.group; j < end; j += 16) {
            const std::int64_t n = end - j < 16 ? end - j : 16;
            for (int r = 0; r < kRows; ++r) {
                const __m512 w = load_codes<kBits>(codes + r * m.row_bytes + j * kBits / 8, n);
                for (int i = 0; i < kCount; ++i) {
                    const auto* const xi = reinterpret_cast<const float*>(x + i * layout.bytes);
                    dots[r][i] = _mm512_fmadd_ps(
                        w, _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), xi + j), dots[r][i]);
                }
            }
        }
        for (int r = 0; r < kRows; ++r) {
            const __m512 scale = _mm512_set1_ps(scale_of(m, (row + r) * m.groups + g));
            for (int i = 0; i < kCount; ++i) sums[r][i] = _mm512_fmadd_ps(dots[r][i], scale, sums[r][i]);
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

template <int kBits, int kCount>
inline void product_of(const Matrix& m, const unsigned char* x, std::int64_t first, std::int64_t columns, float* y) {
    constexpr int kRows = kCount == 1 ? 4 : 2;
    std::int64_t j = 0;
    for (; j + kRows <= columns; j += kRows) dot_rows<kBits, kRows, kCount>(m, x, first + j, y + j, columns);
    for (; j < columns; ++j) dot_rows<kBits, 1, kCount>(m, x, first + j, y + j, columns);
}

template <int kBits>
inline void product(const Matrix& m, const unsigned char* x, std::int64_t rows, std::int64_t first,
                    std::int64_t columns, float* y) {
    const std::int64_t step = arranged_f32(m).bytes;
    std::int64_t r = 0;
    for (; r + 4 <= rows; r += 4) product_of<kBits, 4>(m, x + r * step, first, columns, y + r * columns);
    for (; r + 2 <= rows; r += 2) product_of<kBits, 2>(m, x + r * step, first, columns, y + r * columns);
    if (r < rows) product_of<kBits, 1>(m, x + r * step, first, columns, y + r * columns);
}

template <int kBits>
inline void dequantize(const Matrix& m, std::int64_t first, std::int64_t count, float* out) {
    for (std::int64_t r = 0; r < count; ++r) {
        float* const row = out + r * m.in;
        for_each_sixteen<kBits>(m, first + r,
                                [&](std::int64_t j, std::int64_t n, __m512 codes, __m512 scale, __m512 offset) {
                                    const __m512 values = _mm512_mul_ps(scale, _mm512_sub_ps(codes, offset));
                                    if (m.perm == nullptr) {
                                        _mm512_mask_storeu_ps(row + j, static_cast<__mmask16>((1u << n) - 1), values);
                                        return;
                                    }
                                    float sixteen[16];
                                    _mm512_storeu_ps(sixteen, values);
                                    for (std::int64_t i = 0; i < n; ++i) row[m.perm[j + i]] = sixteen[i];
                                });
    }
}

}  // namespace

void arrange_f32_avx512(const void* matrix, const float* x, void* out) {
    arrange_floats<false>(*static_cast<const Matrix*>(matrix), x, static_cast<unsigned char*>(out));
}

void arrange_bf16_avx512(const void* matrix, const float* x, void* out) {
    arrange_floats<true>(*static_cast<const Matrix*>(matrix), x, static_cast<unsigned char*>(out));
}

void uniform_group_gemv_f32_avx512(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                   std::int64_t columns, float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product<2>(m, bytes, rows, first, columns, y);
    if (m.bits == 3) return product<3>(m, bytes, rows, first, columns, y);
    if (m.bits == 4) return product<4>(m, bytes, rows, first, columns, y);
    product<8>(m, bytes, rows, first, columns, y);
}

void uniform_group_dequantize_f32_avx512(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* const to = static_cast<float*>(out);
    if (m.bits == 2) return dequantize<2>(m, first, count, to);
    if (m.bits == 3) return dequantize<3>(m, first, count, to);
    if (m.bits == 4) return dequantize<4>(m, first, count, to);
    dequantize<8>(m, first, count, to);
}

}  // namespace dwubit::uniform_group
