"""dwubit hessians: stores written here with struct and json, merged, exported, imported, and refused."""
import hashlib
import json
import shutil
import struct

import support
import tiny

GOLDEN = support.ROOT / "tests" / "golden" / "pt"
SITES = ("qkv", "o", "up", "down")
ROWS_A = [[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], [4.0, 4.0, 1.0]]
ROWS_B = [[0.0, 1.0, -2.0], [3.0, 3.0, 7.0]]


def to_f32(values):
    return struct.pack(f"<{len(values)}f", *values)


def from_f32(data):
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def moments(rows):
    """(lower triangle of the mean of x xT, mean of x)"""
    n, ct = len(rows[0]), len(rows)
    triangle = [sum(row[i] * row[j] for row in rows) / ct for i in range(n) for j in range(i + 1)]
    return triangle, [sum(row[i] for row in rows) / ct for i in range(n)]


def diagonal(triangle):
    values, at, step = [], 0, 2
    while at < len(triangle):
        values.append(triangle[at])
        at, step = at + step, step + 1
    return values


def fingerprint(model="a", corpus="c"):
    return {"model": model * 64, "tokenizer": "b" * 64, "corpus": corpus * 64, "chat_template": "",
            "settings": {"dtype": "float32", "length": 64, "sequences": 1}}


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def site_file(layer, site, triangle, mu, ct, mark):
    """A file of the store; the triangle and mu are padded as the format asks for"""
    n, padding = len(mu), -4 * len(triangle) % 64
    entries = {"__metadata__": {"format": "dwubit_hessian", "version": "1", "layer": str(layer), "site": site, "n": str(n),
                                "ct": str(ct), "nonfinite": "0", "centered": "false", "fingerprint": mark}}
    at = 0
    for name, dtype, count, size in (("flatH", "F32", len(triangle), 4 * len(triangle)),
                                     ("dwubit.padding.mu", "U8", padding, padding), ("mu", "F32", n, 4 * n)):
        if size:
            entries[name] = {"dtype": dtype, "shape": [count], "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text + to_f32(triangle) + bytes(padding) + to_f32(mu)


def read_site(path):
    """(triangle, mu) of a file of a store"""
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    return [from_f32(data[8 + length:][slice(*header[name]["data_offsets"])]) for name in ("flatH", "mu")]


def write_store(folder, rows, marks=None, layers=1, change=None, **members):
    """A store whose sites all have the moments of `rows`; `change`(layer, site, file's bytes) may replace a file"""
    folder.mkdir(parents=True)
    marks, sites = marks or fingerprint(), []
    triangle, mu = moments(rows)
    for layer in range(layers):
        for site in SITES:
            data = site_file(layer, site, triangle, mu, len(rows), digest(marks))
            data = change(layer, site, data) if change else data
            name = f"{layer}_{site}.safetensors"
            (folder / name).write_bytes(data)
            values = diagonal(triangle)
            sites.append({"layer": layer, "site": site, "n": len(mu), "ct": len(rows), "nonfinite": 0,
                          "trace": sum(values), "diag_min": min(values), "diag_max": max(values), "dead": 0, "file": name,
                          "sha256": hashlib.sha256(data).hexdigest()})
    manifest = {"format": "dwubit_hessians", "version": 1, "complete": True, "fingerprint": marks,
                "fingerprint_sha256": digest(marks), "sites": sites, "tokens": len(rows), **members}
    (folder / "hessians.json").write_text(json.dumps(manifest))
    return folder


class Hessians(support.ProgramTest):
    def close(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for a, b in zip(found, expected):
            self.assertLess(abs(a - b), 1e-6 * max(1, abs(b)))

    def refused_action(self, code, *arguments, **options):
        """Fails, and leaves nothing at self.root / "out" """
        error = self.refused(code, "hessians", *arguments, **options)
        self.assertEqual([path.name for path in self.root.iterdir() if path.name.startswith("out")], [])
        return error

    def test_stats(self):
        store = write_store(self.root / "a", ROWS_A, layers=2)
        found = self.ok("hessians", "stats", store)
        self.assertEqual(found["tokens"], 3)
        self.assertEqual(found["fingerprint"], fingerprint())
        self.assertEqual([(row["layer"], row["site"]) for row in found["sites"]],
                         [(layer, site) for layer in range(2) for site in SITES])
        self.close([found["sites"][0]["trace"]], [sum(diagonal(moments(ROWS_A)[0]))])
        self.assertIn("down", self.run_program("hessians", "stats", store).out)

    def test_merge(self):
        a = write_store(self.root / "a", ROWS_A)
        b = write_store(self.root / "b", ROWS_B, fingerprint(corpus="d"))
        self.ok("hessians", "merge", a, b, "-o", self.root / "ab" / "c")
        found = self.ok("hessians", "merge", b, a, "-o", self.root / "ba")
        self.assertEqual((found["tokens"], {row["ct"] for row in found["sites"]}), (5, {5}))
        triangle, mu = moments(ROWS_A + ROWS_B)
        for site in SITES:
            merged = read_site(self.root / "ba" / f"0_{site}.safetensors")
            self.close(merged[0], triangle)
            self.close(merged[1], mu)
        names = sorted(path.name for path in (self.root / "ba").iterdir())
        self.assertEqual(names, sorted(path.name for path in a.iterdir()))
        for name in names:
            self.assertEqual((self.root / "ba" / name).read_bytes(), (self.root / "ab" / "c" / name).read_bytes(), name)

    def test_merge_refuses(self):
        a, out = write_store(self.root / "a", ROWS_A), self.root / "out"
        shutil.copytree(a, self.root / "copy")
        self.refused_action(1, "merge", a, self.root / "copy", "-o", out, names=["count twice"], kind="invalid_input")
        other = write_store(self.root / "other", ROWS_B, fingerprint(model="e", corpus="d"))
        self.refused_action(1, "merge", a, other, "-o", out, names=["model", "eeeeeeeeeeee", "aaaaaaaaaaaa"])
        wide = write_store(self.root / "wide", [row + [1.0] for row in ROWS_B], fingerprint(corpus="d"))
        self.refused_action(1, "merge", a, wide, "-o", out, names=["n = 3", "n = 4"])
        more = write_store(self.root / "more", ROWS_B, fingerprint(corpus="d"), layers=2)
        self.refused_action(1, "merge", a, more, "-o", out, names=["layer 1"])
        self.refused_action(2, "merge", a, "-o", out, names=["two stores"])

    def test_quip_and_back(self):
        store, quip, back = write_store(self.root / "a", ROWS_A), self.root / "quip", self.root / "back"
        found = self.ok("hessians", "export", "--to", "quip", store, "-o", quip)
        self.assertEqual((found["layout"], found["path"]), ("quip", str(quip)))
        self.assertEqual(sorted(path.name for path in quip.iterdir()), sorted(f"0_{site}.pt" for site in SITES))
        self.ok("hessians", "import", "--from", "quip", quip, "-o", back, warnings=["model"])
        for site in SITES:
            for found, expected in zip(read_site(back / f"0_{site}.safetensors"), moments(ROWS_A)):
                self.close(found, expected)

    def test_import_of_the_originals(self):
        model = tiny.write(self.root / "tiny")
        found = self.ok("hessians", "import", "--from", "quip", GOLDEN / "quip", "-o", self.root / "q", "-m", model)
        self.assertEqual(len(found["sites"]), 8)
        self.assertEqual(found["fingerprint"]["tokenizer"],
                         hashlib.sha256((model / "tokenizer.json").read_bytes()).hexdigest())
        self.assertRegex(found["fingerprint"]["model"], "^[0-9a-f]{64}$")
        for name, expected in json.loads((GOLDEN / "values.json").read_text()).items():
            if name.startswith("quip/"):
                triangle, mu = read_site(self.root / "q" / f"{name[5:]}.safetensors")
                self.close(triangle, [expected["h"][i][j] for i in range(expected["n"]) for j in range(i + 1)])
                self.close(mu, expected["mu"])
        self.ok("hessians", "import", "--from", "quip", GOLDEN / "qtip", "-o", self.root / "t", warnings=["model", "mean"])

    def test_pickles_are_not_run(self):
        for path in sorted((GOLDEN / "refused").glob("*.pt")):
            with self.subTest(name=path.name):
                folder = self.root / path.stem
                folder.mkdir()
                shutil.copy(path, folder / "0_qkv.pt")
                self.refused_action(1, "import", "--from", "quip", folder, "-o", self.root / "out", names=["0_qkv.pt"])
        self.assertFalse((support.ROOT / "dwubit-was-here").exists())

    def test_imatrix_and_back(self):
        store, path = write_store(self.root / "a", ROWS_A), self.root / "a.dat"
        self.ok("hessians", "export", "--to", "imatrix", store, "-o", path)
        data, at, entries = path.read_bytes(), 4, {}
        for _ in range(struct.unpack_from("<i", data)[0]):
            length = struct.unpack_from("<i", data, at)[0]
            name = data[at + 4:at + 4 + length].decode()
            calls, count = struct.unpack_from("<2i", data, at + 4 + length)
            at += 12 + length
            entries[name] = [value / calls for value in from_f32(data[at:at + 4 * count])]
            at += 4 * count
        self.assertEqual(set(entries), {f"blk.0.{name}.weight" for name in (
            "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")})
        for values in entries.values():
            self.close(values, diagonal(moments(ROWS_A)[0]))
        self.refused(2, "hessians", "export", "--to", "imatrix", store, "-o", path, names=["exists"], hint="--overwrite")
        self.ok("hessians", "export", "--to", "imatrix", store, "-o", path, "--overwrite")
        self.assertEqual(path.read_bytes(), data)

        back = self.root / "back"
        self.ok("hessians", "import", "--from", "imatrix", path, "-o", back, warnings=["model", "diagonals"])
        triangle, mu = read_site(back / "0_down.safetensors")
        self.close(diagonal(triangle), diagonal(moments(ROWS_A)[0]))
        self.assertEqual((triangle[1], mu), (0, [0] * 3))
        for size in (0, 3, 10, 40, len(data) - 1):
            self.refused_action(1, "import", "--from", "imatrix", self.write("cut.dat", data[:size]), "-o",
                                self.root / "out", names=["cut.dat"], kind="invalid_input")

    def test_broken_stores(self):
        def cut(layer, site, data):
            return data[:-1] if site == "up" else data

        def infinite(layer, site, data):
            return data[:-12] + to_f32([1, float("inf"), 2]) if site == "up" else data

        cases = {
            "cut": (dict(change=cut), ["0_up.safetensors"]),
            "interrupted": (dict(complete=False), ["calibrate was interrupted"]),
            "format": (dict(format="gguf"), ["dwubit_hessians"]),
            "digest": (dict(fingerprint_sha256="0" * 64), ["fingerprint"]),
            "sites": (dict(sites=[]), ["no sites"]),
        }
        out = self.root / "out"
        for name, (options, names) in cases.items():
            with self.subTest(name=name):
                store = write_store(self.root / name, ROWS_A, **options)
                self.refused_action(1, "stats", store, names=[store, *names], kind="invalid_input")
                self.refused_action(1, "export", "--to", "quip", store, "-o", out, names=[store, *names])
        newer = write_store(self.root / "newer", ROWS_A, version=2)
        self.refused_action(1, "stats", newer, names=["version 2", "version 1"], kind="unsupported")
        infinity = write_store(self.root / "infinity", ROWS_A, change=infinite)
        self.refused_action(1, "export", "--to", "quip", infinity, "-o", out, kind="invalid_input",
                            names=["layer 0 site up: mu has inf at [1]"])
        changed = write_store(self.root / "changed", ROWS_A)
        path = changed / "0_o.safetensors"
        path.write_bytes(path.read_bytes()[:-4] + to_f32([9]))
        self.refused_action(1, "export", "--to", "imatrix", changed, "-o", out, names=["layer 0 site o", "SHA-256"])
        self.refused_action(1, "stats", self.root / "none", names=["none"], kind="not_found")
        self.refused_action(1, "stats", tiny.write(self.root / "tiny"), names=["hessians.json"], kind="invalid_input")

    def test_usage(self):
        store, out = write_store(self.root / "a", ROWS_A), self.root / "out"
        self.refused_action(2, "stat", store, hint="'stats'")
        self.refused_action(2, "stats", names=["one path"])
        self.refused_action(2, "stats", store, store)
        self.refused_action(2, "stats", store, "-o", out, names=["-o"])
        self.refused_action(2, "export", store, "-o", out, names=["--to"])
        self.refused_action(2, "export", store, "--to", "gguf", "-o", out, names=["gguf"], hint="quip")
        self.refused_action(2, "export", store, "--to", "quip", names=["-o"])
        self.refused_action(2, "import", store, "--to", "quip", "-o", out, names=["--from"])
        self.refused_action(2, "export", store, "--to", "quip", "-m", store, "-o", out, names=["--model"])
        self.refused(2, "hessians", "export", store, "--to", "quip", "-o", store, names=["exists"], hint="--overwrite")


if __name__ == "__main__":
    support.main()
