#!/usr/bin/env python3
"""Small files of torch.save as QuIP# and QTIP keep Hessians, what is in them, and files that must be refused.

    tests/oracle/hessian_pt.py [OUT] [PROGRAM]        default OUT: tests/golden/pt

Writes into OUT:
    quip/{0,1}_{qkv,o,up,down}.pt   QuIP#: flatH (centred, lower triangle by rows), mu, n, ct
    qtip/0_qkv.pt                   QTIP: flatH (uncentred), n, ct; no mu
    values.json                     for each of those: n, ct, mu, and the uncentred H as nested lists
    kinds.pt, kinds.json            every kind of value that the reader knows
    refused/*.pt                    what it must refuse: pickles that call functions, views, compressed archives, ...

With PROGRAM (build/dwubit) it also checks the way back: the program imports quip/, exports it again, and
torch.load(weights_only=True) must read what it wrote, equal to the original within float32 rounding.

Needs torch. The same version gives the same bytes.
"""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import zipfile

import torch

SITES = {"qkv": 5, "o": 4, "up": 5, "down": 7}
LAYERS = 2


def moments(n, rows, generator):
    """(sum of x xT / rows, mean of x) of rows vectors with a mean far from zero, in float64"""
    x = torch.randn(rows, n, generator=generator, dtype=torch.float64) + torch.arange(n, dtype=torch.float64) / 2
    return x.T @ x / rows, x.mean(0)


def flat(matrix):
    rows, columns = torch.tril_indices(*matrix.shape)
    return matrix[rows, columns].float()


def save(value, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path, **options)
    print(f"{path.name}: {path.stat().st_size} bytes")


def write_hessians(out):
    generator = torch.Generator().manual_seed(4)
    values = {}
    for layer in range(LAYERS):
        for number, (site, n) in enumerate(SITES.items()):
            ct = 64 + 16 * number + layer
            matrix, mu = moments(n, ct, generator)
            centred = flat(matrix - torch.outer(mu, mu))
            save({"flatH": centred, "mu": mu.float(), "n": n, "ct": ct}, out / "quip" / f"{layer}_{site}.pt")
            values[f"quip/{layer}_{site}"] = {"n": n, "ct": ct, "mu": mu.tolist(), "h": matrix.tolist()}
    matrix, mu = moments(5, 80, generator)
    save({"flatH": flat(matrix), "n": 5, "ct": 80}, out / "qtip" / "0_qkv.pt")
    values["qtip/0_qkv"] = {"n": 5, "ct": 80, "mu": None, "h": matrix.tolist()}
    (out / "values.json").write_text(json.dumps(values, indent=1) + "\n")


def write_kinds(out):
    grid = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    numbers = [0, 1, 255, 256, 70000, -1, -300, 2**31, -(2**31), 2**62, -(2**62)]
    scalars = {"none": None, "yes": True, "no": False, "numbers": numbers, "float": -2.5, "text": "zażółć",
               "tuples": [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4]], "nested": {"a": {"b": [1.5, None]}}}
    dtypes = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    tensors = {name: torch.tensor([1, 0, 1]).to(getattr(torch, name)) for name in dtypes}
    value = {**scalars, "tuples": [tuple(row) for row in scalars["tuples"]], **tensors, "grid": grid, "row": grid[1],
             "boxed": torch.tensor(-7), "empty": torch.zeros(0, 3), "size": torch.Size([2, 3]),
             "state": torch.nn.Linear(2, 1).requires_grad_(False).state_dict(), "dtype": torch.float32}
    save(value, out / "kinds.pt")
    (out / "kinds.json").write_text(json.dumps(scalars, ensure_ascii=False, indent=1) + "\n")


class Call:
    """Pickles as a call of `function`"""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def recompressed(path):
    with zipfile.ZipFile(path) as archive:
        entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def write_refused(out):
    flat_h = torch.arange(6, dtype=torch.float32)
    good = {"flatH": flat_h, "mu": torch.ones(3), "n": 3, "ct": 9}
    save({**good, "n": Call(os.system, "touch dwubit-was-here")}, out / "system.pt")
    save({**good, "n": Call(eval, "3")}, out / "eval.pt")
    save({**good, "mu": torch.ones(3).numpy()}, out / "numpy.pt")
    save({**good, "mu": torch.arange(6, dtype=torch.float32)[::2]}, out / "strided.pt")
    save({**good, "mu": torch.nn.Parameter(torch.ones(3))}, out / "parameter.pt")
    save({**good, "n": 2**80}, out / "huge_integer.pt")
    save(good, out / "protocol4.pt", pickle_protocol=4)
    save(good, out / "legacy.pt", _use_new_zipfile_serialization=False)
    # Addresses follow, which differ between runs.
    (out / "legacy.pt").write_bytes((out / "legacy.pt").read_bytes()[:32])
    save(good, out / "compressed.pt")
    recompressed(out / "compressed.pt")
    (out / "bare.pt").write_bytes(pickle.dumps({"n": 3}, 2))
    save([good], out / "list.pt")


def triangle(data):
    """Uncentred lower triangle as float64, of a loaded file"""
    n, mu = data["n"], data["mu"].double()
    rows, columns = torch.tril_indices(n, n)
    return data["flatH"].double() + mu[rows] * mu[columns]


def check_way_back(out, program):
    with tempfile.TemporaryDirectory() as folder:
        store, exported = pathlib.Path(folder) / "store", pathlib.Path(folder) / "quip"
        for arguments in (["import", "--from", "quip", out / "quip", "-o", store],
                          ["export", "--to", "quip", store, "-o", exported]):
            subprocess.run([program, "hessians", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        names = sorted(path.name for path in exported.iterdir())
        assert names == sorted(path.name for path in (out / "quip").iterdir()), names
        worst = 0.0
        for name in names:
            there = torch.load(out / "quip" / name, weights_only=True)
            back = torch.load(exported / name, weights_only=True)
            assert list(back) == ["flatH", "mu", "n", "ct"], list(back)
            assert (back["n"], back["ct"]) == (there["n"], there["ct"])
            assert back["flatH"].dtype == torch.float32 and torch.equal(back["mu"], there["mu"])
            scale = triangle(there).abs().max()
            worst = max(worst, float((triangle(there) - triangle(back)).abs().max() / scale))
        assert worst < 2e-7, worst
        print(f"exported files: torch.load reads them, the largest difference is {worst:.1e} of the largest value")


def main():
    torch.manual_seed(4)
    arguments = sys.argv[1:]
    golden = pathlib.Path(__file__).resolve().parents[1] / "golden" / "pt"
    out = pathlib.Path(arguments[0]) if arguments else golden
    write_hessians(out)
    write_kinds(out)
    write_refused(out / "refused")
    if len(arguments) > 1:
        check_way_back(out, pathlib.Path(arguments[1]).resolve())


if __name__ == "__main__":
    main()
