"""The memory that `calibrate` and `quantize` take: a layer, its Hessians and half a gigabyte, however many layers there are."""
import json
import os
import pathlib
import re
import subprocess
import sys

import support

HIDDEN, INTERMEDIATE, LAYERS = 1024, 2816, 12
SEQUENCES, LENGTH = 8, 128
# float32 weights of a layer; float64 Hessians of its four sites
LAYER = 4 * (2 * HIDDEN * HIDDEN + 2 * HIDDEN * HIDDEN // 4 + 3 * HIDDEN * INTERMEDIATE)
HESSIANS = 8 * (3 * HIDDEN * HIDDEN + INTERMEDIATE * INTERMEDIATE)
LIMIT = LAYER + HESSIANS + (512 << 20)


def anonymous_peak(arguments):
    """Most bytes of the process that are not pages of a mapped file: sampled, since the kernel keeps no such peak"""
    process = subprocess.Popen([support.program(), *map(str, arguments)], cwd=support.ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        try:
            status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        except FileNotFoundError:
            break
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        peak = max(peak, int(found[1]) << 10 if found else 0)
        try:
            process.wait(0.005)
        except subprocess.TimeoutExpired:
            pass
    out, err = process.communicate()
    assert process.returncode == 0, err
    return peak, json.loads(out)


class Memory(support.ProgramTest):
    def test_a_layer_at_a_time(self):
        model = self.root / "model"
        subprocess.run([sys.executable, support.ROOT / "tools/make_random_model.py", model, "--layers", str(LAYERS),
                        "--hidden", str(HIDDEN), "--intermediate", str(INTERMEDIATE), "--heads", "16", "--kv-heads", "4"],
                       check=True)
        text = self.write("a.txt", "Ala ma kota, a kot ma Alę. Zażółć gęślą jaźń. " * 200)
        peak, _ = anonymous_peak(["calibrate", model, "--data", text, "--sequences", SEQUENCES, "--length", LENGTH,
                                  "-o", self.root / "hessians", "--json"])
        self.assertLess(peak, LIMIT, "calibrate")
        peak, found = anonymous_peak(["quantize", model, "--method", "gptq", "--set", "scale=absmax", "--hessians",
                                      self.root / "hessians", "-o", self.root / "out", "--json"])
        self.assertLess(peak, LIMIT, "quantize")
        self.assertEqual(len(found["tensors"]), 7 * LAYERS)
        weights = sum(os.path.getsize(path) for path in model.glob("*.safetensors"))
        self.assertGreater(2 * weights, LIMIT - (512 << 20))  # so that holding all of the model would show


if __name__ == "__main__":
    support.main()
