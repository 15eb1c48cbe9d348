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
import e8p  # noqa: E402  (needs the line above)
import trellis  # noqa: E402
import uniform_group  # noqa: E402


def case(module, shape, params, made):
    fields = module.pack(shape, params, *made)
    return {"shape": shape, "params": params,
            "buffers": [{"name": name, "dtype": dtype, "shape": size, "hex": data.hex()}
                        for name, (dtype, size, data) in fields.items()],
            "values": [value for row in module.values(shape, params, *made) for value in row]}


def uniform_group_cases():
    generator = random.Random(1)
    for bits in (2, 3, 4, 8):
        for shape, group, grid, perm in (((3, 45), 32, "zero", False), ((2, 43), 40, "mirror", True),
                                         ((3, 33), 33, "zero", True)):
            params = {"bits": bits, "group": group, "grid": grid, "perm": perm}
            yield case(uniform_group, shape, params, uniform_group.random_codes(generator, shape, params))


def e8p_cases():
    generator = random.Random(2)
    for params in ({"bits": 2}, {"bits": 3, "residual": 2.04}, {"bits": 4, "residual": 3.45}, {"bits": 4, "residual": 3.0}):
        for shape in ((2, 45), (1, 280)):
            yield case(e8p, shape, params, e8p.random_codes(generator, shape, params))


def trellis_cases():
    generator = random.Random(3)
    for code in ("1mad", "3inst", "mul1", "hyb"):
        for bits in (1, 2, 3, 4):
            params = {"code": code, "bits": bits}
            shape = (32, 48) if bits == 3 else (16, 16)
            yield case(trellis, shape, params, trellis.random_codes(generator, shape, params))


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "formats"
    out.mkdir(parents=True, exist_ok=True)
    for name, cases in (("uniform_group", uniform_group_cases()), ("e8p", e8p_cases()), ("trellis", trellis_cases())):
        lines = ",\n".join(json.dumps(made) for made in cases)
        text = f'{{"format": "{name}", "version": 1, "cases": [\n{lines}\n]}}\n'
        (out / f"{name}-v1.json").write_text(text)


if __name__ == "__main__":
    main()
