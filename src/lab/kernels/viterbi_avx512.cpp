#include <immintrin.h>

#include "lab/kernels/viterbi_inl.h"

namespace dwubit::viterbi {
namespace {

// Element i of the first half from a, then from b, in turn; and of the second half.
alignas(64) constexpr std::uint16_t kMerge[2][32] = {{0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
                                                      8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47},
                                                     {16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55,
                                                      24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63}};

struct Lanes512 {
    using Vector = __m512i;
    static constexpr int kCount = 32;
    static Vector load(const void* p) { return _mm512_load_si512(p); }
    static void store(void* p, Vector a) { _mm512_store_si512(p, a); }
    static Vector all(std::int16_t a) { return _mm512_set1_epi16(a); }
    static Vector add(Vector a, Vector b) { return _mm512_adds_epu16(a, b); }
    static Vector subtract(Vector a, Vector b) { return _mm512_sub_epi16(a, b); }
    static Vector larger(Vector a, Vector b) { return _mm512_max_epi16(a, b); }
    static Vector smaller(Vector a, Vector b) { return _mm512_min_epi16(a, b); }
    static Vector least(Vector a, Vector b) { return _mm512_min_epu16(a, b); }
    static Vector high_product(Vector a, Vector b) { return _mm512_mulhi_epu16(a, b); }
    static Vector high_product_signed(Vector a, Vector b) { return _mm512_mulhi_epi16(a, b); }
    static Vector shift_right(Vector a, int bits) { return _mm512_srl_epi16(a, _mm_cvtsi32_si128(bits)); }
    static Vector subtract_from_paths(Vector costs, Vector least) {
        const __mmask32 paths = _mm512_cmpneq_epi16_mask(costs, _mm512_set1_epi16(-1));
        return _mm512_mask_sub_epi16(costs, paths, costs, least);
    }
    static void merge(Vector a, Vector b, Vector& low, Vector& high) {
        low = _mm512_permutex2var_epi16(a, _mm512_load_si512(kMerge[0]), b);
        high = _mm512_permutex2var_epi16(a, _mm512_load_si512(kMerge[1]), b);
    }
};

constexpr Level kLevel = make_level<Lanes512>();

}  // namespace

const Level& level_avx512() {
    return kLevel;
}

}  // namespace dwubit::viterbi
