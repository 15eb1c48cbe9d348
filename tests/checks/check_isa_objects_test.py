"""check_isa_objects.py finds instructions above a file's level and weak symbols of ISA files, in freshly compiled objects."""
import platform
import sys
import unittest

import support
import check_isa_objects

LOOP = """void scale(float* x, int n) {
    for (int i = 0; i < n; ++i) x[i] = x[i] * 2.0f + 1.0f;
}
"""
AVX2 = ("-O3", "-mavx2", "-mfma", "-mf16c")
AVX512 = ("-O3", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512")
SHARED_INLINE = "inline __attribute__((noinline)) float twice(float x) { return 2 * x; }\nfloat f(float x) { return twice(x); }\n"


class IsaObjects(support.TreeTest):
    def violations(self, name, source, *flags):
        return check_isa_objects.check_object(name, str(self.compile(name, source, *flags)))

    def test_good_objects(self):
        self.assertEqual(self.violations("scale_ref.cpp", LOOP, "-O3"), [])
        self.assertEqual(self.violations("scale_avx2.cpp", LOOP, *AVX2), [])
        self.assertEqual(self.violations("scale_avx512.cpp", LOOP, *AVX512), [])

    def test_avx_in_baseline(self):
        found = self.violations("scale.cpp", LOOP, *AVX2)
        self.assertEqual(len(found), 1, found)
        self.assertIn("above baseline", found[0])

    def test_target_attribute_in_baseline(self):
        found = self.violations("scale.cpp", '__attribute__((target("avx2"), optimize("O3"))) ' + LOOP)
        self.assertIn("above baseline", found[0])

    def test_avx512_in_avx2(self):
        found = self.violations("scale_avx2.cpp", LOOP, *AVX512)
        self.assertIn("above avx2", found[0])

    def test_avx512vl_in_avx2(self):
        source = ("#include <immintrin.h>\n__m256i f(__m256i a, __m256i b) { return _mm256_ternarylogic_epi32(a, b, a, 7); }\n"
                  "__m256i g(__m256i a, __m256i b) { return _mm256_permutex2var_epi32(a, b, a); }\n")
        self.assertIn("above avx2", self.violations("f_avx2.cpp", source, "-mavx512f", "-mavx512vl")[0])

    def test_avx2_of_many_kinds(self):
        source = """#include <immintrin.h>
            void f(const short* s, float* p, const unsigned short* h) {
                __m256i w = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i*)s));
                w = _mm256_blendv_epi8(_mm256_shuffle_epi8(w, w), _mm256_srlv_epi32(w, w), _mm256_max_epi32(w, w));
                __m256 x = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)h));
                x = _mm256_fmadd_ps(_mm256_cvtepi32_ps(w), x, _mm256_permutevar8x32_ps(x, w));
                _mm256_maskstore_ps(p, w, _mm256_insertf128_ps(x, _mm256_extractf128_ps(x, 1), 0));
                _mm256_maskstore_epi32((int*)p, w, _mm256_alignr_epi8(w, w, 4));
                p[0] = (float)_mm256_movemask_epi8(_mm256_sad_epu8(w, _mm256_cmpgt_epi8(w, w)));
            }
            """
        self.assertEqual(self.violations("f_avx2.cpp", source, *AVX2), [])

    def test_bmi_in_baseline(self):
        found = self.violations("f.cpp", "unsigned f(unsigned a, unsigned b) { return ~a & b; }\n", "-mbmi")
        self.assertIn("andn", found[0])

    def test_weak_symbol(self):
        found = self.violations("f_avx512.cpp", SHARED_INLINE, *AVX512)
        self.assertEqual(len(found), 1, found)
        self.assertIn("twice(float)", found[0])

    def test_weak_symbol_in_baseline_is_fine(self):
        self.assertEqual(self.violations("f.cpp", SHARED_INLINE), [])

    def test_anonymous_namespace(self):
        self.assertEqual(self.violations("f_avx2.cpp", "namespace {\n" + SHARED_INLINE.replace("\nfloat", "\n}\nfloat"), *AVX2), [])

    def test_container(self):
        found = self.violations("f_avx2.cpp", "#include <map>\nvoid f(std::map<int, int>& m) { m[3] = 1; }\n", "-mavx2")
        self.assertIn("weak symbols", found[-1])

    def test_exit_code(self):
        good, bad = self.compile("a.cpp", LOOP), self.compile("b.cpp", LOOP, *AVX2)
        self.assertEqual(self.run_tool("check_isa_objects.py", "--object", "a.cpp", good)[0], 0)
        self.assertEqual(self.run_tool("check_isa_objects.py", "--object", "b.cpp", bad)[0], 1)


if __name__ == "__main__":
    if platform.machine() != "x86_64":
        print("skipped: the samples are x86-64 code")
        sys.exit(77)
    unittest.main()
