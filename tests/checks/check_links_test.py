"""check_links.sh looks through all libraries that a program loads."""
import unittest

import support


class Links(support.TreeTest):
    def library(self, name, source, *flags):
        self.write(f"{name}.cpp", source)
        self.run_ok("g++", "-shared", "-fPIC", f"{name}.cpp", "-o", f"lib{name}.so", "-L.", "-Wl,-rpath,$ORIGIN", *flags)
        return self.root / f"lib{name}.so"

    def program(self, *flags):
        self.write("main.cpp", "int f();\nint main() { return f(); }\n")
        self.run_ok("g++", "main.cpp", "-o", "program", "-L.", "-Wl,-rpath,$ORIGIN", *flags)
        return self.root / "program"

    def test_clean(self):
        self.library("plain", "int f() { return 0; }\n")
        code, output = self.run_tool("check_links.sh", self.program("-lplain"))
        self.assertEqual(code, 0, output)

    def test_direct(self):
        self.library("torch_cpu", "int f() { return 0; }\n")
        code, output = self.run_tool("check_links.sh", self.program("-ltorch_cpu"))
        self.assertEqual(code, 1, output)
        self.assertIn("libtorch_cpu.so", output)

    def test_optional_library(self):
        """A default build has no Arrow"""
        self.library("parquet", "int f() { return 0; }\n")
        self.assertEqual(self.run_tool("check_links.sh", self.program("-lparquet"))[0], 1)

    def test_through_another_library(self):
        self.library("c10", "int g() { return 0; }\n")
        self.library("plain", "int g();\nint f() { return g(); }\n", "-lc10")
        code, output = self.run_tool("check_links.sh", self.program("-lplain"))
        self.assertEqual(code, 1, output)
        self.assertIn("libc10.so", output)

    def test_library_that_is_not_found(self):
        library = self.library("plain", "int f() { return 0; }\n")
        program = self.program("-lplain")
        library.unlink()
        code, output = self.run_tool("check_links.sh", program)
        self.assertEqual(code, 1, output)
        self.assertIn("does not find", output)

    def test_missing_file(self):
        self.assertEqual(self.run_tool("check_links.sh", self.root / "none")[0], 1)


if __name__ == "__main__":
    unittest.main()
