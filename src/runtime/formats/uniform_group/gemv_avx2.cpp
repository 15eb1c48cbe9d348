// uniform_group_gemv_{f32,int8x2,int8}_avx2, and float32 panels.
#include <immintrin.h>

#include "runtime/formats/uniform_group/arrange_inl.h"
#include "runtime/formats/uniform_group/one_group_avx2_inl.h"

namespace dwubit::uniform_group {
namespace {

inline float sum_of(__m256 x) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// The sum over the groups of a row of scale * offset * sum of activations.
template <int kBits>
inline float offsets_of_row(const Matrix& m, std::int64_t row, const float* group_sums) {
    float sum = 0;
    for (std::int64_t g = 0; g < m.groups; ++g) {
        const std::int64_t index = row * m.groups + g;
        sum += scale_of(m, index) * offset_of<kBits>(m, index) * group_sums[g];
    }
    return sum;
}

// Float32 ------------------------------------------------------------------------------------------------------------

// Codes [0, n) from a byte on as floats, n <= 8; a lane behind them is anything. Reads the bytes of these codes only.
template <int kBits>
inline __m256 load_codes(const unsigned char* at, std::int64_t n) {
    std::uint64_t bits = 0;
    if (n == 8) {
        __builtin_memcpy(&bits, at, kBits);
    } else {
        for (std::int64_t i = 0; i < (n * kBits + 7) / 8; ++i) bits |= static_cast<std::uint64_t>(at[i]) << (8 * i);
    }
    if constexpr (kBits == 8) {
        return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bits))));
    } else {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i shifts = _mm256_mullo_epi32(lane, _mm256_set1_epi32(kBits));
        const __m256i words = _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(bits)), shifts);
        return _mm256_cvtepi32_ps(_mm256_and_si256(words, _mm256_set1_epi32((1 << kBits) - 1)));
    }
}

template <int kBits>
inline float dot_f32(const Matrix& m, std::int64_t row, const float* x, const float* group_sums) {
    const unsigned char* const codes = m.codes + row * m.row_bytes;
    __m256 sum = _mm256_setzero_ps();
    float rest = 0;  // of columns behind the last eight of a group
    for (std::int64_t g = 0; g < m.groups; ++g) {
        const float scale = scale_of(m, row * m.groups + g);
        const std::int64_t end = m.in < (g + 1) * m.group ? m.in : (g + 1) * m.group;
        __m256 dot = _mm256_setzero_ps();
        std::int64_t j = g * m.group;
        for (; j + 8 <= end; j += 8) {
            dot = _mm256_fmadd_ps(load_codes<kBits>(codes + j * kBits / 8, 8), _mm256_loadu_ps(x + j), dot);
        }
        if (j < end) {
            float last[8];
            _mm256_storeu_ps(last, load_codes<kBits>(codes + j * kBits / 8, end - j));
            for (std::int64_t i = 0; i < end - j; ++i) rest += scale * last[i] * x[j + i];
        }
        sum = _mm256_fmadd_ps(dot, _mm256_set1_ps(scale), sum);
    }
    return sum_of(sum) + rest - offsets_of_row<kBits>(m, row, group_sums);
}

template <int kBits>
inline void product_f32(const Matrix& m, const unsigned char* x, std::int64_t rows, std::int64_t first,
                        std::int64_t columns, float* y) {
    const ArrangedF32 layout = arranged_f32(m);
    for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t r = 0; r < rows; ++r) {
            const unsigned char* const row = x + r * layout.bytes;
            y[r * columns + j] = dot_f32<kBits>(m, first + j, reinterpret_cast<const float*>(row),
                                                reinterpret_cast<const float*>(row + layout.sums));
        }
    }
}

template <int kBits>
inline void dequantize(const Matrix& m, std::int64_t first, std::int64_t count, float* out) {
    for (std::int64_t r = 0; r < count; ++r) {
        const unsigned char* const codes = m.codes + (first + r) * m.row_bytes;
        float* const row = out + r * m.in;
        for (std::int64_t g = 0; g < m.groups; ++g) {
            const std::int64_t index = (first + r) * m.groups + g;
            const __m256 scale = _mm256_set1_ps(scale_of(m, index));
            const __m256 offset = _mm256_set1_ps(offset_of<kBits>(m, index));
            const std::int64_t end = m.in < (g + 1) * m.group ? m.in : (g + 1) * m.group;
            for (std::int64_t j = g * m.group; j < end; j += 8) {
                const std::int64_t n = end - j < 8 ? end - j : 8;
                const __m256 code = load_codes<kBits>(codes + j * kBits / 8, n);
                const __m256 values = _mm256_mul_ps(scale, _mm256_sub_ps(code, offset));
                if (n == 8 && m.perm == nullptr) {
                    _mm256_storeu_ps(row + j, values);
                    continue;
                }
                float eight[8];
                _mm256_storeu_ps(eight, values);
                for (std::int64_t i = 0; i < n; ++i) row[m.perm == nullptr ? j + i : m.perm[j + i]] = eight[i];
            }
        }
    }
}

// Int8: a chunk of kernels.h in two halves of 32 bytes per plane
// -------------------------------------------------------

// 16-bit sums of pairs of code * activation over the planes of a half; they fit: 4 planes of at most 2 * 3 * 127, 2 of
// 2 * 15 * 127, 1 of 2 * 7 * 127.
template <int kBits>
struct Half {
    __m256i plane[kBits == 8 ? 1 : planes(kBits)];
};

// The 32 codes of 3 bits in 12 bytes at `codes`, of which `left` are there.
inline __m256i codes_of_3_bits(const unsigned char* codes, std::int64_t left) {
    __m128i all;
    if (left >= 16) {
        all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes));
    } else {
        unsigned char bytes[16] = {};
        __builtin_memcpy(bytes, codes, static_cast<std::size_t>(left < 12 ? left : 12));
        all = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    }
    // Two bytes for each code, shifted up until the code is on top, then down.
    const __m128i pairs_low = _mm_setr_epi8(0, 1, 0, 1, 0, 1, 1, 2, 1, 2, 1, 2, 2, 3, 2, 3);
    const __m128i pairs_high = _mm_add_epi8(pairs_low, _mm_set1_epi8(3));
    const __m256i pairs = _mm256_inserti128_si256(_mm256_castsi128_si256(pairs_low), pairs_high, 1);
    // Code i of eight begins at bit 3 i; in its pair at bit 3 i mod 8: a factor of 2^(13 - that).
    const __m256i factors = _mm256_setr_epi16(1 << 13, 1 << 10, 1 << 7, 1 << 12, 1 << 9, 1 << 6, 1 << 11, 1 << 8,
                                              1 << 13, 1 << 10, 1 << 7, 1 << 12, 1 << 9, 1 << 6, 1 << 11, 1 << 8);
    const __m256i first = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(all), pairs);
    const __m256i second = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_srli_si128(all, 6)), pairs);
    const __m256i low = _mm256_srli_epi16(_mm256_mullo_epi16(first, factors), 13);
    const __m256i high = _mm256_srli_epi16(_mm256_mullo_epi16(second, factors), 13);
    return _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xd8);
}

template <int kBits>
inline Half<kBits> load_half(const unsigned char* codes, std::int64_t left) {
    Half<kBits> half;
    if constexpr (kBits == 3) {
        half.plane[0] = codes_of_3_bits(codes, left < 0 ? 0 : left);
    } else {
        __m256i bytes;
        if (left >= 32) {
            bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
        } else {
            unsigned char some[32] = {};
            if (left > 0) __builtin_memcpy(some, codes, static_cast<std::size_t>(left));
            bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(some));
        }
        if constexpr (kBits == 8) {
            half.plane[0] = bytes;
        } else {
            const __m256i mask = _mm256_set1_epi8((1 << kBits) - 1);
            for (int p = 0; p < planes(kBits); ++p) {
                half.plane[p] = _mm256_and_si256(_mm256_srli_epi16(bytes, p * kBits), mask);
            }
        }
    }
    return half;
}

// Sums of a half's lanes for one part of the activations.
template <int kBits>
inline __m256i dot_half(const Half<kBits>& half, const unsigned char* x) {
    if constexpr (kBits == 8) {
        const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
        const __m256i low = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(half.plane[0])),
                                              _mm256_cvtepi8_epi16(_mm256_castsi256_si128(values)));
        const __m256i high = _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm256_extracti128_si256(half.plane[0], 1)),
                                               _mm256_cvtepi8_epi16(_mm256_extracti128_si256(values, 1)));
        return _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xd8);
    } else {
        __m256i sum = _mm256_setzero_si256();
        for (int p = 0; p < planes(kBits); ++p) {
            const __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + p * kPlaneBytes));
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(half.plane[p], values));
        }
        return _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
    }
}

template <int kBits, bool kResidual, int kCount>
inline void dot_int8(const Matrix& m, const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) {
    const ArrangedInt8 layout = arranged_int8(m, kResidual);
    const unsigned char* const codes = m.codes + row * m.row_bytes;
    const unsigned char* const scales = m.scales + row * m.groups * 2;
    constexpr std::int64_t kHalfBytes = chunk_bytes(kBits) / 2;
    __m256 sums[kCount];
    for (int i = 0; i < kCount; ++i) sums[i] = _mm256_setzero_ps();
    for (std::int64_t c = 0; c < chunks(m); ++c) {
        alignas(32) std::uint16_t halves[kLanesPerChunk];
        for (std::int64_t l = 0; l < kLanesPerChunk; ++l) {
            const std::int64_t group = m.chunk_groups[c] + m.lane_groups[c * kLanesPerChunk + l];
            __builtin_memcpy(&halves[l], scales + group * 2, 2);
        }
        for (std::int64_t h = 0; h < 2; ++h) {
            const std::int64_t at = c * chunk_bytes(kBits) + h * kHalfBytes;
            const Half<kBits> half = load_half<kBits>(codes + at, m.row_bytes - at);
            const __m256 scale = _mm256_cvtph_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(halves + 8 * h)));
            for (int i = 0; i < kCount; ++i) {
                const unsigned char* const xi = x + i * layout.bytes;
                const unsigned char* const part = xi + c * layout.chunk_stride + h * 32;
                __m256i dot = dot_half<kBits>(half, part);
                if constexpr (kResidual) {
                    const __m256i rest = dot_half<kBits>(half, part + chunk_columns(kBits));
                    dot = _mm256_add_epi32(_mm256_slli_epi32(dot, 8), rest);
                }
                const auto* const units = reinterpret_cast<const float*>(xi + layout.scales) + c * kLanesPerChunk;
                const __m256 unit = _mm256_load_ps(units + 8 * h);
                sums[i] = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(dot), unit), scale, sums[i]);
            }
        }
    }
    for (int i = 0; i < kCount; ++i) {
        const auto* const group_sums = reinterpret_cast<const float*>(x + i * layout.bytes + layout.sums);
        y[i * stride] = sum_of(sums[i]) - offsets_of_row<kBits>(m, row, group_sums);
    }
}

template <int kBits, bool kResidual>
inline void product_int8(const Matrix& m, const unsigned char* x, std::int64_t rows, std::int64_t first,
                         std::int64_t columns, float* y) {
    const std::int64_t step = arranged_int8(m, kResidual).bytes;
    for (std::int64_t j = 0; j < columns; ++j) {
        std::int64_t r = 0;
        for (; r + 4 <= rows; r += 4) {
            dot_int8<kBits, kResidual, 4>(m, x + r * step, first + j, y + r * columns + j, columns);
        }
        for (; r < rows; ++r) {
            dot_int8<kBits, kResidual, 1>(m, x + r * step, first + j, y + r * columns + j, columns);
        }
    }
}

template <bool kResidual>
inline void product_int8_any(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                             std::int64_t columns, float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product_int8<2, kResidual>(m, bytes, rows, first, columns, y);
    if (m.bits == 3) return product_int8<3, kResidual>(m, bytes, rows, first, columns, y);
    if (m.bits == 4) return product_int8<4, kResidual>(m, bytes, rows, first, columns, y);
    product_int8<8, kResidual>(m, bytes, rows, first, columns, y);
}

}  // namespace

void arrange_f32_avx2(const void* matrix, const float* x, void* out) {
    arrange_floats<false>(*static_cast<const Matrix*>(matrix), x, static_cast<unsigned char*>(out));
}

void arrange_bf16_avx2(const void* matrix, const float* x, void* out) {
    arrange_floats<true>(*static_cast<const Matrix*>(matrix), x, static_cast<unsigned char*>(out));
}

void arrange_int8x2_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8_any<true>(matrix, x, out);
}

void arrange_int8_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8_any<false>(matrix, x, out);
}

void uniform_group_gemv_f32_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                 std::int64_t columns, float* y) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const auto* const bytes = static_cast<const unsigned char*>(x);
    if (m.bits == 2) return product_f32<2>(m, bytes, rows, first, columns, y);
    if (m.bits == 3) return product_f32<3>(m, bytes, rows, first, columns, y);
    if (m.bits == 4) return product_f32<4>(m, bytes, rows, first, columns, y);
    product_f32<8>(m, bytes, rows, first, columns, y);
}

void uniform_group_gemv_int8x2_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                    std::int64_t columns, float* y) {
    product_int8_any<true>(matrix, x, rows, first, columns, y);
}

void uniform_group_gemv_int8_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                  std::int64_t columns, float* y) {
    product_int8_any<false>(matrix, x, rows, first, columns, y);
}

void uniform_group_dequantize_f32_avx2(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* const to = static_cast<float*>(out);
    if (m.bits == 2) return dequantize<2>(m, first, count, to);
    if (m.bits == 3) return dequantize<3>(m, first, count, to);
    if (m.bits == 4) return dequantize<4>(m, first, count, to);
    dequantize<8>(m, first, count, to);
}

}  // namespace dwubit::uniform_group
