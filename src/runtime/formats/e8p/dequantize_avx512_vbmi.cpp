// e8p_dequantize_f32_avx512_vbmi, e8p_dequantize_bf16_avx512_vbmi: rows of W for the dense product. The values of the
// reference, bit for bit.
#include "runtime/formats/e8p/decode_avx512_inl.h"

namespace dwubit::e8p {
namespace {

// The bytes of a chunk in the order of its columns.
inline void in_order(const __m512i* vectors, std::int8_t* bytes) {
    // the position of each coordinate: the inverse of kCoordinate, of two codes
    constexpr std::int64_t kLow = 0x0703060205010400;
    constexpr std::int64_t kHigh = kLow + 0x0808080808080808;
    const __m512i positions = _mm512_set4_epi64(kHigh, kLow, kHigh, kLow);
    for (int c = 0; c < kVectors; ++c) {
        alignas(64) std::int64_t codes[8];
        const __m512i values = _mm512_sub_epi8(vectors[c], _mm512_set1_epi8(kOffset));
        _mm512_store_si512(codes, _mm512_shuffle_epi8(values, positions));
        for (int q = 0; q < 8; ++q) __builtin_memcpy(bytes + 32 * q + 8 * c, &codes[q], 8);
    }
}

inline __m512 to_floats(const std::int8_t* bytes, __m512 unit) {
    const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(packed)), unit);
}

// Rounded to nearest even, as to_bf16() does for finite values.
inline __m256i to_bf16(__m512 values) {
    const __m512i bits = _mm512_castps_si512(values);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

inline void store(float* out, __m512 values, __mmask16 columns) {
    _mm512_mask_storeu_ps(out, columns, values);
}

inline void store(std::uint16_t* out, __m512 values, __mmask16 columns) {
    _mm256_mask_storeu_epi16(out, columns, to_bf16(values));
}

template <int kBits, class T>
inline void dequantize_row(const Matrix& m, const Registers& r, std::int64_t row, T* out) {
    const __m512 quarter = _mm512_set1_ps(0.25f);
    const __m512 scale = _mm512_set1_ps(m.scale);
    const __m512 second = _mm512_set1_ps(m.second);
    const __m512 rest_unit = _mm512_set1_ps(kBits == 3 ? 0.5f : 0.25f);
    const unsigned char* codes = m.codes + row * m.blocks * kBits;
    std::int64_t columns = m.in;
    for (std::int64_t left = m.blocks; left > 0;
         left -= kChunkCodes, codes += kChunkCodes * kBits, out += kChunkColumns, columns -= kChunkColumns) {
        const std::int64_t count = left < kChunkCodes ? left : kChunkCodes;
        const __mmask32 there = count == kChunkCodes ? 0xffffffffU : (1U << count) - 1;
        alignas(64) std::int8_t first[kChunkColumns];
        alignas(64) std::int8_t rest[kChunkColumns];
        __m512i vectors[kVectors];
        decode_chunk(r, codes, codes + count, there, vectors);
        in_order(vectors, first);
        if constexpr (kBits == 3) decode_points(*m.tables, codes + 2 * count, there, vectors);
        if constexpr (kBits == 4) decode_chunk(r, codes + 2 * count, codes + 3 * count, there, vectors);
        if constexpr (kBits > 2) in_order(vectors, rest);
        for (std::int64_t i = 0; i < kChunkColumns && i < columns; i += kLanes) {
            __m512 value = to_floats(first + i, quarter);
            if constexpr (kBits > 2)
                value = _mm512_add_ps(value, _mm512_mul_ps(to_floats(rest + i, rest_unit), second));
            const std::int64_t width = columns - i < kLanes ? columns - i : kLanes;
            store(out + i, _mm512_mul_ps(value, scale), static_cast<__mmask16>((1U << width) - 1));
        }
    }
}

template <class T>
inline void dequantize(const void* matrix, std::int64_t first, std::int64_t count, T* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    const Registers r = load_registers(*m.tables);
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
