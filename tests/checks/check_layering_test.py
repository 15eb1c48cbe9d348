"""check_layering.py accepts a clean tree and finds each kind of planted violation."""
import unittest

import support
import check_layering


class Layering(support.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("include/dwubit/result.h", "#include <string>\n")
        self.write("src/base/text.h", '#include <fmt/format.h>\n#include "dwubit/result.h"\n')
        self.write("src/json/json.h", '#include <nlohmann/json.hpp>\n#include "base/text.h"\n')
        self.write("src/runtime/engine/engine.h", '#include "json/json.h"\n')
        self.write("apps/cli/main.cpp", '#include "runtime/engine/engine.h"\n#include <CLI/CLI.hpp>\n')

    def violations(self):
        return check_layering.check_tree(self.root)[0]

    def expect(self, path, content, message):
        """A file with this content is the one violation, and the message says this"""
        self.write(path, content)
        found = [line for line in self.violations() if not line.startswith("cycle")]
        self.assertEqual(len(found), 1, found)
        self.assertIn(path, found[0])
        self.assertIn(message, found[0])

    def test_clean_tree(self):
        self.assertEqual(self.violations(), [])

    def test_lower_layer_uses_upper(self):
        self.expect("src/base/bad.cpp", '#include <string>\n\n#include "json/json.h"\n', "base must not use json")

    def test_line_number(self):
        self.expect("src/base/bad.cpp", '#include <string>\n\n#include "json/json.h"\n', "bad.cpp:3:")

    def test_formats_use_engine(self):
        self.expect("src/runtime/formats/rtn/pack.cpp", '#include "runtime/engine/engine.h"\n',
                    "runtime/formats must not use runtime/engine")

    def test_cli_uses_lab(self):
        self.write("src/lab/lab.h", "#include <torch/torch.h>\n")
        self.expect("apps/cli/bad.cpp", '#include "lab/lab.h"\n', "apps/cli must not use lab")

    def test_torch_outside_lab(self):
        self.expect("src/runtime/model/bad.cpp", "#include <ATen/ATen.h>\n", "torch headers are for src/lab alone")

    def test_third_party_of_another_module(self):
        self.expect("src/base/bad.cpp", "#include <nlohmann/json.hpp>\n", "base must not include nlohmann")

    def test_unknown_third_party(self):
        self.expect("src/base/bad.cpp", "#include <boost/any.hpp>\n", "neither")

    def test_public_header_with_third_party(self):
        self.expect("include/dwubit/bad.h", "#include <fmt/format.h>\n", "std only")

    def test_public_header_with_conditional(self):
        self.expect("include/dwubit/bad.h", "#ifdef __AVX2__\n#endif\n", "must not depend on macros")

    def test_intrinsics_outside_isa_files(self):
        self.write("src/runtime/ops/dot_avx2.cpp", "#include <immintrin.h>\n")
        self.expect("src/runtime/ops/dot_ref.cpp", "#include <immintrin.h>\n", "intrinsics belong")

    def test_containers_in_isa_files(self):
        self.expect("src/runtime/ops/dot_avx2.cpp", "#include <vector>\n", "compiled per ISA")

    def test_climbing_out(self):
        self.expect("src/json/bad.cpp", '#include "../base/text.h"\n', "climbs out")

    def test_folder_without_row(self):
        self.expect("src/novelty/new.cpp", "", "no row")

    def test_cycle(self):
        self.write("src/runtime/ops/a.h", '#include "runtime/cpu/b.h"\n')
        self.write("src/runtime/cpu/b.h", '#include "runtime/ops/a.h"\n')
        found = self.violations()
        self.assertTrue(any("cycle of modules" in line for line in found), found)

    def test_table_has_no_cycle(self):
        table = {name: {f"src/{used}": "" for used in row.may_use.split() if used != "include/dwubit"}
                 for name, row in check_layering.MODULES.items()}
        self.assertEqual(check_layering.find_cycle(table), [])

    def test_table_names_only_modules(self):
        for name, row in check_layering.MODULES.items():
            for used in row.may_use.split():
                self.assertIn(used if used in check_layering.EVERYWHERE else f"src/{used}", check_layering.MODULES, name)
            for key in row.third_party.split():
                self.assertIn(key, check_layering.THIRD_PARTY, name)

    def test_unit_tests_are_free(self):
        self.write("src/base/text_test.cpp", '#include <gtest/gtest.h>\n#include "json/json.h"\n')
        self.assertEqual(self.violations(), [])

    def test_exit_code(self):
        self.assertEqual(self.run_tool("check_layering.py", "--root", self.root)[0], 0)
        self.write("src/base/bad.cpp", '#include "json/json.h"\n')
        self.assertEqual(self.run_tool("check_layering.py", "--root", self.root)[0], 1)


if __name__ == "__main__":
    unittest.main()
