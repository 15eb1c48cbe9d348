// iq2_xxs_gemv_int8x2_avx2, iq2_xxs_gemv_int8_avx2: points become bytes by table lookups, whose products with int8
// activations are summed in pairs of 16 bits.
#include "runtime/formats/int8_lanes_inl.h"
#include "runtime/formats/iq2_xxs/decode_avx2_inl.h"
#include "runtime/formats/product_rows_inl.h"

namespace dwubit::iq2_xxs {
namespace {

constexpr std::int64_t kHalf = 32;  // bytes: of a vector of 64, what a register holds

// Sums of four neighbours in 32 bits; a pair is at most 2 * 86 * 127 in 16 bits.
inline __m256i dot_bytes(__m256i values, __m256i x) {
    return _mm256_madd_epi16(_mm256_maddubs_epi16(values, x), _mm256_set1_epi16(1));
}

// Lanes [8 half, 8 half + 8) of a block: sums in units of the activations' scales.
template <bool kResidual>
inline __m256 half_dot(const __m256i* values, const unsigned char* x, std::int64_t half) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const auto load = [&](std::int64_t at) {
        return _mm256_load_si256(reinterpret_cast<const __m256i*>(x + at + half * kHalf));
    };
    __m256i sum = _mm256_setzero_si256();
    for (int c = 0; c < kVectors; ++c) sum = _mm256_add_epi32(sum, dot_bytes(values[c], load(c * kVectorBytes)));
    if constexpr (kResidual) {
        sum = _mm256_slli_epi32(sum, 8);
        for (int c = 0; c < kVectors; ++c) {
            sum = _mm256_add_epi32(sum, dot_bytes(values[c], load(kChunkColumns + c * kVectorBytes)));
        }
    }
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, load(kLayout.sums)));
}

inline float add_up(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

// One row of W times kCount rows of x; y[i * stride].
template <bool kResidual, int kCount>
inline void dot_row(const BlockMatrix& m, const KernelTables& t, const unsigned char* x, std::int64_t row, float* y,
                    std::int64_t stride) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const std::int64_t step = m.row_blocks * kLayout.stride;
    __m256 sums[kCount];
    for (int i = 0; i < kCount; ++i) sums[i] = _mm256_setzero_ps();
    const unsigned char* block = m.blocks + row * m.row_bytes;
    for (std::int64_t b = 0; b < m.row_blocks; ++b, block += kBlockBytes, x += kLayout.stride) {
        for (int half = 0; half < 2; ++half) {
            __m256i values[kVectors];
            for (int c = 0; c < kVectors; ++c) {
                values[c] = _mm256_add_epi8(signed_levels(t, block + 2 + 32 * half, c), _mm256_set1_epi8(kOffset));
            }
            const __m256 scales = lane_scales(block, half);
            for (int i = 0; i < kCount; ++i) {
                const unsigned char* const xi = x + i * step;
                const __m256 dot = _mm256_mul_ps(half_dot<kResidual>(values, xi, half), scales);
                const auto* const act = reinterpret_cast<const float*>(xi + kLayout.scales) + 8 * half;
                sums[i] = _mm256_fmadd_ps(dot, _mm256_load_ps(act), sums[i]);
            }
        }
    }
    for (int i = 0; i < kCount; ++i) y[i * stride] = add_up(sums[i]);
}

template <bool kResidual>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const KernelTables& t = kernel_tables();
    const auto dot = [&]<int kCount>(const unsigned char* some, std::int64_t row, float* to, std::int64_t stride) {
        dot_row<kResidual, kCount>(m, t, some, row, to, stride);
    };
    product_rows(dot, static_cast<const unsigned char*>(x), m.row_blocks * arranged_int8(kResidual).stride, rows, first,
                 columns, y);
}

}  // namespace

void arrange_int8x2_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, true>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void arrange_int8_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, false>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void iq2_xxs_gemv_int8x2_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                              std::int64_t columns, float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void iq2_xxs_gemv_int8_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                            std::int64_t columns, float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::iq2_xxs
