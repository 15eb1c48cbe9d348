"""Export and import of QuIP#'s checkpoint layout: words and factors as plain Python makes them, and the way back."""
import json
import struct

import e8p
import support
import tiny
from packed_model import FUSED, UNFUSED, Model, Sizes
from export_test import read_folder

TEXT = "kot ma kota i dom, a pies ma las. " * 3
BITS = {"transform": "rht", "params": {"sign": "bit"}}
F16 = {"transform": "rht", "params": {"sign": "f16"}}
SIZES = Sizes(hidden=64, intermediate=192, heads=4, kv_heads=2)
PARAMS = {2: {"bits": 2}, 3: {"bits": 3, "residual": 2.04}, 4: {"bits": 4, "residual": 3.45}}
BOOKS = {2: ("E8P12", 7, 1, 4), 3: ("E8P12RVQ3B", 18, 0, 8 / 3), 4: ("E8P12RVQ4B", 17, 1, 2)}


def words_of(codes, columns):
    """Qidxs of one stage, a list of rows: from the definition, by indices"""
    rows, across = len(codes), columns // 64
    flat = [0] * (rows * columns // 32)
    for pair in range(rows // 2):
        for group in range(columns // 16):
            word = 0
            for i in range(4):
                code = codes[2 * pair + i % 2][2 * group + i // 2]
                word |= (code >> 8) << 8 * i
                for j in range(8):
                    word |= (code >> j & 1) << (32 + 4 * j + i)
            flat[((pair // 8 * across + group // 4) * 8 + pair % 8) * 4 + group % 4] = word
    width = columns // 32
    return [flat[r * width:(r + 1) * width] for r in range(rows)]


def qidxs(codes, columns, bits):
    if bits == 2:
        return words_of(codes, columns)
    second = 8 if bits == 3 else 16
    first = words_of([[code >> second for code in row] for row in codes], columns)
    rest = [[code & (1 << second) - 1 for code in row] for row in codes]
    if bits == 4:
        return [a + b for a, b in zip(first, words_of(rest, columns))]
    points = [[sum(point << 8 * i for i, point in enumerate(row[at:at + 8])) for at in range(0, len(row), 8)] for row in rest]
    return [a + b for a, b in zip(first, points)]


class Layout(support.ProgramTest):
    def model(self, bits=2, modules=None, transforms=(BITS, BITS), sizes=SIZES):
        return Model(sizes, PARAMS[bits], FUSED if modules is None else modules, transforms)

    def test_export_is_what_the_definition_says(self):
        for bits in (2, 3, 4):
            model = self.model(bits)
            folder = model.write_packed(self.root / f"m{bits}")
            out = self.root / f"quip{bits}"
            found = self.ok("export", folder, "--to", "quip-sharp", "-o", out)
            self.assertEqual((found["layout"], found["modules"]), ("quip-sharp", 8))
            self.assertLess(found["factor_rounding"], 2 ** -11)
            config = json.loads((out / "config.json").read_text())
            name, number, version, packsz = BOOKS[bits]
            self.assertNotIn("quantization_config", config)
            self.assertEqual((config["model_type"], config["architectures"]), ("llama", ["LlamaForCausalLM"]))
            self.assertEqual(config["quip_params"], {
                "lora_rank": 0, "rescale_WH": False, "codebook": name, "codebook_version": version, "codesz": 8,
                "idx_dtype": "torch.int64", "packsz": packsz, "resid_scale_override": -1, "model_version": 1})
            tensors = read_folder(out)
            for module, codes in model.codes.items():
                columns = 8 * len(codes[0])
                rows = qidxs(codes, columns, bits)
                words = [word for row in rows for word in row]
                self.assertEqual(tensors[f"{module}.Qidxs"], (
                    "I64", (len(rows), len(rows[0])), struct.pack(f"<{len(words)}Q", *words)), module)
                self.assertEqual(tensors[f"{module}.codebook_id"], ("I64", (), struct.pack("<q", number)))
                self.assertEqual(tensors[f"{module}.Wscale"], ("F32", (), struct.pack("<f", 1)))
                factors = model.factors[module, "in"]
                self.assertEqual(tensors[f"{module}.SU"], ("F16", (columns,), struct.pack(f"<{columns}e", *factors)))
                scale, out_factors = model.scales[module], model.factors[module, "out"]
                if module in model.fused:  # the scale is in fuse_scales, and SV exact
                    parts = len(model.fused[module])
                    self.assertEqual(tensors[f"{module}.fuse_scales"], (
                        "F32", (parts,), struct.pack(f"<{parts}f", *[scale] * parts)))
                    scale = 1
                else:
                    self.assertNotIn(f"{module}.fuse_scales", tensors)
                self.assertEqual(tensors[f"{module}.SV"], ("F16", (len(rows),), struct.pack(
                    f"<{len(rows)}e", *[factor * scale for factor in out_factors])))
            self.assertEqual(tensors["model.norm.weight"], ("F16", (64,), struct.pack("<64e", *[1.0] * 64)))

    def test_import_is_the_way_back(self):
        corpus = self.write("a.txt", TEXT)
        for bits, transforms in ((2, (BITS, BITS)), (2, (F16, F16)), (3, (BITS, BITS)), (4, (BITS, BITS))):
            name = f"{bits}{transforms[0]['params']['sign']}"
            model = self.model(bits, transforms=transforms)
            folder = model.write_packed(self.root / name)
            quip, back = self.root / f"{name}quip", self.root / f"{name}back"
            self.ok("export", folder, "--to", "quip-sharp", "-o", quip)
            found = self.ok("import", quip, "--from", "quip-sharp", "-o", back)
            self.assertEqual((found["layout"], found["modules"], found["bits"]), ("quip-sharp", 8, bits))
            tensors = read_folder(back)
            for module in model.codes:
                self.assertEqual(tensors[f"{module}.codes"], model.packed[f"{module}.codes"], module)
            config = json.loads((back / "config.json").read_text())["quantization_config"]
            self.assertEqual(config["fused"], model.fused)
            kl = self.ok("perplexity", back, "--data", corpus, "--kl-base", folder, "--act", "f32")["kl"]
            self.assertLess(kl["mean"], 1e-5)  # scales in F16
            again = self.root / f"{name}again"
            self.ok("export", back, "--to", "quip-sharp", "-o", again)
            first, second = read_folder(quip), read_folder(again)
            for module in model.codes:
                self.assertEqual(first[f"{module}.Qidxs"], second[f"{module}.Qidxs"], module)
                self.assertEqual(first[f"{module}.SU"], second[f"{module}.SU"], module)

    def test_what_does_not_fit_is_refused(self):
        parent = self.root / "new"
        command = ["-o", parent / "out", "--to", "quip-sharp"]

        def refused(name, model, kind, names, hint=None):
            folder = model.write_packed(self.root / name)
            self.refused(1, "export", folder, *command, kind=kind, names=names, hint=hint)

        refused("unfused", self.model(modules=UNFUSED), "unsupported", ["q_proj", "v_proj"], "fused")
        refused("plain", self.model(transforms=(None, BITS)), "unsupported", ["qkv_proj", "in transform is none"])
        refused("small", self.model(sizes=Sizes()), "unsupported", ["[96, 48]", "multiple of 16"])
        refused("size", self.model(sizes=Sizes(hidden=64, intermediate=704)), "unsupported", ["upgate_proj", "Hadamard", "1408"])
        gate_first = FUSED | {"upgate_proj": ["gate_proj", "up_proj"]}
        refused("order", self.model(modules=gate_first), "unsupported", ["up_proj", "this order"])
        dense = tiny.write(self.root / "plain2", config=Sizes().config() | {"hidden_size": tiny.HIDDEN, "intermediate_size": tiny.INTERMEDIATE, "head_dim": tiny.HEAD_DIM})
        self.refused(1, "export", dense, *command, kind="unsupported", names=["q_proj"])
        self.refused(2, "export", dense, *command, "--dtype", "float32", kind="usage", names=["--dtype"])
        self.refused(2, "import", dense, "--from", "vptq", "-o", parent / "out", kind="usage", names=["--from vptq"],
                     hint="quip-sharp")
        self.refused(1, "import", dense, "--from", "quip-sharp", "-o", parent / "out", kind="invalid_input",
                     names=["quip_params"])
        self.assertFalse(parent.exists())

    def test_checkpoints_that_make_no_sense(self):
        folder = self.model().write_packed(self.root / "m")
        quip = self.root / "quip"
        self.ok("export", folder, "--to", "quip-sharp", "-o", quip)
        config = json.loads((quip / "config.json").read_text())
        tensors = read_folder(quip)
        module = "model.layers.1.self_attn.o_proj"

        def check(kind, names, tensors=tensors, **changed):
            bad = tiny.write(self.root / "bad", config=config | {"quip_params": config["quip_params"] | changed},
                             weights=dict(tensors))
            self.refused(1, "import", bad, "--from", "quip-sharp", "-o", self.root / "out", kind=kind, names=names)

        check("invalid_input", ["'codebook'", "D4"], codebook="D4")
        check("unsupported", ["codebook_version 0"], codebook_version=0)
        check("unsupported", ["lora_rank"], lora_rank=8)
        check("unsupported", ["rescale_WH"], rescale_WH=True)
        dtype, shape, data = tensors[f"{module}.Qidxs"]
        check("invalid_input", ["Qidxs", "[32, 4]"], tensors | {f"{module}.Qidxs": (dtype, (32, 4), data)})
        dtype, shape, data = tensors[f"{module}.SV"]
        nan = struct.pack("<e", float("nan")) + data[2:]
        check("invalid_input", [f"{module}.SV", "not finite"], tensors | {f"{module}.SV": (dtype, shape, nan)})
        check("not_found", [f"{module}.SU"], {name: value for name, value in tensors.items() if name != f"{module}.SU"})


if __name__ == "__main__":
    support.main()
