// iq2_xxs_dequantize_f32_avx512, iq2_xxs_dequantize_bf16_avx512: rows of W for the dense product. The values of the
// reference, bit for bit; bf16 rounded to nearest even.
#include "runtime/formats/iq2_xxs/decode_avx2_inl.h"

namespace dwubit::iq2_xxs {
namespace {

inline void store(float* out, __m512 values) {
    _mm512_storeu_ps(out, values);
}

inline void store(std::uint16_t* out, __m512 values) {
    const __m512i bits = _mm512_castps_si512(values);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16)));
}

template <class T>
inline void dequantize(const void* matrix, std::int64_t first, std::int64_t count, T* out) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const KernelTables& t = kernel_tables();
    const unsigned char* block = m.blocks + first * m.row_bytes;
    for (std::int64_t b = 0; b < count * m.row_blocks; ++b, block += kBlockBytes) {
        const float d = scale_of(block);
        for (const unsigned char* group = block + 2; group < block + kBlockBytes; group += 8, out += 32) {
            const __m256i levels = group_levels(t, group);
            const __m512 scale = _mm512_set1_ps(group_scale(d, group));
            const __m128i low = _mm256_castsi256_si128(levels);
            const __m128i high = _mm256_extracti128_si256(levels, 1);
            store(out, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(low)), scale));
            store(out + 16, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(high)), scale));
        }
    }
}

}  // namespace

void iq2_xxs_dequantize_f32_avx512(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize(matrix, first, count, static_cast<float*>(out));
}

void iq2_xxs_dequantize_bf16_avx512(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    dequantize(matrix, first, count, static_cast<std::uint16_t*>(out));
}

}  // namespace dwubit::iq2_xxs
