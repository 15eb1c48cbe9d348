// e8p_dequantize_f32_avx512_vbmi, e8p_dequantize_bf16_avx512_vbmi: rows of W for the dense product. The values of the
// reference, bit for bit.
#include "runtime/formats/e8p/decode_avx512_inl.h"
#include "runtime/formats/store_avx512_inl.h"

namespace dwubit::e8p {
namespace {

// The bytes of a vector in the order of its columns, without kOffset.
inline __m512i in_order(__m512i vector) {
    // the position of each coordinate: the inverse of kCoordinate, of two codes
    constexpr std::int64_t kLow = 0x0703060205010400;
    constexpr std::int64_t kHigh = kLow + 0x0808080808080808;
    const __m512i values = _mm512_sub_epi8(vector, _mm512_set1_epi8(kOffset));
    return _mm512_shuffle_epi8(values, _mm512_set4_epi64(kHigh, kLow, kHigh, kLow));
}

// Columns [16 kPart, 16 kPart + 16) of a vector.
template <int kPart>
inline __m512 to_floats(__m512i bytes, __m512 unit) {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm512_extracti32x4_epi32(bytes, kPart))), unit);
}

struct Units {
    __m512 first;
    __m512 rest;
    __m512 second;
    __m512 scale;
};

// 16 columns of a vector, of which the row has `columns` from here on.
template <int kBits, int kPart, class T>
inline void store_part(const Units& u, __m512i first, __m512i rest, std::int64_t columns, T* out) {
    const std::int64_t left = columns - kPart * kLanes;
    if (left <= 0) return;
    __m512 value = to_floats<kPart>(first, u.first);
    if constexpr (kBits > 2) value = _mm512_add_ps(value, _mm512_mul_ps(to_floats<kPart>(rest, u.rest), u.second));
    const auto there = static_cast<__mmask16>(left >= kLanes ? 0xffff : (1U << left) - 1);
    store(out + kPart * kLanes, _mm512_mul_ps(value, u.scale), there);
}

template <int kBits, class T>
inline void dequantize_row(const Matrix& m, const Registers& r, std::int64_t row, T* out) {
    const Units u = {_mm512_set1_ps(0.25f), _mm512_set1_ps(kBits == 3 ? 0.5f : 0.25f), _mm512_set1_ps(m.second),
                     _mm512_set1_ps(m.scale)};
    const unsigned char* codes = m.codes + row * m.blocks * kBits;
    std::int64_t columns = m.in;
    for (std::int64_t left = m.blocks; left > 0; left -= kChunkCodes, codes += kChunkCodes * kBits) {
        const std::int64_t count = left < kChunkCodes ? left : kChunkCodes;
        const __mmask32 there = count == kChunkCodes ? 0xffffffffU : (1U << count) - 1;
        __m512i first[kVectors];
        __m512i rest[kVectors] = {};
        decode_chunk<Order::kColumns>(r, codes, codes + count, there, first);
        if constexpr (kBits == 3) decode_points<Order::kColumns>(*m.tables, codes + 2 * count, count, rest);
        if constexpr (kBits == 4) decode_chunk<Order::kColumns>(r, codes + 2 * count, codes + 3 * count, there, rest);
        for (int c = 0; c < kVectors && columns > 0; ++c, out += kVectorBytes, columns -= kVectorBytes) {
            const __m512i values = in_order(first[c]);
            const __m512i rests = in_order(rest[c]);
            store_part<kBits, 0>(u, values, rests, columns, out);
            store_part<kBits, 1>(u, values, rests, columns, out);
            store_part<kBits, 2>(u, values, rests, columns, out);
            store_part<kBits, 3>(u, values, rests, columns, out);
        }
    }
}

template <class T>
inline void dequantize(const void* matrix, std::int64_t first, std::int64_t count, T* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const Registers r = load_registers<Order::kColumns>(*m.tables);
    for (std::int64_t row = first; row < first + count; ++row, out += m.in) {
        if (m.bits == 2) dequantize_row<2>(m, r, row, out);
        if (m.bits == 3) dequantize_row<3>(m, r, row, out);
        if (m.bits == 4) dequantize_row<4>(m, r, row, out);
    }
}

}  // namespace

void e8p_dequantize_f32_avx512_vbmi(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize(matrix, first, count, static_cast<float*>(out));
}

void e8p_dequantize_bf16_avx512_vbmi(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize(matrix, first, count, static_cast<std::uint16_t*>(out));
}

}  // namespace dwubit::e8p
