"""check_words.py finds foreign paths, dead links and commands that do not exist."""
import unittest

import support
import check_words


class Words(support.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("Makefile", "build test:\n\ttrue\nJOBS := 2\n")
        self.write("docs/style.md", "# Style\n\n## Sizes and `limits`\n")

    def violations(self, commands=None):
        return check_words.check_tree(self.root, commands)[0]

    def expect(self, name, content, message, commands=None):
        self.write(name, content)
        found = self.violations(commands)
        self.assertEqual(len(found), 1, found)
        self.assertIn(message, found[0])
        self.assertTrue(found[0].startswith(f"{name}:"), found)

    def test_clean_tree(self):
        self.write("README.md", "[style](docs/style.md#sizes-and-limits) [web](https://example.org)\n\n"
                   "Run `make test`.\n\n    make build\n    build/dwubit tokenize -m x\n\nWe make sure.\n"
                   "```\n[not](a-link)\n$ make test\n```\n")
        self.assertEqual(self.violations({"tokenize"}), [])

    def test_machine_path(self):
        self.expect("src/a.cpp", "int x;\n// see /" + "work/main/x\n", "a path of one machine")

    def test_home_path(self):
        self.expect("tools/a.sh", "ls /" + "home/ania/x\n", "a path of one machine")

    def test_path_out_of_the_repository(self):
        self.expect("docs/a.md", "see .." + "/shared/x\n", "a path out of the repository")

    def test_talk_of_work(self):
        self.expect("docs/a.md", "done in the previous " + "Session\n", "how the work was organised")

    def test_unfinished(self):
        self.expect("src/a.cpp", "// TO" + "DO later\n", "unfinished")

    def test_dead_link(self):
        self.expect("docs/a.md", "\n[x](adr/none.md)\n", "docs/a.md:2: link to 'adr/none.md'")

    def test_link_out_of_the_repository(self):
        self.expect("docs/a.md", "[x](../../..)\n", "not in the repository")

    def test_dead_anchor(self):
        self.expect("docs/a.md", "[x](style.md#colours)\n", "no such heading")

    def test_unknown_target(self):
        self.expect("docs/a.md", "Run `make coffee` now.\n", "'make coffee'")

    def test_unknown_target_in_block(self):
        self.expect("docs/a.md", "```sh\nmake coffee\n```\n", "'make coffee'")

    def test_variable_is_no_target(self):
        self.expect("docs/a.md", "`make jobs`\n", "'make jobs'")

    def test_unknown_command(self):
        self.expect("docs/a.md", "`dwubit brew`\n", "'dwubit brew'", {"tokenize"})

    def test_commands_of_a_program(self):
        program = self.write("fake", "#!/bin/sh\nprintf 'usage: x COMMAND\\n\\n  tokenize   text to ids\\n  inspect  what\\n\\nmore\\n'\n")
        program.chmod(0o755)
        self.assertEqual(check_words.program_commands(str(program)), {"tokenize", "inspect"})

    def test_exit_code(self):
        self.assertEqual(self.run_tool("check_words.py", "--root", self.root)[0], 0)
        self.write("a.md", "[x](none.md)\n")
        self.assertEqual(self.run_tool("check_words.py", "--root", self.root)[0], 1)


if __name__ == "__main__":
    unittest.main()
