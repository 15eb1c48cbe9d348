// e8p_gemv_int8x2_avx2, e8p_gemv_int8_avx2: codes become bytes by table lookups, whose products with int8 activations
// are summed in pairs of 16 bits.
#include "runtime/formats/e8p/decode_avx2_inl.h"
#include "runtime/formats/e8p/product_inl.h"

namespace dwubit::e8p {
namespace {

constexpr std::int64_t kHalf = 32;  // bytes: of a vector of 64, what a register holds

// Four times the values of stage 1 (or of stage 2 at 4 bits), plus kOffset; of stage 2 at 3 bits twice the points.
template <int kBits, bool kSecond>
inline __m256i unsigned_values(const KernelTables& t, const ChunkPlanes& planes, int first) {
    const __m256i offset = _mm256_set1_epi8(kOffset);
    if constexpr (kSecond && kBits == 3) return _mm256_add_epi8(look_up(t.points, planes.bytes[2], first), offset);
    constexpr int kPlane = kSecond ? 2 : 0;
    return _mm256_add_epi8(lattice_values(t, planes.bytes[kPlane], planes.bytes[kPlane + 1], first), offset);
}

// Lanes [8 half, 8 half + 8) of a chunk: sums in units of their scales. At most 4 * 2 * 23 * 127 in 16 bits.
template <bool kResidual>
inline __m256 half_dot(const __m256i* values, const unsigned char* x, std::int64_t half) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const auto load = [&](std::int64_t at) {
        return _mm256_load_si256(reinterpret_cast<const __m256i*>(x + at + half * kHalf));
    };
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum = _mm256_setzero_si256();
    for (int c = 0; c < kVectors; ++c) {
        sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(values[c], load(c * kVectorBytes)));
    }
    sum = _mm256_madd_epi16(sum, ones);
    if constexpr (kResidual) {
        __m256i low = _mm256_setzero_si256();
        for (int c = 0; c < kVectors; ++c) {
            low = _mm256_add_epi16(low, _mm256_maddubs_epi16(values[c], load(kChunkColumns + c * kVectorBytes)));
        }
        sum = _mm256_add_epi32(_mm256_slli_epi32(sum, 8), _mm256_madd_epi16(low, ones));
    }
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(sum, load(kLayout.sums)));
}

inline float add_up(__m256 v) {
    __m128 sum = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

// One row of W times kCount rows of x; y[i * stride]. A row's sums run in one order whatever kCount is.
template <int kBits, bool kResidual, int kCount>
inline void dot_row(const Matrix& m, const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const std::int64_t step = chunks(m) * kLayout.stride;
    const __m256 second = _mm256_set1_ps(kBits == 3 ? 2 * m.second : m.second);
    __m256 sums[kCount];
    for (int i = 0; i < kCount; ++i) sums[i] = _mm256_setzero_ps();
    const unsigned char* codes = m.codes + row * m.blocks * kBits;
    for (std::int64_t left = m.blocks; left > 0;
         left -= kChunkCodes, codes += kChunkCodes * kBits, x += kLayout.stride) {
        ChunkPlanes planes;
        load_planes(codes, left < kChunkCodes ? left : kChunkCodes, kBits, planes);
        for (int half = 0; half < 2; ++half) {
            __m256i values[kVectors];
            [[maybe_unused]] __m256i rest[kVectors];
            for (int c = 0; c < kVectors; ++c) {
                values[c] = unsigned_values<kBits, false>(*m.tables, planes, 16 * half + c);
                if constexpr (kBits > 2) rest[c] = unsigned_values<kBits, true>(*m.tables, planes, 16 * half + c);
            }
            for (int i = 0; i < kCount; ++i) {
                const unsigned char* const xi = x + i * step;
                __m256 dot = half_dot<kResidual>(values, xi, half);
                if constexpr (kBits > 2) dot = _mm256_fmadd_ps(half_dot<kResidual>(rest, xi, half), second, dot);
                const auto* const scales = reinterpret_cast<const float*>(xi + kLayout.scales) + 8 * half;
                sums[i] = _mm256_fmadd_ps(dot, _mm256_load_ps(scales), sums[i]);
            }
        }
    }
    for (int i = 0; i < kCount; ++i) y[i * stride] = add_up(sums[i]) * (m.scale / 4);
}

struct RowKernel {
    explicit RowKernel(const Matrix& of) : m(of) {}

    template <int kBits, bool kResidual, int kCount>
    void dot_row(const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) const {
        e8p::dot_row<kBits, kResidual, kCount>(m, x, row, y, stride);
    }

    const Matrix& m;
};

}  // namespace

void arrange_int8x2_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8<true>(matrix, x, out);
}

void arrange_int8_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8<false>(matrix, x, out);
}

void e8p_gemv_int8x2_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                          std::int64_t columns, float* y) {
    product<RowKernel, true>(matrix, x, rows, first, columns, y);
}

void e8p_gemv_int8_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                        float* y) {
    product<RowKernel, false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::e8p
