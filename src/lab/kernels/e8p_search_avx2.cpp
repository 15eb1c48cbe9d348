#include <immintrin.h>

#include "lab/kernels/e8p_search_inl.h"

namespace dwubit {
namespace {

// The point of highest score x g - |g|^2 / 2, of equal ones the first, among Count points.
template <int Count>
int best_point(const float (&points)[8][Count], const float (&bias)[Count], const float (&x)[8]) {
    __m256 highest = _mm256_set1_ps(-__builtin_inff());
    __m256i at = _mm256_setzero_si256();
    __m256 coordinate[8];
    for (int i = 0; i < 8; ++i) coordinate[i] = _mm256_set1_ps(x[i]);
    for (int g = 0; g < Count; g += 8) {
        __m256 score = _mm256_loadu_ps(bias + g);
        for (int i = 0; i < 8; ++i) score = _mm256_fmadd_ps(coordinate[i], _mm256_loadu_ps(points[i] + g), score);
        const __m256 higher = _mm256_cmp_ps(score, highest, _CMP_GT_OQ);
        highest = _mm256_blendv_ps(highest, score, higher);
        at = _mm256_blendv_epi8(at, _mm256_set1_epi32(g), _mm256_castps_si256(higher));
    }
    at = _mm256_add_epi32(at, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    float score[8];
    std::int32_t point[8];
    _mm256_storeu_ps(score, highest);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(point), at);
    return first_highest(score, point);
}

}  // namespace

void e8p_search_f32_avx2(const E8pSearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                         std::int32_t* codes, float* values, std::int64_t value_stride) {
    search_vectors(table, x, stride, count, codes, values, value_stride, best_point<kE8pPadded>);
}

void e8_search_f32_avx2(const E8SearchTable& table, const float* x, std::int64_t stride, std::int64_t count,
                        std::int32_t* codes, float* values, std::int64_t value_stride) {
    search_points(table, x, stride, count, codes, values, value_stride, best_point<kE8Points>);
}

}  // namespace dwubit
