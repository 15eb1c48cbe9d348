// e8p_gemv_int8x2_avx512_vnni_vbmi, e8p_gemv_int8_avx512_vnni_vbmi: codes become bytes in registers, dot products of
// bytes sum them with int8 activations.
#include "runtime/formats/e8p/decode_avx512_inl.h"
#include "runtime/formats/e8p/product_inl.h"

namespace dwubit::e8p {
namespace {

// Bytes ahead of a row that are asked for from memory.
constexpr std::int64_t kAhead = 4096;

// Of a chunk: the sums of values times activations, in units of the lane scales.
template <bool kResidual>
inline __m512 chunk_dot(const __m512i* values, const unsigned char* x) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    // what kOffset has added
    const __m512i surplus = _mm512_load_si512(x + kLayout.sums);
    __m512i sum = _mm512_setzero_si512();
    for (int c = 0; c < kVectors; ++c)
        sum = _mm512_dpbusd_epi32(sum, values[c], _mm512_load_si512(x + c * kVectorBytes));
    if constexpr (kResidual) {
        sum = _mm512_slli_epi32(sum, 8);
        for (int c = 0; c < kVectors; ++c) {
            sum = _mm512_dpbusd_epi32(sum, values[c], _mm512_load_si512(x + kChunkColumns + c * kVectorBytes));
        }
    }
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(sum, surplus));
}

// One row of W times kCount rows of x; y[i * stride]. A row's sums run in one order whatever kCount is.
template <int kBits, bool kResidual, int kCount>
inline void dot_row(const Matrix& m, const Registers& r, const unsigned char* x, std::int64_t row, float* y,
                    std::int64_t stride) {
    constexpr ArrangedInt8 kLayout = arranged_int8(kResidual);
    const std::int64_t step = chunks(m) * kLayout.stride;
    const __m512 second = _mm512_set1_ps(kBits == 3 ? 2 * m.second : m.second);
    __m512 sums[kCount];
    for (int i = 0; i < kCount; ++i) sums[i] = _mm512_setzero_ps();
    const unsigned char* codes = m.codes + row * m.blocks * kBits;
    for (std::int64_t left = m.blocks; left > 0;
         left -= kChunkCodes, codes += kChunkCodes * kBits, x += kLayout.stride) {
        const std::int64_t count = left < kChunkCodes ? left : kChunkCodes;
        const __mmask32 there = count == kChunkCodes ? 0xffffffffU : (1U << count) - 1;
        _mm_prefetch(reinterpret_cast<const char*>(codes + kAhead), _MM_HINT_T0);
        __m512i values[kVectors];
        decode_chunk<Order::kLanes>(r, codes, codes + count, there, values);
        [[maybe_unused]] __m512i rest[kVectors];
        if constexpr (kBits == 3) decode_points<Order::kLanes>(*m.tables, codes + 2 * count, count, rest);
        if constexpr (kBits == 4) decode_chunk<Order::kLanes>(r, codes + 2 * count, codes + 3 * count, there, rest);
        for (int i = 0; i < kCount; ++i) {
            const unsigned char* const xi = x + i * step;
            __m512 dot = chunk_dot<kResidual>(values, xi);
            if constexpr (kBits > 2) dot = _mm512_fmadd_ps(chunk_dot<kResidual>(rest, xi), second, dot);
            sums[i] = _mm512_fmadd_ps(dot, _mm512_load_ps(xi + kLayout.scales), sums[i]);
        }
    }
    for (int i = 0; i < kCount; ++i) y[i * stride] = _mm512_reduce_add_ps(sums[i]) * (m.scale / 4);
}

struct RowKernel {
    explicit RowKernel(const Matrix& of) : m(of), registers(load_registers<Order::kLanes>(*of.tables)) {}

    template <int kBits, bool kResidual, int kCount>
    void dot_row(const unsigned char* x, std::int64_t row, float* y, std::int64_t stride) const {
        e8p::dot_row<kBits, kResidual, kCount>(m, registers, x, row, y, stride);
    }

    const Matrix& m;
    Registers registers;
};

}  // namespace

void arrange_int8x2_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8<true>(matrix, x, out);
}

void arrange_int8_avx512(const void* matrix, const float* x, void* out) {
    arrange_int8<false>(matrix, x, out);
}

void e8p_gemv_int8x2_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                      std::int64_t columns, float* y) {
    product<RowKernel, true>(matrix, x, rows, first, columns, y);
}

void e8p_gemv_int8_avx512_vnni_vbmi(const void* matrix, const void* x, std::int64_t rows, std::int64_t first,
                                    std::int64_t columns, float* y) {
    product<RowKernel, false>(matrix, x, rows, first, columns, y);
}

}  // namespace dwubit::e8p
