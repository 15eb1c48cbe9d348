"""check_tracked_bytes.sh counts tracked files and nothing else."""
import unittest

import support


class TrackedBytes(support.TreeTest):
    def setUp(self):
        super().setUp()
        self.run_ok("git", "init", "-q")
        self.write("kept file.bin", b"x" * 1000)
        self.write("small.txt", b"y" * 24)
        self.run_ok("git", "add", ".")
        self.write("untracked.bin", b"z" * 5000)

    def test_sum(self):
        code, output = self.run_tool("check_tracked_bytes.sh", self.root, 1024)
        self.assertEqual(code, 0, output)
        self.assertIn("1024 bytes tracked", output)

    def test_over_the_limit(self):
        code, output = self.run_tool("check_tracked_bytes.sh", self.root, 1023)
        self.assertEqual(code, 1, output)
        self.assertIn("1000 kept file.bin", output)


class NoCheckout(support.TreeTest):
    def test_skipped(self):
        self.assertEqual(self.run_tool("check_tracked_bytes.sh", self.root)[0], 77)


if __name__ == "__main__":
    unittest.main()
