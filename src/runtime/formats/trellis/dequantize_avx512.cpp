// trellis_dequantize_f32_avx512, trellis_dequantize_bf16_avx512: rows of W for the dense product. The values of the
// reference, bit for bit.
#include "runtime/formats/store_avx512_inl.h"
#include "runtime/formats/trellis/decode_avx512_inl.h"

namespace dwubit::trellis {
namespace {

// 16 vectors of columns become 16 vectors of rows.
inline void transpose(__m512* v) {
    __m512 t[kTile];
    for (int i = 0; i < 8; ++i) {
        t[2 * i] = _mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]);
        t[2 * i + 1] = _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]);
    }
    const auto pair_low = [](__m512 a, __m512 b) {
        return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    };
    const auto pair_high = [](__m512 a, __m512 b) {
        return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
    };
    // v[4 i + j]: rows j, j + 4, j + 8, j + 12 of columns 4 i to 4 i + 3
    for (int i = 0; i < kTile; i += 4) {
        v[i] = pair_low(t[i], t[i + 2]);
        v[i + 1] = pair_high(t[i], t[i + 2]);
        v[i + 2] = pair_low(t[i + 1], t[i + 3]);
        v[i + 3] = pair_high(t[i + 1], t[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
        const __m512 low_even = _mm512_shuffle_f32x4(v[j], v[4 + j], 0x88);
        const __m512 low_odd = _mm512_shuffle_f32x4(v[j], v[4 + j], 0xdd);
        const __m512 high_even = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0x88);
        const __m512 high_odd = _mm512_shuffle_f32x4(v[8 + j], v[12 + j], 0xdd);
        v[j] = _mm512_shuffle_f32x4(low_even, high_even, 0x88);
        v[8 + j] = _mm512_shuffle_f32x4(low_even, high_even, 0xdd);
        v[4 + j] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
        v[12 + j] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xdd);
    }
}

template <class T>
struct TileKernel {
    explicit TileKernel(const Matrix& of) : m(of), places(pair_places(of.bits)) {}

    template <Code kCode, int kBits>
    void dequantize_tile(const unsigned char* tile, BandRows rows, T* out) const {
        const Lanes<kBits> lanes = load_tile<kBits>(tile);
        const __m512 scale = _mm512_set1_ps(m.scale);
        if constexpr (kCode == Code::kHyb) {
            alignas(64) std::int32_t pairs[kTile / 2 * kTile];
            unrolled<0, kTile / 2>([&]<int kStep>() {
                _mm512_store_si512(pairs + kStep * kTile, pair_index(states<kBits, 2 * kBits * kStep>(lanes)));
            });
            for (std::int64_t r = rows.begin; r < rows.end; ++r, out += m.in) {
                alignas(64) float values[kTile];
                for (int q = 0; q < kTile / 2; ++q) {
                    __builtin_memcpy(values + 2 * q, m.values + 2 * pairs[places.at[r][q]], 2 * sizeof(float));
                }
                store(out, _mm512_mul_ps(_mm512_load_ps(values), scale), 0xffff);
            }
        } else {
            __m512 values[kTile];
            unrolled<0, kTile>([&]<int kColumn>() {
                values[kColumn] = _mm512_mul_ps(values_of<kCode>(states<kBits, kBits * kColumn>(lanes)), scale);
            });
            transpose(values);
            for (std::int64_t r = rows.begin; r < rows.end; ++r, out += m.in) store(out, values[r], 0xffff);
        }
    }

    const Matrix& m;
    PairPlaces places;
};

}  // namespace

void trellis_dequantize_f32_avx512(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize_bands<TileKernel<float>>(matrix, first, count, static_cast<float*>(out));
}

void trellis_dequantize_bf16_avx512(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize_bands<TileKernel<std::uint16_t>>(matrix, first, count, static_cast<std::uint16_t*>(out));
}

}  // namespace dwubit::trellis
