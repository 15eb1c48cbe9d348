// iq2_xxs_gemv_int8x2_avx512_vnni_vbmi, iq2_xxs_gemv_int8_avx512_vnni_vbmi: points become bytes in registers, dot
// products of bytes sum them with int8 activations.
#include "runtime/formats/int8_lanes_inl.h"
#include "runtime/formats/iq2_xxs/decode_avx512_inl.h"
#include "runtime/formats/product_rows_inl.h"

namespace dwubit::iq2_xxs {
namespace {

// Bytes ahead of a row that are asked for from memory.
constexpr std::int64_t kAhead = 4096;

// Of a block: the sums of levels times activations, in units of the activations' lane scales.
template <bool kResidual>
inline __m512 block_dot(const __m512i* values, const unsigned char* x) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const __m512i surplus = _mm512_load_si512(x + kLayout.sums);  // what kOffset has added
    __m512i sum = _mm512_setzero_si512();
    for (int c = 0; c < kVectors; ++c) {
        sum = _mm512_dpbusd_epi32(sum, values[c], _mm512_load_si512(x + c * kVectorBytes));
    }
    if constexpr (kResidual) {
        sum = _mm512_slli_epi32(sum, 8);
        for (int c = 0; c < kVectors; ++c) {
            sum = _mm512_dpbusd_epi32(sum, values[c], _mm512_load_si512(x + kChunkColumns + c * kVectorBytes));
        }
    }
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, surplus));
}

// One row of W times kCount rows of x; y[i * stride].
template <bool kResidual, int kCount>
inline void dot_row(const BlockMatrix& m, const Registers& r, const unsigned char* x, std::int64_t row, float* y,
                    std::int64_t stride) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const std::int64_t step = m.row_blocks * kLayout.stride;
    __m512 sums[kCount];
    for (int i = 0; i < kCount; ++i) sums[i] = _mm512_setzero_ps();
    const unsigned char* block = m.blocks + row * m.row_bytes;
    for (std::int64_t b = 0; b < m.row_blocks; ++b, block += kBlockBytes, x += kLayout.stride) {
        _mm_prefetch(reinterpret_cast<const char*>(block + kAhead), _MM_HINT_T0);
        const __m512i groups = _mm512_loadu_si512(block + 2);
        __m512i values[kVectors];
        decode_block(r, groups, values);
        const __m512 scales = lane_scales(block, groups);
        for (int i = 0; i < kCount; ++i) {
            const unsigned char* const xi = x + i * step;
            const __m512 dot = _mm512_mul_ps(block_dot<kResidual>(values, xi), scales);
            sums[i] = _mm512_fmadd_ps(dot, _mm512_load_ps(xi + kLayout.scales), sums[i]);
        }
    }
    for (int i = 0; i < kCount; ++i) y[i * stride] = _mm512_reduce_add_ps(sums[i]);
}

template <bool kResidual>
inline void product(const void* matrix, const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns,
                    float* y) {
    const BlockMatrix& m = *static_cast<const BlockMatrix*>(matrix);
    const Registers r = load_registers();
    const auto dot = [&]<int kCount>(const unsigned char* some, std::int64_t row, float* to, std::int64_t stride) {
        dot_row<kResidual, kCount>(m, r, some, row, to, stride);
    };
    product_rows(dot, static_cast<const unsigned char*>(x), m.row_blocks * arranged_int8(kResidual).stride, rows, first,
                 columns, y);
}

}  // namespace

void arrange_int8x2_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, true>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void arrange_int8_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8_lanes<LaneOrder, false>(x, static_cast<const BlockMatrix*>(matrix)->in, out);
}

void iq2_xxs_gemv_int8x2_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                          std::int64_t columns, float* y) {
    product<true>(matrix, x, rows, first, columns, y);
}

void iq2_xxs_gemv_int8_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                        std::int64_t columns, float* y) {
    product<false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::iq2_xxs
