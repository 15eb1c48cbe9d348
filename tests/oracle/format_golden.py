#!/usr/bin/env python3
"""Golden files of the packed formats: bytes and the values that they stand for, made in plain Python from the normative page.

    tests/oracle/format_golden.py [OUT]        default OUT: tests/golden/formats

Writes <format>-v<version>.json. A file is kept for ever: each later build must read that version so.
"""
import json
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import uniform_group  # noqa: E402  (needs the line above)


def uniform_group_cases():
    generator = random.Random(1)
    for bits in (2, 3, 4, 8):
        for shape, group, grid, perm in (((3, 45), 32, "zero", False), ((2, 43), 40, "mirror", True),
                                         ((3, 33), 33, "zero", True)):
            params = {"bits": bits, "group": group, "grid": grid, "perm": perm}
            made = uniform_group.random_codes(generator, shape, params)
            fields = uniform_group.pack(shape, params, *made)
            yield {"shape": shape, "params": params,
                   "buffers": [{"name": name, "dtype": dtype, "shape": size, "hex": data.hex()}
                               for name, (dtype, size, data) in fields.items()],
                   "values": [value for row in uniform_group.values(shape, params, *made) for value in row]}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "formats"
    out.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case) for case in uniform_group_cases())
    text = f'{{"format": "uniform_group", "version": 1, "cases": [\n{lines}\n]}}\n'
    (out / "uniform_group-v1.json").write_text(text)


if __name__ == "__main__":
    main()
