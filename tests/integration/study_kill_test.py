"""`dwubit study` killed with SIGKILL at random instants: a re-run goes on, and in the end every byte is that of a study
that was never stopped. 30 kills of the tiny model's study (Tiny), 10 of a small one of orlik (Orlik)."""
import random
import subprocess
import time

import study
import support

ORLIK = """title = "Killed"
model = "{root}/models/orlik"
[corpus]
calibration = "{root}/data/orlik/calibration.jsonl"
heldout = "{root}/data/orlik/heldout.jsonl"
[calibrate]
sequences = 8
length = 256
[perplexity]
window = 256
limit = 8
[eval]
tasks = ["orlik_dzialy", "orlik_dzialy_gen"]
include = "{root}/tasks"
datasets = "{root}/data"
limit = 16
[methods]
rtn = {{}}
gptq = {{}}
"""


class Killed(support.ProgramTest):
    def command(self, out):
        return [support.program(), "study", self.file, "-o", out, "--quiet"]

    def run_killed(self, kills, seed):
        """Runs until `kills` runs were killed, each after a random part of what is left"""
        out, whole = self.root / "out", self.root / "whole"
        start = time.monotonic()
        subprocess.run(self.command(whole), check=True, stdout=subprocess.DEVNULL)
        seconds = time.monotonic() - start
        generator, killed = random.Random(seed), 0
        while killed < kills:
            process = subprocess.Popen(self.command(out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                # Mostly soon after it starts to work, so that many kills fall into one study.
                process.wait(timeout=seconds * generator.choice((0.1, 0.2, 0.3, 0.5)) * (0.6 + 0.8 * generator.random()))
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            _, err = process.communicate()
            self.assertIn(process.returncode, (0, -9), err)
            if process.returncode == 0:  # done before it was killed: the next study
                self.compare(out, whole)
                out = self.root / f"out{killed}"
        run = subprocess.run(self.command(out), capture_output=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.compare(out, whole)

    def compare(self, out, whole):
        self.assertEqual(study.content(out), study.content(whole))
        pages = []
        for folder in (out, whole):
            shown = self.root / "shown" / folder.name
            subprocess.run([support.program(), "report", folder, "-o", shown, "--no-timings"], check=True,
                           stdout=subprocess.DEVNULL)
            pages.append({path.name: path.read_bytes() for path in shown.rglob("*") if path.is_file()})
        self.assertEqual(*pages)


class Tiny(Killed):
    def test_thirty_kills(self):
        self.file = study.write(self.root)
        self.run_killed(30, seed=1)


class Orlik(Killed):
    def test_ten_kills(self):
        if not (support.ROOT / "data/orlik/heldout.jsonl").exists():
            self.skipTest("data/orlik is not there (make data)")
        self.file = self.write("study.toml", ORLIK.format(root=support.ROOT))
        self.run_killed(10, seed=2)


if __name__ == "__main__":
    support.main()
