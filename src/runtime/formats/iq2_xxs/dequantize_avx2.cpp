// iq2_xxs_dequantize_f32_avx2: rows of W for the dense product. The values of the reference, bit for bit.
#include "runtime/formats/iq2_xxs/decode_avx2_inl.h"

namespace dwubit::iq2_xxs {

void iq2_xxs_dequantize_f32_avx2(const void* matrix, std::int64_t first, std::int64_t count, void* out) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const KernelTables& t = kernel_tables();
    auto* to = static_cast<float*>(out);
    const unsigned char* block = m.blocks + first * m.row_bytes;
    for (std::int64_t b = 0; b < count * m.row_blocks; ++b, block += kBlockBytes) {
        const float d = scale_of(block);
        for (const unsigned char* group = block + 2; group < block + kBlockBytes; group += 8, to += 32) {
            const __m256i levels = group_levels(t, group);
            const __m256 scale = _mm256_set1_ps(group_scale(d, group));
            const __m128i halves[2] = {_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1)};
            for (int i = 0; i < 4; ++i) {
                const __m128i bytes = i % 2 == 0 ? halves[i / 2] : _mm_srli_si128(halves[i / 2], 8);
                _mm256_storeu_ps(to + 8 * i, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)), scale));
            }
        }
    }
}

}  // namespace dwubit::iq2_xxs
