#!/usr/bin/env python3
"""Writes a model as a GGUF file of float16 by dwubit, and its quantized twin by llama.cpp's own quantizer.

  bench/baselines/make_gguf.py MODEL OUT [--type Q2_K]

OUT/f16.gguf and OUT/<type>.gguf. For timing: no importance matrix is given, so IQ2_XXS and smaller cannot be made so.
"""
import argparse
import pathlib
import subprocess

import llama_cpp

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--type", default="Q2_K")
    parser.add_argument("--dwubit", default=ROOT / "build/release/dwubit")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plain, quantized = options.out / "f16.gguf", options.out / f"{options.type}.gguf"
    subprocess.run([options.dwubit, "export", options.model, "--to", "gguf", "--type", "f16", "-o", plain, "--overwrite"], check=True)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{options.type}")
    if llama_cpp.llama_model_quantize(str(plain).encode(), str(quantized).encode(), params) != 0:
        raise SystemExit(f"llama.cpp cannot make {quantized}")


if __name__ == "__main__":
    main()
