#include <immintrin.h>

#include "lab/kernels/viterbi_inl.h"

namespace dwubit::viterbi {
namespace {

struct Lanes256 {
    using Vector = __m256i;
    static constexpr int kCount = 16;
    static Vector load(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
    static void store(void* p, Vector a) { _mm256_store_si256(static_cast<__m256i*>(p), a); }
    static Vector all(std::int16_t a) { return _mm256_set1_epi16(a); }
    static Vector add(Vector a, Vector b) { return _mm256_adds_epu16(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm256_sub_epi16(a, b); }
    static Vector larger(Vector a, Vector b) { return _mm256_max_epi16(a, b); }
    static Vector smaller(Vector a, Vector b) { return _mm256_min_epi16(a, b); }
    static Vector least(Vector a, Vector b) { return _mm256_min_epu16(a, b); }
    static Vector high_product(Vector a, Vector b) { return _mm256_mulhi_epu16(a, b); }
    static Vector high_product_signed(Vector a, Vector b) { return _mm256_mulhi_epi16(a, b); }
    static Vector shift_right(Vector a, int bits) { return _mm256_srl_epi16(a, _mm_cvtsi32_si128(bits)); }
    static Vector subtract_from_paths(Vector costs, Vector least) {
        const __m256i none = _mm256_cmpeq_epi16(costs, _mm256_set1_epi16(-1));
        return _mm256_sub_epi16(costs, _mm256_andnot_si256(none, least));
    }
    static void merge(Vector a, Vector b, Vector& low, Vector& high) {
        const __m256i even = _mm256_unpacklo_epi16(a, b);  // elements 0 to 3 and 8 to 11
        const __m256i odd = _mm256_unpackhi_epi16(a, b);
        low = _mm256_permute2x128_si256(even, odd, 0x20);
        high = _mm256_permute2x128_si256(even, odd, 0x31);
    }
};

constexpr Level kLevel = make_level<Lanes256>();

}  // namespace

const Level& level_avx2() {
    return kLevel;
}

}  // namespace dwubit::viterbi
