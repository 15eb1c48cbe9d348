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

// HYB's first or second numbers as words in registers: 64 of 512 in each two.
struct Table {
    __m512i words[16];
};
inline Table load_table(const std::uint16_t* numbers) {
    Table table;
    for (int i = 0; i < 16; ++i) table.words[i] = _mm512_loadu_si512(numbers + 32 * i);
    return table;
}

// Bits 6, 7 and 8 of 32 indices: which two registers.
struct Choice {
    __mmask32 bits[3];
};

inline __m512i look_up(const Table& t, __m512i index, const Choice& choice) {
    __m512i found[8];
    for (int i = 0; i < 8; ++i) found[i] = _mm512_permutex2var_epi16(t.words[2 * i], index, t.words[2 * i + 1]);
    for (int bit = 0; bit < 3; ++bit) {
        for (int i = 0; i < 4 >> bit; ++i) {
            found[i] = _mm512_mask_blend_epi16(choice.bits[bit], found[2 * i], found[2 * i + 1]);
        }
    }
    return found[0];
}

template <int kHalf>
inline __m512 to_floats(__m512i halves) {
    return _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, kHalf));
}

// Two steps at once: lanes of 32 bits become two words, of the even step and the odd one.
template <int kBits, int kCount>
inline void dot_band_pairs(const Matrix& m, const unsigned char* tile, const float* x, float (*sums)[kTile]) {
    constexpr bool kFragments = in_fragments(Code::kHyb, kBits);
    const Table first_numbers = load_table(m.halves);
    const Table second_numbers = load_table(m.halves + kPairs / 2);
    __m512 total[kCount][2];  // parts 0 to 7, 8 to 15; in each [part][step odd]
    for (auto& row : total) row[0] = row[1] = _mm512_setzero_ps();
    for (std::int64_t t = 0; t < tiles(m); ++t, tile += tile_bytes(kBits), x += kTile) {
        const Lanes<kBits> lanes = load_tile<kBits>(tile);
        unrolled<0, kTile / 4>([&]<int kTwo>() {
            const __m512i even = pair_index(states<kBits, 4 * kBits * kTwo>(lanes));
            const __m512i odd = pair_index(states<kBits, 4 * kBits * kTwo + 2 * kBits>(lanes));
            const __m512i index = _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
            const Choice choice = {{_mm512_test_epi16_mask(index, _mm512_set1_epi16(64)),
                                    _mm512_test_epi16_mask(index, _mm512_set1_epi16(128)),
                                    _mm512_test_epi16_mask(index, _mm512_set1_epi16(256))}};
            // bit 9 of the index negates
            const __m512i signs = _mm512_and_si512(_mm512_slli_epi16(index, 6), _mm512_set1_epi16(-0x8000));
            const __m512i first = _mm512_xor_si512(look_up(first_numbers, index, choice), signs);
            const __m512i second = look_up(second_numbers, index, choice);
            const __m512 values[2][2] = {{to_floats<0>(first), to_floats<0>(second)},
                                         {to_floats<1>(first), to_floats<1>(second)}};
            for (int i = 0; i < kCount; ++i) {
                // with fragments both steps see one pair of columns, odd parts another; else all parts the next four
                constexpr int kFirst = kFragments ? 0xa0 : 0x88;
                constexpr int kSecond = kFragments ? 0xf5 : 0xdd;
                const __m512 four = _mm512_broadcast_f32x4(_mm_loadu_ps(x + i * m.in + 4 * kTwo));
                const __m512 activations[2] = {_mm512_permute_ps(four, kFirst), _mm512_permute_ps(four, kSecond)};
                for (int half = 0; half < 2; ++half) {
                    total[i][half] = _mm512_fmadd_ps(values[half][0], activations[0], total[i][half]);
                    total[i][half] = _mm512_fmadd_ps(values[half][1], activations[1], total[i][half]);
                }
            }
        });
    }
    for (int i = 0; i < kCount; ++i) {
        alignas(64) float parts[kTile][2];
        _mm512_store_ps(parts[0], total[i][0]);
        _mm512_store_ps(parts[kTile / 2], total[i][1]);
        for (std::int64_t r = 0; r < kTile; ++r) {
            const std::int64_t b = r % 8 * 2;
            sums[i][r] =
                kFragments ? (parts[b][r / 8] + parts[b + 1][r / 8]) * m.scale : (parts[r][0] + parts[r][1]) * m.scale;
        }
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
