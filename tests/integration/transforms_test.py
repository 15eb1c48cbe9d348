"""Layers with transforms and fused modules as a user runs them: the answers of the dense twin, bits, refusals."""
import json
import struct

import support
from packed_model import FUSED, UNFUSED, Model, Sizes
from export_test import floats, read_folder, read_safetensors

TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń. " * 3
RHT = {"transform": "rht", "params": {"sign": "f16"}}
BITS = {"transform": "rht", "params": {"sign": "bit"}}
BLOCKS = {"transform": "block_rht", "params": {"block": 4, "sign": "f32"}}
QKV = "model.layers.1.self_attn.qkv_proj"


class Transforms(support.ProgramTest):
    def twins(self, name="m", params=None, modules=None, transforms=(RHT, RHT)):
        model = Model(Sizes(), params or {"bits": 2}, FUSED if modules is None else modules, transforms)
        return model, *model.write(self.root / name)

    def change_config(self, folder, change):
        config = json.loads((folder / "config.json").read_text())
        change(config["quantization_config"])
        (folder / "config.json").write_text(json.dumps(config))

    def test_answers_are_those_of_the_dense_twin(self):
        corpus = self.write("a.txt", TEXT)
        for number, (params, modules, transforms) in enumerate((
                ({"bits": 2}, FUSED, (RHT, RHT)), ({"bits": 2}, UNFUSED, (BITS, None)),
                ({"bits": 3, "residual": 2.04}, UNFUSED, (None, BLOCKS)),
                ({"bits": 4, "residual": 3.45}, FUSED, (BLOCKS, BITS)), ({"bits": 2}, FUSED, (None, None)))):
            _, packed, dense = self.twins(str(number), params, modules, transforms)
            for act, limit in (("f32", 1e-7), ("auto", 1e-3)):
                kl = self.ok("perplexity", packed, "--data", corpus, "--kl-base", dense, "--act", act)["kl"]
                self.assertLess(kl["mean"], limit, (number, act))
            out = self.root / f"out{number}"
            self.ok("export", packed, "--to", "dense", "-o", out)
            found, expected = read_folder(out), read_safetensors(dense / "model.safetensors")[0]
            self.assertEqual(set(found), set(expected))
            for name, (dtype, shape, data) in expected.items():
                self.assertEqual(found[name][:2], (dtype, shape), name)
                if dtype == "BF16":
                    self.assertEqual(found[name][2], data, name)
                    continue
                for a, b in zip(floats(found[name][2]), floats(data)):
                    self.assertAlmostEqual(a, b, delta=2e-6)

    def test_generation_and_eval_paths_agree(self):
        _, packed, dense = self.twins()
        texts = [self.ok("generate", folder, "-p", "kot ma", "-n", 12, "--temp", 0, "--act", "f32")["ids"]
                 for folder in (packed, dense)]
        self.assertEqual(texts[0], texts[1])

    def test_inspect_counts_and_names_them(self):
        _, packed, _ = self.twins(transforms=(BITS, RHT))
        found = self.ok("inspect", packed)
        rows = {row["name"]: row for row in found["layers"]}
        self.assertEqual(len(rows), 2 * 4)
        row = rows[QKV]
        self.assertEqual((row["format"], row["shape"], row["transform"]), ("e8p", [96, 48], "rht"))
        self.assertEqual([part["rows"] for part in row["parts"]], [48, 24, 24])
        self.assertEqual((row["in"]["params"], row["out"]["params"]), ({"sign": "bit"}, {"sign": "f16"}))
        self.assertEqual((row["in"]["bytes"], row["out"]["bytes"]), (6, 192))
        self.assertLess(row["in"]["orthogonality_error"]["f64"], 1e-14)
        self.assertLess(row["out"]["orthogonality_error"]["f32"], 1e-6)
        # codes, one scale, 48 bits of signs, 96 factors in F16
        self.assertAlmostEqual(row["bits_per_weight"], 2 + (32 + 48 + 96 * 16) / (96 * 48))
        self.assertTrue(row["in"]["kernel"].startswith("rht_apply_f32_"))
        total = sum(row["bits_per_weight"] * row["shape"][0] * row["shape"][1] for row in rows.values())
        weights = sum(row["shape"][0] * row["shape"][1] for row in rows.values())
        self.assertAlmostEqual(found["bits_per_weight_linears"], total / weights)

    def test_refusals_name_their_place(self):
        changes = (
            (lambda q: q["modules"][QKV].update(out={"transform": "rth"}), "unsupported", [QKV, "'rth'"], "rht"),
            (lambda q: q["modules"][QKV].update(out={"transform": "rht", "params": {"sign": "f64"}}), "invalid_input",
             [QKV, "'sign'"], None),
            (lambda q: q["modules"][QKV].update(params={"bits": 5}), "invalid_input", [QKV, "2, 3 or 4"], None),
            (lambda q: q["modules"][QKV].update(out={"transform": "block_rht", "params": {"block": 7}}), "invalid_input",
             [QKV, "'block'", "96"], "12"),
            (lambda q: q["fused"].update({QKV: ["q_proj", "k_proj", "o_proj"]}), "invalid_input", [QKV, "o_proj"], None),
            (lambda q: q["fused"].update({QKV: ["q_proj", "k_proj", "q_proj"]}), "invalid_input", [QKV, "twice"], None),
            (lambda q: q["fused"].update({"model.layers.1.mlp.down_proj": ["up_proj"]}), "invalid_input",
             ["down_proj"], None),
            (lambda q: q["fused"].update({"model.layers.7.self_attn.qkv_proj": ["q_proj"]}), "invalid_input",
             ["layers.7"], None),
            (lambda q: q["modules"].pop(QKV), "invalid_input", [QKV, "'modules'"], None))
        _, packed, _ = self.twins()
        text = (packed / "config.json").read_text()
        for change, kind, names, hint in changes:
            self.change_config(packed, change)
            self.refused(1, "inspect", packed, kind=kind, names=names, hint=hint)
            (packed / "config.json").write_text(text)

    def test_size_without_a_transform(self):
        # 92 = 4 * 23
        sizes = Sizes(hidden=92, intermediate=80, heads=1, kv_heads=1)
        model = Model(sizes, {"bits": 2}, UNFUSED, (None, None))
        for entry in model.module_entries.values():
            entry["in"] = BITS
        folder = model.write_packed(self.root / "m")
        self.refused(1, "inspect", folder, kind="unsupported", names=["92"], hint="88 and 96")

    def test_broken_factors(self):
        model, _, _ = self.twins()
        name = f"{QKV}.sign_out"
        dtype, shape, data = model.packed[name]
        for bad, names in (((dtype, shape, struct.pack("<e", float("nan")) + data[2:]), [name]),
                           ((dtype, (95,), data[2:]), [name, "[95]", "[96]"]), (("BF16", shape, data), [name, "BF16"])):
            model.packed[name] = bad
            folder = model.write_packed(self.root / "bad")
            self.refused(1, "generate", folder, "-p", "kot", "-n", 1, kind="invalid_input", names=names)
        del model.packed[name]
        folder = model.write_packed(self.root / "bad")
        self.refused(1, "inspect", folder, kind="not_found", names=[name])


if __name__ == "__main__":
    support.main()
