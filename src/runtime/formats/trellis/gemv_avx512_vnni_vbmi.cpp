// trellis_gemv_int8x2_avx512_vnni_vbmi, trellis_gemv_int8_avx512_vnni_vbmi: a lane is a row of W. One shift of any
// number of bits makes 16 states (VBMI), one product their hashes, whose bytes VNNI sums with an activation.
#include "runtime/formats/trellis/arrange_inl.h"
#include "runtime/formats/trellis/decode_avx512_inl.h"

namespace dwubit::trellis {
namespace {

// Bytes ahead of a tile that are asked for from memory.
constexpr std::int64_t kAhead = 4096;

// As states(), in one operation: bytes of 64-bit lanes from any bit on, of which the others are zeroed.
template <int kBits, int kBit>
inline __m512i states_vbmi(const Lanes<kBits>& lanes) {
    constexpr long long kFirst = 16 - kBit % 16;  // of the lower 32 bits; the others have theirs 32 further
    constexpr long long kControl = kFirst | (kFirst + 8) << 8 | (kFirst + 32) << 32 | (kFirst + 40) << 40;
    return _mm512_maskz_multishift_epi64_epi8(0x3333333333333333u, _mm512_set1_epi64(kControl), lanes.d[kBit / 16]);
}

template <bool kResidual>
struct BandKernel {
    template <Code kCode, int kBits, int kCount>
    static void dot_band(const Matrix& m, const unsigned char* tile, const unsigned char* x, float (*sums)[kTile]) {
        // chains of sums that do not wait for each other
        constexpr int kWays = kCount == 1 ? 4 : 1;
        const std::int64_t step = blocks(m) * kBlockBytes;
        const __m512i ones = _mm512_set1_epi8(1);
        const Line line = line_of(kCode);
        __m512 total[kCount];
        float rest[kCount];
        for (int i = 0; i < kCount; ++i) total[i] = _mm512_setzero_ps(), rest[i] = 0;
        for (std::int64_t left = tiles(m); left > 0; left -= 2, x += kBlockBytes) {
            __m512i dot[kCount][kWays];
            for (int i = 0; i < kCount; ++i) {
                for (int way = 0; way < kWays; ++way) dot[i][way] = _mm512_setzero_si512();
            }
            const int count = left < 2 ? 1 : 2;
            for (int t = 0; t < count; ++t, tile += tile_bytes(kBits)) {
                _mm_prefetch(reinterpret_cast<const char*>(tile + kAhead), _MM_HINT_T0);
                const Lanes<kBits> lanes = load_tile<kBits>(tile);
                const auto* const values = reinterpret_cast<const std::int32_t*>(x) + t * kTile;
                unrolled<0, kTile>([&]<int kColumn>() {
                    __m512i bytes = hash_bytes<kCode>(states_vbmi<kBits, kBits * kColumn>(lanes));
                    if constexpr (kResidual) bytes = _mm512_maddubs_epi16(bytes, ones);
                    for (int i = 0; i < kCount; ++i) {
                        const auto* const at =
                            reinterpret_cast<const std::int32_t*>(reinterpret_cast<const char*>(values) + i * step);
                        __m512i& sum = dot[i][kColumn % kWays];
                        const __m512i value = _mm512_set1_epi32(at[kColumn]);
                        sum =
                            kResidual ? _mm512_dpwssd_epi32(sum, bytes, value) : _mm512_dpbusd_epi32(sum, bytes, value);
                    }
                });
            }
            for (int i = 0; i < kCount; ++i) {
                __m512i sum = dot[i][0];
                for (int way = 1; way < kWays; ++way) sum = _mm512_add_epi32(sum, dot[i][way]);
                const auto& trailer = *reinterpret_cast<const Trailer*>(x + i * step + kBlockTrailer);
                sum = _mm512_sub_epi32(sum, _mm512_set1_epi32(trailer.surplus));
                total[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(trailer.scale), total[i]);
                rest[i] += trailer.sum;
            }
        }
        for (int i = 0; i < kCount; ++i) {
            const __m512 value =
                _mm512_fmadd_ps(total[i], _mm512_set1_ps(line.slope), _mm512_set1_ps(line.rest * rest[i]));
            _mm512_store_ps(sums[i], _mm512_mul_ps(value, _mm512_set1_ps(m.scale)));
        }
    }
};

}  // namespace

void arrange_int8x2_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8<true, Copies::kTwoWords>(matrix, x, out);
}

void arrange_int8_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8<false, Copies::kFourBytes>(matrix, x, out);
}

void trellis_gemv_int8x2_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                          std::int64_t columns, float* y) {
    product_int8<BandKernel<true>>(matrix, x, rows, first, columns, y);
}

void trellis_gemv_int8_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                        std::int64_t columns, float* y) {
    product_int8<BandKernel<false>>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::trellis
