"""check_sizes.py measures files and functions, and its list of exceptions needs reasons."""
import unittest

import support
import check_sizes


def function(name, lines):
    """C++ text of a function with that many lines"""
    return f"int {name}(int x) {{\n" + "    x += 1;\n" * (lines - 3) + "    return x;\n}\n"


class Sizes(support.TreeTest):
    def check(self):
        return check_sizes.check_tree(self.root, self.root / "tools/sizes_allow.txt")

    def failures(self):
        return self.check()[0]

    def test_at_the_limits(self):
        self.write("src/a.cpp", function("f", 120) + "\n" * 680)
        self.write("src/a.h", "\n" * 500)
        self.assertEqual(self.failures(), [])

    def test_review_is_listed(self):
        self.write("src/a.cpp", function("f", 61) + "\n" * 440)
        failures, review, _ = self.check()
        self.assertEqual(failures, [])
        self.assertEqual([line.split(": ", 1)[1] for line in review],
                         ["501 lines, review above 500", "f: 61 lines, review above 60"])

    def test_long_files(self):
        self.write("src/a.cpp", "\n" * 801)
        self.write("src/a.h", "\n" * 501)
        self.write("src/k.cu", "\n" * 701)
        self.assertEqual(len(self.failures()), 3)

    def test_long_function(self):
        self.write("src/a.cpp", "namespace dwubit {\n" + function("f", 20) + function("g", 121) + "}\n")
        self.assertEqual(self.failures(), ["src/a.cpp:22: g: 121 lines, at most 120"])

    def test_long_template_method_and_lambda(self):
        body = "    auto f = [](int x) {\n" + "        x += 1;\n" * 120 + "        return x;\n    };\n    return f(n);\n"
        self.write("src/a.h", "template <class T>\nclass Box {\npublic:\n  template <class U>\n  int run(int n) const {\n"
                   + body + "  }\n};\n")
        self.assertEqual(len(self.failures()), 1)
        self.assertIn("Box::run", self.failures()[0])

    def test_long_test_case(self):
        self.write("src/a_test.cpp", "TEST(Suite, Name) {\n" + "    EXPECT_TRUE(true);\n" * 130 + "}\n")
        self.assertIn("TEST(Suite,Name)", self.failures()[0])

    def test_kernels_may_be_longer(self):
        self.write("src/dot_avx2.cpp", function("dot", 300))
        self.write("src/dot_avx512.cpp", function("dot", 301))
        self.assertEqual(len(self.failures()), 1)

    def test_allowed_with_reason(self):
        self.write("src/a.cpp", "\n" * 900)
        self.write("tools/sizes_allow.txt", "# comment\nsrc/a.cpp 900 one table that is a fact\n")
        self.assertEqual(self.failures(), [])
        self.write("src/a.cpp", "\n" * 901)
        self.assertIn("allowed 900", self.failures()[0])

    def test_reason_is_demanded(self):
        self.write("src/a.cpp", "\n" * 900)
        self.write("tools/sizes_allow.txt", "src/a.cpp 900 legacy\n")
        self.assertEqual(len(self.failures()), 2)

    def test_stale_exception(self):
        self.write("src/a.cpp", "\n" * 10)
        self.write("tools/sizes_allow.txt", "src/a.cpp 900 one table that is a fact\n")
        self.assertIn("remove the line", self.failures()[0])

    def test_exit_code(self):
        self.write("src/a.cpp", "\n")
        self.assertEqual(self.run_tool("check_sizes.py", "--root", self.root)[0], 0)
        self.write("src/a.cpp", "\n" * 801)
        self.assertEqual(self.run_tool("check_sizes.py", "--root", self.root)[0], 1)


if __name__ == "__main__":
    unittest.main()
