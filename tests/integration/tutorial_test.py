"""docs/tutorial.md: every command of the page, in its order, in a folder that looks like a clone. The study is the page's, on less text."""
import pathlib
import re
import shlex
import subprocess

import support

SMALLER = (("sequences = 64", "sequences = 4"), ("limit = 64", "limit = 4"), ("limit = 100", "limit = 6"))


def commands():
    text = (support.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    return re.findall(r"^    (\S.*)$", text, re.M)


class Tutorial(support.ProgramTest):
    def clone(self):
        for name in ("models", "data", "tasks"):
            (self.root / name).symlink_to(support.ROOT / name)
        (self.root / "build").mkdir()
        (self.root / "build/dwubit").symlink_to(support.program())
        (self.root / "studies").mkdir()
        text = (support.ROOT / "studies/orlik.toml").read_text()
        for old, new in SMALLER:
            self.assertIn(old, text)
            text = text.replace(old, new)
        (self.root / "studies/orlik.toml").write_text(text)

    def run_command(self, command):
        run = subprocess.run(["bash", "-c", command], cwd=self.root, capture_output=True, text=True, timeout=600)
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}\n{run.stderr}")
        return run

    def test_every_command(self):
        if not (support.ROOT / "data/orlik/heldout.jsonl").exists():
            self.skipTest("data/orlik is not there (make data)")
        self.clone()
        found = commands()
        self.assertGreaterEqual(len(found), 10)
        said = {}
        for command in found:
            if command.startswith("make "):
                # What it would run here is run; that it installs, builds and fetches before is the Makefile's.
                recipe = subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=support.ROOT, capture_output=True,
                                        text=True, check=True).stdout
                command = next(line for line in recipe.splitlines() if line.startswith("build/dwubit study"))
            said[command] = self.run_command(command)
        self.assertIn("report: out/orlik/report.html", said["build/dwubit study studies/orlik.toml -o out/orlik"].stdout)
        self.assertIn("left to do: about 0.0 s", said["build/dwubit study studies/orlik.toml -o out/orlik --dry-run"].stdout)
        redone = said["build/dwubit study studies/mine.toml -o out/orlik"].stderr
        self.assertEqual(re.findall(r"\] (\S+): done", redone),
                         ["quantize:gptq-g64", "perplexity:gptq-g64", "eval:gptq-g64", "report"], redone)
        page = (self.root / "out/orlik/report.html").read_text(encoding="utf-8")
        self.assertIn("gptq-g64", page)
        self.assertTrue((self.root / "out/orlik-gptq-dense/model.safetensors").exists() or
                        list((self.root / "out/orlik-gptq-dense").glob("*.safetensors")))

    def test_the_page_names_what_is_there(self):
        text = (support.ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
        for name in re.findall(r"`((?:studies|tests|docs)/[^`]+)`", text):
            self.assertTrue((support.ROOT / pathlib.Path(name)).exists(), name)


if __name__ == "__main__":
    support.main()
