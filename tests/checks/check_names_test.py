"""check_names.py finds a type that two files define under one qualified name."""
import unittest

import support
import check_names


class Names(support.TreeTest):
    def failures(self):
        return check_names.check_tree(self.root)[0]

    def test_two_files(self):
        self.write("src/a/field.h", "namespace dwubit {\nstruct Field {\n    int x;\n};\n}  // namespace dwubit\n")
        self.assertEqual(self.failures(), [])
        self.write("src/b/fields.h", "namespace dwubit {\n\nclass Field {\npublic:\n    long y;\n};\n}  // namespace dwubit\n")
        self.assertEqual(self.failures(), ["src/b/fields.h:3: dwubit::Field is also defined at src/a/field.h:2"])

    def test_what_may_repeat(self):
        inner = "struct Field {\n    int x;\n};\n"
        self.write("src/a.cpp", "namespace dwubit {\nnamespace {\n" + inner + "}\n}\n")
        self.write("src/b.cpp", "namespace dwubit {\nnamespace {\n" + inner + "}\n}\n")
        self.write("src/c.h", "namespace dwubit::lab {\n" + inner + "}\nnamespace dwubit {\nclass Other;\n}\n")
        self.write("src/d.h", "namespace dwubit {\nclass Other {\n" + inner + "};\n" + inner + "}\n")
        self.write("src/d_test.cpp", "namespace dwubit {\n" + inner + "}\n")
        self.write("src/e.h", "namespace dwubit {\ntemplate <class T>\nclass Box {};\ntemplate <>\nclass Box<void> {};\n"
                              "class Outer {\n" + inner + "};\n}\n")
        self.assertEqual(self.failures(), [])


if __name__ == "__main__":
    unittest.main()
