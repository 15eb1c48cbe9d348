// e8p_dequantize_f32_avx2: rows of W for the dense product. The values of the reference, bit for bit.
#include "runtime/formats/e8p/decode_avx2_inl.h"

namespace dwubit::e8p {
namespace {

inline __m128i entry(const std::int8_t (*table)[8], unsigned code) {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(table[code]));
}

inline __m128i lattice_value(const KernelTables& t, unsigned row, unsigned sign) {
    return _mm_add_epi8(_mm_sign_epi8(entry(t.rows, row), entry(t.signs, sign)), entry(t.shifts, sign));
}

// Eight bytes in the order of the tables to floats in the order of columns.
inline __m256 to_floats(__m128i bytes, float unit) {
    // the position of each coordinate: the inverse of kCoordinate
    const __m128i positions = _mm_set1_epi64x(0x0703060205010400);
    const __m256i values = _mm256_cvtepi8_epi32(_mm_shuffle_epi8(bytes, positions));
    return _mm256_mul_ps(_mm256_cvtepi32_ps(values), _mm256_set1_ps(unit));
}

template <int kBits>
inline __m256 code_values(const Matrix& m, const unsigned char* code, std::int64_t plane) {
    const KernelTables& t = *m.tables;
    __m256 value = to_floats(lattice_value(t, code[0], code[plane]), 0.25f);
    if constexpr (kBits > 2) {
        __m256 rest;
        if constexpr (kBits == 3) {
            rest = to_floats(entry(t.points, code[2 * plane]), 0.5f);
        } else {
            rest = to_floats(lattice_value(t, code[2 * plane], code[3 * plane]), 0.25f);
        }
        value = _mm256_add_ps(value, _mm256_mul_ps(rest, _mm256_set1_ps(m.second)));
    }
    return _mm256_mul_ps(value, _mm256_set1_ps(m.scale));
}

template <int kBits>
inline void dequantize_row(const Matrix& m, std::int64_t row, float* out) {
    const unsigned char* codes = m.codes + row * m.blocks * kBits;
    std::int64_t columns = m.in;
    for (std::int64_t left = m.blocks; left > 0; left -= kChunkCodes, codes += kChunkCodes * kBits) {
        const std::int64_t count = left < kChunkCodes ? left : kChunkCodes;
        for (std::int64_t i = 0; i < count; ++i, out += 8, columns -= 8) {
            const __m256 values = code_values<kBits>(m, codes + i, count);
            if (columns >= 8) {
                _mm256_storeu_ps(out, values);
                continue;
            }
            float last[8];
            _mm256_storeu_ps(last, values);
            for (std::int64_t j = 0; j < columns; ++j) out[j] = last[j];
        }
    }
}

}  // namespace

void e8p_dequantize_f32_avx2(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const Matrix& m = *static_cast<const Matrix*>(matrix);
    auto* to = static_cast<float*>(out);
    for (std::int64_t row = first; row < first + count; ++row, to += m.in) {
        if (m.bits == 2) dequantize_row<2>(m, row, to);
        if (m.bits == 3) dequantize_row<3>(m, row, to);
        if (m.bits == 4) dequantize_row<4>(m, row, to);
    }
}

}  // namespace dwubit::e8p
