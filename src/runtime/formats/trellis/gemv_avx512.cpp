// trellis_gemv_f32_avx512: values of 16 rows at a time in float32, times activations as they are.
#include "runtime/formats/trellis/decode_avx512_inl.h"

namespace dwubit::trellis {
namespace {

// Chains of sums that do not wait for each other.
constexpr int kWays = 2;

template <int kBits, int kCount>
inline void dot_band_values(const Matrix& m, const unsigned char* tile, const float* x, float (*sums)[kTile],
                            auto decode) {
    __m512 total[kCount][kWays];
    for (int i = 0; i < kCount; ++i) {
        for (int way = 0; way < kWays; ++way) total[i][way] = _mm512_setzero_ps();
    }
    for (std::int64_t t = 0; t < tiles(m); ++t, tile += tile_bytes(kBits), x += kTile) {
        const Lanes<kBits> lanes = load_tile<kBits>(tile);
        unrolled<0, kTile>([&]<int kColumn>() {
            const __m512 values = decode(states<kBits, kBits * kColumn>(lanes));
            for (int i = 0; i < kCount; ++i) {
                __m512& sum = total[i][kColumn % kWays];
                sum = _mm512_fmadd_ps(values, _mm512_set1_ps(x[i * m.in + kColumn]), sum);
            }
        });
    }
    for (int i = 0; i < kCount; ++i) {
        const __m512 sum = _mm512_add_ps(total[i][0], total[i][1]);
        _mm512_store_ps(sums[i], _mm512_mul_ps(sum, _mm512_set1_ps(m.scale)));
    }
}

// The activations of a step's pairs, in the order of arrange_f32: the same two for all parts, or with fragments four,
// two for the even ones.
template <bool kFragments>
inline __m512 step_activations(const float* x, int step) {
    if constexpr (kFragments) return _mm512_broadcast_f32x4(_mm_loadu_ps(x + step / 2 * 4));
    double pair;
    __builtin_memcpy(&pair, x + 2 * step, sizeof(pair));
    return _mm512_castpd_ps(_mm512_set1_pd(pair));
}

template <int kBits, int kCount>
inline void dot_band_pairs(const Matrix& m, const unsigned char* tile, const float* x, float (*sums)[kTile]) {
    constexpr bool kFragments = in_fragments(Code::kHyb, kBits);
    __m512 total[kCount][2][2];  // by whether the step is odd, then parts 0 to 7, 8 to 15
    for (auto& row : total) {
        for (auto& steps : row) steps[0] = steps[1] = _mm512_setzero_ps();
    }
    for (std::int64_t t = 0; t < tiles(m); ++t, tile += tile_bytes(kBits), x += kTile) {
        const Lanes<kBits> lanes = load_tile<kBits>(tile);
        unrolled<0, kTile / 2>([&]<int kStep>() {
            const __m512i index = pair_index(states<kBits, 2 * kBits * kStep>(lanes));
            const __m512 low = gather_pairs(m.values, _mm512_castsi512_si256(index));
            const __m512 high = gather_pairs(m.values, _mm512_extracti64x4_epi64(index, 1));
            for (int i = 0; i < kCount; ++i) {
                __m512(&sum)[2] = total[i][kStep % 2];
                const __m512 value = step_activations<kFragments>(x + i * m.in, kStep);
                sum[0] = _mm512_fmadd_ps(low, value, sum[0]);
                sum[1] = _mm512_fmadd_ps(high, value, sum[1]);
            }
        });
    }
    for (int i = 0; i < kCount; ++i) {
        alignas(64) float steps[2][2 * kTile];
        for (int odd = 0; odd < 2; ++odd) {
            _mm512_store_ps(steps[odd], total[i][odd][0]);
            _mm512_store_ps(steps[odd] + kTile, total[i][odd][1]);
        }
        add_pairs(kFragments, steps[0], steps[1], m.scale, sums[i]);
    }
}

struct BandKernel {
    template <Code kCode, int kBits, int kCount>
    static void dot_band(const Matrix& m, const unsigned char* tile, const unsigned char* x, float (*sums)[kTile]) {
        const auto* const floats = reinterpret_cast<const float*>(x);
        if constexpr (kCode == Code::kHyb) {
            dot_band_pairs<kBits, kCount>(m, tile, floats, sums);
        } else {
            dot_band_values<kBits, kCount>(m, tile, floats, sums,
                                           [](__m512i state) { return values_of<kCode>(state); });
        }
    }
};

}  // namespace

void trellis_gemv_f32_avx512(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                             std::int64_t columns, float* y) {
    product_f32<BandKernel>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::trellis
