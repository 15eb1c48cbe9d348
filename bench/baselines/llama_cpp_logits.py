#!/usr/bin/env python3
"""llama.cpp on what `dwubit export --to gguf` makes of the tiny models of tests/golden/models: its logits against transformers'.

  bench/baselines/llama_cpp_logits.py [--dwubit build/dev/dwubit]

One line per model; exit code 1 where a logit differs by more than 1e-4. The weights are made by the rule in tests/support/tiny_model.h.
"""
import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import llama_cpp
import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests/golden/models"
MASK = (1 << 64) - 1


def values(name, count):
    state = 0xCBF29CE484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001B3 & MASK
    out = numpy.empty(count, numpy.float32)
    for i in range(count):
        state = state + 0x9E3779B97F4A7C15 & MASK
        mixed = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & MASK
        signed = (mixed ^ mixed >> 31) >> 56
        signed -= 256 * (signed >= 128)
        if name.endswith("norm.weight"):
            out[i] = 1 + (signed // 4) / 128
        else:
            out[i] = signed / (256 if name.endswith(".bias") else 512)
    return out


def write_folder(golden, folder):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(golden["config"]))
    header, data = {}, b""
    for tensor in golden["tensors"]:
        name, shape = (tensor["name"], tensor["shape"]) if isinstance(tensor, dict) else tensor
        bytes_ = values(name, int(numpy.prod(shape))).tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def difference(path, dwubit, folder):
    golden = json.loads(path.read_text())
    write_folder(golden, folder / path.stem)
    out = folder / f"{path.stem}.gguf"
    subprocess.run([dwubit, "export", folder / path.stem, "--to", "gguf", "-o", out], check=True, capture_output=True)
    model = llama_cpp.Llama(model_path=str(out), n_ctx=256, logits_all=True, type_k=0, type_v=0, n_threads=1, verbose=False)
    model.eval(golden["ids"])
    expected = numpy.fromfile(path.with_suffix(".f32"), numpy.float32).reshape(len(golden["ids"]), -1)
    return float(numpy.abs(numpy.array(model.scores[:len(golden["ids"])]) - expected).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dwubit", default=ROOT / "build/dev/dwubit")
    options = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(GOLDEN.glob("*.json")):
            found = difference(path, options.dwubit, pathlib.Path(folder))
            print(f"{path.stem}: {found:.1e}")
            worst = max(worst, found)
    sys.exit(0 if worst <= 1e-4 else 1)


if __name__ == "__main__":
    main()
