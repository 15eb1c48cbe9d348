#!/usr/bin/env python3
"""Golden file of the block types of GGUF files: what the Python package `gguf` decodes random blocks to.

    tests/oracle/ggml_decode_golden.py [OUT]        default OUT: tests/golden/ggml

Writes decode.json. Blocks are bytes of splitmix64, seeded with ggml's number of the type, so that every bit pattern occurs, scales that are
no number included; for each type the SHA-256 of all values as float32 (every NaN as 0x7fc00000) and the bits of one block's values.
"""
import hashlib
import json
import pathlib
import sys

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = ("F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ4_NL").split()
BLOCKS = 4096
SHOWN = 2  # the block whose values are written out


def splitmix_bytes(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count // 8 + 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z.astype("<u8").view(np.uint8)[:count]


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "ggml"
    out.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        weights, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = splitmix_bytes(int(kind), BLOCKS * size)
        with np.errstate(all="ignore"):
            values = gguf.dequantize(blocks.reshape(1, -1), kind).astype("<f4").reshape(BLOCKS, weights)
        bits = values.view("<u4").copy()
        bits[np.isnan(values)] = 0x7FC00000
        lines.append(json.dumps({"name": name, "id": int(kind), "weights": weights, "bytes": size,
                                 "sha256": hashlib.sha256(bits.tobytes()).hexdigest(), "shown": bits[SHOWN].tolist()}))
    text = f'{{"gguf": "0.19.0", "blocks": {BLOCKS}, "shown": {SHOWN}, "types": [\n' + ",\n".join(lines) + "\n]}\n"
    (out / "decode.json").write_text(text)


if __name__ == "__main__":
    main()
