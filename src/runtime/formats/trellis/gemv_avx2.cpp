// trellis_gemv_f32_avx2, trellis_gemv_int8x2_avx2, trellis_gemv_int8_avx2: 8 rows of W at a time. Sums of bytes are
// made in pairs of 16 bits, which one instruction multiplies with an activation and adds.
#include "runtime/formats/trellis/arrange_inl.h"
#include "runtime/formats/trellis/decode_avx2_inl.h"

namespace dwubit::trellis {
namespace {

// Chains of sums that do not wait for each other.
constexpr int kWays = 2;

template <int kBits, int kCount>
inline void dot_half_values(const Matrix& m, const unsigned char* tile, const float* x, int half, float (*sums)[kTile],
                            auto decode) {
    __m256 total[kCount][kWays];
    for (int i = 0; i < kCount; ++i) {
        for (int way = 0; way < kWays; ++way) total[i][way] = _mm256_setzero_ps();
    }
    for (std::int64_t t = 0; t < tiles(m); ++t, tile += tile_bytes(kBits), x += kTile) {
        const Lanes<kBits> lanes = load_half<kBits>(tile, half);
        unrolled<0, kTile>([&]<int kColumn>() {
            const __m256 values = decode(states<kBits, kBits * kColumn>(lanes));
            for (int i = 0; i < kCount; ++i) {
                __m256& sum = total[i][kColumn % kWays];
                sum = _mm256_fmadd_ps(values, _mm256_broadcast_ss(x + i * m.in + kColumn), sum);
            }
        });
    }
    for (int i = 0; i < kCount; ++i) {
        const __m256 sum = _mm256_add_ps(total[i][0], total[i][1]);
        _mm256_store_ps(sums[i] + half * kLanes, _mm256_mul_ps(sum, _mm256_set1_ps(m.scale)));
    }
}

// The pairs of four states.
inline __m256 load_pairs(const float* pairs, const std::int32_t* index) {
    const auto at = [&](int i) { return reinterpret_cast<const double*>(pairs) + index[i]; };
    const __m128d low = _mm_loadh_pd(_mm_load_sd(at(0)), at(1));
    const __m128d high = _mm_loadh_pd(_mm_load_sd(at(2)), at(3));
    return _mm256_castpd_ps(_mm256_set_m128d(high, low));
}

template <bool kFragments>
inline __m256 step_activations(const float* x, int step) {
    if constexpr (kFragments) return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x + step / 2 * 4));
    return _mm256_castpd_ps(_mm256_broadcast_sd(reinterpret_cast<const double*>(x + 2 * step)));
}

// Sums of half a band, [step odd][parts][2 numbers].
template <int kBits, int kCount>
inline void dot_half_pairs(const Matrix& m, const unsigned char* tile, const float* x, int half,
                           float (*steps)[2][2 * kTile]) {
    constexpr bool kFragments = in_fragments(Code::kHyb, kBits);
    __m256 total[kCount][2][2];
    for (auto& row : total) {
        for (auto& sums : row) sums[0] = sums[1] = _mm256_setzero_ps();
    }
    for (std::int64_t t = 0; t < tiles(m); ++t, tile += tile_bytes(kBits), x += kTile) {
        const Lanes<kBits> lanes = load_half<kBits>(tile, half);
        unrolled<0, kTile / 2>([&]<int kStep>() {
            alignas(32) std::int32_t index[kLanes];
            _mm256_store_si256(reinterpret_cast<__m256i*>(index), pair_index(states<kBits, 2 * kBits * kStep>(lanes)));
            const __m256 low = load_pairs(m.values, index);
            const __m256 high = load_pairs(m.values, index + 4);
            for (int i = 0; i < kCount; ++i) {
                __m256(&sums)[2] = total[i][kStep % 2];
                const __m256 value = step_activations<kFragments>(x + i * m.in, kStep);
                sums[0] = _mm256_fmadd_ps(low, value, sums[0]);
                sums[1] = _mm256_fmadd_ps(high, value, sums[1]);
            }
        });
    }
    for (int i = 0; i < kCount; ++i) {
        for (int odd = 0; odd < 2; ++odd) {
            _mm256_store_ps(steps[i][odd] + 2 * kLanes * half, total[i][odd][0]);
            _mm256_store_ps(steps[i][odd] + 2 * kLanes * half + kLanes, total[i][odd][1]);
        }
    }
}

// HYB's sums of one band to its rows. Of part r of the stream: even[2 r], even[2 r + 1] are the sums of its
// even steps, first and second numbers, odd[] of the odd ones.
inline void add_pairs(bool fragments, const float* even, const float* odd, float scale, float* rows) {
    if (!fragments) {
        for (std::int64_t r = 0; r < kTile; ++r) {
            rows[r] = ((even[2 * r] + odd[2 * r]) + (even[2 * r + 1] + odd[2 * r + 1])) * scale;
        }
        return;
    }
    for (std::int64_t r = 0; r < kTile / 2; ++r) {
        const float* const e = even + 4 * r;
        const float* const o = odd + 4 * r;
        rows[r] = ((e[0] + e[2]) + (e[1] + e[3])) * scale;
        rows[r + kTile / 2] = ((o[0] + o[2]) + (o[1] + o[3])) * scale;
    }
}

struct FloatKernel {
    template <Code kCode, int kBits, int kCount>
    static void dot_band(const Matrix& m, const unsigned char* tile, const unsigned char* x, float (*sums)[kTile]) {
        const auto* const floats = reinterpret_cast<const float*>(x);
        if constexpr (kCode == Code::kHyb) {
            alignas(32) float steps[kCount][2][2 * kTile];
            for (int half = 0; half < 2; ++half) dot_half_pairs<kBits, kCount>(m, tile, floats, half, steps);
            for (int i = 0; i < kCount; ++i) {
                add_pairs(in_fragments(kCode, kBits), steps[i][0], steps[i][1], m.scale, sums[i]);
            }
        } else {
            for (int half = 0; half < 2; ++half) {
                dot_half_values<kBits, kCount>(m, tile, floats, half, sums,
                                               [](__m256i state) { return values_of<kCode>(state); });
            }
        }
    }
};

template <Code kCode, int kBits, int kCount>
inline void dot_half_int8(const Matrix& m, const unsigned char* tile, const unsigned char* x, int half,
                          float (*sums)[kTile]) {
    const std::int64_t step = blocks(m) * kBlockBytes;
    const Line line = line_of(kCode);
    __m256 total[kCount];
    float rest[kCount];
    for (int i = 0; i < kCount; ++i) total[i] = _mm256_setzero_ps(), rest[i] = 0;
    for (std::int64_t left = tiles(m); left > 0; left -= 2, x += kBlockBytes) {
        __m256i dot[kCount][kWays];
        for (int i = 0; i < kCount; ++i) {
            for (int way = 0; way < kWays; ++way) dot[i][way] = _mm256_setzero_si256();
        }
        const int count = left < 2 ? 1 : 2;
        for (int t = 0; t < count; ++t, tile += tile_bytes(kBits)) {
            const Lanes<kBits> lanes = load_half<kBits>(tile, half);
            const auto* const values = reinterpret_cast<const float*>(x) + t * kTile;
            unrolled<0, kTile>([&]<int kColumn>() {
                const __m256i pairs = pair_sums<kCode>(states<kBits, kBits * kColumn>(lanes));
                for (int i = 0; i < kCount; ++i) {
                    const auto* const at =
                        reinterpret_cast<const float*>(reinterpret_cast<const char*>(values) + i * step);
                    const __m256i value = _mm256_castps_si256(_mm256_broadcast_ss(at + kColumn));
                    __m256i& sum = dot[i][kColumn % kWays];
                    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, value));
                }
            });
        }
        for (int i = 0; i < kCount; ++i) {
            const auto& trailer = *reinterpret_cast<const Trailer*>(x + i * step + kBlockTrailer);
            __m256i sum = _mm256_add_epi32(dot[i][0], dot[i][1]);
            sum = _mm256_sub_epi32(sum, _mm256_set1_epi32(trailer.surplus));
            total[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(trailer.scale), total[i]);
            rest[i] += trailer.sum;
        }
    }
    for (int i = 0; i < kCount; ++i) {
        const __m256 value = _mm256_fmadd_ps(total[i], _mm256_set1_ps(line.slope), _mm256_set1_ps(line.rest * rest[i]));
        _mm256_store_ps(sums[i] + half * kLanes, _mm256_mul_ps(value, _mm256_set1_ps(m.scale)));
    }
}

struct Int8Kernel {
    template <Code kCode, int kBits, int kCount>
    static void dot_band(const Matrix& m, const unsigned char* tile, const unsigned char* x, float (*sums)[kTile]) {
        for (int half = 0; half < 2; ++half) dot_half_int8<kCode, kBits, kCount>(m, tile, x, half, sums);
    }
};

}  // namespace

void arrange_int8x2_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8<true, Copies::kTwoWords>(matrix, x, out);
}

void arrange_int8_avx2(const void* matrix, const float* x, void* out) {
    arrange_int8<false, Copies::kTwoWords>(matrix, x, out);
}

void trellis_gemv_f32_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                           std::int64_t columns, float* y) {
    product_f32<FloatKernel>(matrix, x, rows, first, columns, y);
}

void trellis_gemv_int8x2_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                              std::int64_t columns, float* y) {
    product_int8<Int8Kernel>(matrix, x, rows, first, columns, y);
}

void trellis_gemv_int8_avx2(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                            std::int64_t columns, float* y) {
    product_int8<Int8Kernel>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::trellis
