// trellis_dequantize_f32_avx2: rows of W for the dense product. The values of the reference, bit for bit.
#include "runtime/formats/trellis/decode_avx2_inl.h"

namespace dwubit::trellis {
namespace {

// 8 vectors of columns become 8 vectors of rows.
inline void transpose(__m256* v) {
    __m256 t[kLanes];
    for (int i = 0; i < 4; ++i) {
        t[2 * i] = _mm256_unpacklo_ps(v[2 * i], v[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_ps(v[2 * i], v[2 * i + 1]);
    }
    // v[4 i + j]: rows j and j + 4 of columns 4 i to 4 i + 3
    for (int i = 0; i < kLanes; i += 4) {
        v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int j = 0; j < 4; ++j) {
        const __m256 low = _mm256_permute2f128_ps(v[j], v[4 + j], 0x20);
        v[4 + j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x31);
        v[j] = low;
    }
}

struct TileKernel {
    explicit TileKernel(const Matrix& of) : m(of), places(pair_places(of.bits)) {}

    template <Code kCode, int kBits>
    void dequantize_tile(const unsigned char* tile, BandRows rows, float* out) const {
        if constexpr (kCode == Code::kHyb) {
            dequantize_pairs<kBits>(tile, rows, out);
        } else {
            for (int half = 0; half < 2; ++half) dequantize_half<kCode, kBits>(tile, rows, half, out);
        }
    }

    template <int kBits>
    void dequantize_pairs(const unsigned char* tile, BandRows rows, float* out) const {
        alignas(32) std::int32_t pairs[kTile / 2 * kTile];
        for (int half = 0; half < 2; ++half) {
            const Lanes<kBits> lanes = load_half<kBits>(tile, half);
            unrolled<0, kTile / 2>([&]<int kStep>() {
                _mm256_store_si256(reinterpret_cast<__m256i*>(pairs + kStep * kTile + half * kLanes),
                                   pair_index(states<kBits, 2 * kBits * kStep>(lanes)));
            });
        }
        for (std::int64_t r = rows.begin; r < rows.end; ++r, out += m.in) {
            for (int q = 0; q < kTile / 2; ++q) {
                const float* const pair = m.values + 2 * pairs[places.at[r][q]];
                out[2 * q] = pair[0] * m.scale;
                out[2 * q + 1] = pair[1] * m.scale;
            }
        }
    }

    template <Code kCode, int kBits>
    void dequantize_half(const unsigned char* tile, BandRows rows, int half, float* out) const {
        const Lanes<kBits> lanes = load_half<kBits>(tile, half);
        const __m256 scale = _mm256_set1_ps(m.scale);
        __m256 values[kTile];
        unrolled<0, kTile>([&]<int kColumn>() {
            values[kColumn] = _mm256_mul_ps(values_of<kCode>(states<kBits, kBits * kColumn>(lanes)), scale);
        });
        transpose(values);
        transpose(values + kLanes);
        const std::int64_t begin = half * kLanes;
        for (std::int64_t r = rows.begin < begin ? begin : rows.begin; r < rows.end && r < begin + kLanes; ++r) {
            float* const to = out + (r - rows.begin) * m.in;
            _mm256_storeu_ps(to, values[r - begin]);
            _mm256_storeu_ps(to + kLanes, values[kLanes + r - begin]);
        }
    }

    const Matrix& m;
    PairPlaces places;
};

}  // namespace

void trellis_dequantize_f32_avx2(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize_bands<TileKernel>(matrix, first, count, static_cast<float*>(out));
}

}  // namespace dwubit::trellis
