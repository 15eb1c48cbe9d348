#!/usr/bin/env python3
"""Golden file of what llama.cpp's quantizer writes: ggml_quantize_chunk of the library inside the Python package llama-cpp-python.

    tests/oracle/ggml_encode_golden.py [OUT]        default OUT: tests/golden/ggml

Writes encode.json: the SHA-256 of the blocks for each type, kind of weights, with and without importance; and for the linears of models/orlik
with made-up importance. numbers() and importance() are what src/ggml/encode_test.cpp makes too, to the bit.
"""
import ctypes
import hashlib
import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS, COLUMNS = 6, 1024
TYPES = {"F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q5_0": (6, 32, 22), "Q8_0": (8, 32, 34), "Q2_K": (10, 256, 84), "Q4_K": (12, 256, 144), "Q5_K": (13, 256, 176),
         "Q6_K": (14, 256, 210), "IQ2_XXS": (16, 256, 66), "IQ4_NL": (20, 32, 18), "BF16": (30, 1, 2)}
KINDS = ("normal", "heavy", "holes", "tiny", "positive")
ORLIK = {"Q2_K": "down_proj", "Q4_K": "v_proj", "Q5_K": "o_proj", "Q6_K": "q_proj", "IQ2_XXS": "gate_proj", "IQ4_NL": "up_proj", "Q4_0": "k_proj"}


def uniforms(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def numbers(kind, count):
    u = uniforms(100 + KINDS.index(kind), 4 * count).reshape(count, 4)
    n = u[:, 0] + u[:, 1] + u[:, 2] + u[:, 3] - 2.0
    if kind == "heavy":
        n = n * n * n
    elif kind == "holes":
        n[np.arange(count) // 32 % 3 == 1] = 0
    elif kind == "tiny":
        n = n * 2.0**-70
    elif kind == "positive":
        n = np.abs(n) + 1.0
    return n.astype(np.float32)


def importance(kind, count):
    u = uniforms(200 + KINDS.index(kind), count)
    if kind == "tiny":
        return np.ones(count, np.float32)
    w = u * u * u * 4.0
    if kind == "heavy":
        w[u < 0.125] = 0
    return w.astype(np.float32)


def load():
    import llama_cpp
    folder = pathlib.Path(llama_cpp.__file__).parent / "lib"
    library = ctypes.CDLL(str(folder / "libggml-base.so"))
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    library.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64,
                                            ctypes.c_void_p]
    return library, llama_cpp.__version__


def quantize(library, name, x, weights):
    kind, per_block, size = TYPES[name]
    rows, columns = x.shape
    out = np.zeros(rows * columns // per_block * size, np.uint8)
    x = np.ascontiguousarray(x)
    done = library.ggml_quantize_chunk(kind, x.ctypes.data, out.ctypes.data, 0, rows, columns, None if weights is None else weights.ctypes.data)
    assert done == out.size, name
    return out.tobytes()


def read_bf16(path, part):
    """The first tensor whose name has `part`, of a safetensors file."""
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        key = next(key for key in sorted(header) if all(piece in key for piece in part))
        entry = header[key]
        assert entry["dtype"] == "BF16"
        begin, end = entry["data_offsets"]
        file.seek(8 + size + begin)
        bits = np.frombuffer(file.read(end - begin), "<u2").astype(np.uint32) << 16
    return key, bits.view(np.float32).reshape(entry["shape"])


def orlik_cases(library):
    for name, linear in ORLIK.items():
        key, x = read_bf16(ROOT / "models" / "orlik" / "model.safetensors", ("layers.3.", linear))
        blocks = quantize(library, name, x, importance("normal", x.shape[1]))
        yield {"type": name, "tensor": key, "sha256": hashlib.sha256(blocks).hexdigest()}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "ggml"
    library, version = load()
    cases = []
    for name in TYPES:
        for kind in KINDS:
            x = numbers(kind, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
            for weights in (None, importance(kind, COLUMNS)):
                if name == "IQ2_XXS" and weights is None:
                    continue
                digest = hashlib.sha256(quantize(library, name, x, weights)).hexdigest()
                cases.append({"type": name, "kind": kind, "importance": weights is not None, "sha256": digest})
    lines = [",\n".join(map(json.dumps, some)) for some in (cases, orlik_cases(library))]
    text = f'{{"llama_cpp_python": "{version}", "rows": {ROWS}, "columns": {COLUMNS}, "cases": [\n{lines[0]}\n], "orlik": [\n{lines[1]}\n]}}\n'
    (out / "encode.json").write_text(text)


if __name__ == "__main__":
    main()
