#!/usr/bin/env python3
"""Golden files of the packed formats that are blocks of ggml: bytes, and the values that the Python package `gguf` decodes them to.

    tests/oracle/block_format_golden.py [OUT]        default OUT: tests/golden/formats

Writes <format>-v1.json, each with every byte random but the floats. A file is kept for ever: each later build must read that version so.
"""
import json
import pathlib
import sys

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
# format: type, offset of the F16 numbers in a block, how many
FORMATS = {"iq2_xxs": ("IQ2_XXS", 0, 1), "q2_k": ("Q2_K", 80, 2), "q4_k": ("Q4_K", 0, 2), "q5_k": ("Q5_K", 0, 2), "q6_k": ("Q6_K", 208, 1),
           "q8_0": ("Q8_0", 0, 1), "iq4_nl": ("IQ4_NL", 0, 1), "q4_0": ("Q4_0", 0, 1), "q5_0": ("Q5_0", 0, 1)}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "formats"
    for number, (name, (type_name, offset, count)) in enumerate(FORMATS.items()):
        kind = gguf.GGMLQuantizationType[type_name]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        random = np.random.Generator(np.random.PCG64(number))
        rows, blocks = (2, 1) if weights == 256 else (3, 3)
        data = random.integers(0, 256, (rows, blocks, size), np.uint8)
        scales = random.normal(0, 0.05, (rows, blocks, count)).astype(np.float16)
        data[:, :, offset:offset + 2 * count] = scales.view(np.uint8).reshape(rows, blocks, -1)
        data = data.reshape(rows, -1)
        values = gguf.dequantize(data, kind).astype(np.float64).ravel().tolist()
        case = {"shape": [rows, blocks * weights], "params": {},
                "buffers": [{"name": "codes", "dtype": "U8", "shape": list(data.shape), "hex": data.tobytes().hex()}], "values": values}
        text = f'{{"format": "{name}", "version": 1, "cases": [\n{json.dumps(case)}\n]}}\n'
        (out / f"{name}-v1.json").write_text(text)


if __name__ == "__main__":
    main()
