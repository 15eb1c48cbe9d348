"""What the tests of the checks share: a throw-away tree of files, and running a tool on it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
sys.dont_write_bytecode = True


class TreeTest(unittest.TestCase):
    """A test with a folder of its own, self.root"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, content=""):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_ok(self, *command, **options):
        run = subprocess.run([str(part) for part in command], cwd=self.root, capture_output=True, text=True, **options)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        return run.stdout

    def run_tool(self, name, *args):
        """(exit code, output) of tools/<name>"""
        command = [sys.executable] if name.endswith(".py") else ["bash"]
        run = subprocess.run([*command, str(TOOLS / name), *map(str, args)], cwd=self.root, capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr

    def compile(self, name, source, *flags):
        """The object file of a C++ source"""
        path = self.write(name, source)
        output = path.with_suffix(".o")
        self.run_ok("g++", "-std=c++20", "-O1", "-c", *flags, path, "-o", output)
        return output
