#include <immintrin.h>

#include "lab/kernels/e8p_search_inl.h"

namespace dwubit {
namespace {

// The point of highest score x g - |g|^2 / 2, of equal ones the first, among Count points.
template <int Count>
int best_point(const float (&points)[8][Count], const float (&bias)[Count], const float (&x)[8]) {
    __m512 highest = _mm512_set1_ps(-__builtin_inff());
    __m512i at = _mm512_setzero_si512();
    __m512 coordinate[8];
    for (int i = 0; i < 8; ++i) coordinate[i] = _mm512_set1_ps(x[i]);
    for (int g = 0; g < Count; g += 16) {
        __m512 score = _mm512_loadu_ps(bias + g);
        for (int i = 0; i < 8; ++i) score = _mm512_fmadd_ps(coordinate[i], _mm512_loadu_ps(points[i] + g), score);
        const __mmask16 higher = _mm512_cmp_ps_mask(score, highest, _CMP_GT_OQ);
        highest = _mm512_mask_mov_ps(highest, higher, score);
        at = _mm512_mask_mov_epi32(at, higher, _mm512_set1_epi32(g));
    }
    at = _mm512_add_epi32(at, _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    float score[16];
    std::int32_t point[16];
    _mm512_storeu_ps(score, highest);
    _mm512_storeu_si512(point, at);
    return first_highest(score, point);
}

}  // namespace

void e8p_search_f32_avx512(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                           std::int32_t* codes, float* values, std::int64_t value_stride) {
    search_vectors(table, x, stride, count, codes, values, value_stride, best_point<kE8pPadded>);
}

void e8_search_f32_avx512(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                          std::int32_t* codes, float* values, std::int64_t value_stride) {
    search_points(table, x, stride, count, codes, values, value_stride, best_point<kE8Points>);
}

}  // namespace dwubit
