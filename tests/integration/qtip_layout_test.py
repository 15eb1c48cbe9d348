"""Export and import of QTIP's checkpoint layout: words, factors and tables as plain Python makes them, and the way back."""
import json
import struct

import support
import tiny
import trellis
from export_test import read_folder
from packed_model import FUSED, UNFUSED, Model, Sizes

TEXT = "kot ma kota i dom, a pies ma las. " * 3
BITS = {"transform": "rht", "params": {"sign": "bit"}}
F16 = {"transform": "rht", "params": {"sign": "f16"}}
SIZES = Sizes(hidden=64, intermediate=192, heads=4, kv_heads=2)
MODES = {"hyb": "quantlut_sym", "1mad": "1mad", "3inst": "3inst"}
LEAVES = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o", "gate_proj": "gate", "up_proj": "up", "down_proj": "down"}


def stream_of(codes, width):
    """A tile as QTIP packs its states: all bits of the first, the new ones of the others, the last 16 - width left out"""
    line = "".join(format(code, f"0{width}b") for code in codes)
    states = [(line + line)[width * t:width * t + 16] for t in range(len(codes))]
    packed = states[0] + "".join(state[-width:] for state in states[1:])
    return packed[:len(packed) - (16 - width)]


def trellis_words(codes, params):
    """The tensor's 16-bit words, from the definition by indices: codes is a list of bands of tiles"""
    bits = params["bits"]
    width = bits * trellis.step_values(params)
    streams = [[stream_of(tile, width) for tile in band] for band in codes]
    if params["code"] != "hyb" or bits == 1:
        return [int(line[at:at + 16], 2) for band in streams for line in band for at in range(0, len(line), 16)]
    rows, columns = len(streams), len(streams[0])
    data = bytearray()
    for row in range(0, rows, 2):
        for column in range(0, columns, 2):
            for lane in range(32):
                for across in range(2):
                    for down in range(2):
                        part = streams[row + down][column + across][8 * bits * lane:8 * bits * (lane + 1)]
                        data += int(part, 2).to_bytes(bits, "little")
    return list(struct.unpack(f"<{len(data) // 2}H", data))


class Layout(support.ProgramTest):
    def model(self, code="hyb", bits=2, modules=None, transforms=(BITS, BITS), sizes=SIZES, value_bits=None):
        def params(leaf):
            return {"code": code, "bits": value_bits if value_bits and leaf == "v_proj" else bits}
        return Model(sizes, params, UNFUSED if modules is None else modules, transforms, packer=trellis)

    def test_export_is_what_the_definition_says(self):
        for code, bits, value_bits in (("hyb", 2, None), ("hyb", 3, 4), ("hyb", 4, None), ("hyb", 1, None), ("1mad", 2, None),
                                       ("3inst", 3, 1)):
            model = self.model(code, bits, value_bits=value_bits)
            folder = model.write_packed(self.root / f"{code}{bits}")
            out = self.root / f"{code}{bits}qtip"
            found = self.ok("export", folder, "--to", "qtip", "-o", out)
            self.assertEqual((found["layout"], found["modules"], found["factor_rounding"]), ("qtip", 14, 0))
            config = json.loads((out / "config.json").read_text())
            self.assertNotIn("quantization_config", config)
            self.assertEqual((config["model_type"], config["architectures"]), ("llama", ["LlamaForCausalLM"]))
            expected = {"codebook": "bitshift", "codebook_version": 0, "L": 16, "K": bits, "V": 2 if code == "hyb" else 1,
                        "tlut_bits": 9 if code == "hyb" else 0, "decode_mode": MODES[code], "td_x": 16, "td_y": 16,
                        "split_for_tp": False, "skip_list": None}
            self.assertEqual(config["quip_params"], expected | ({"K_v_proj": value_bits} if value_bits else {}))
            tensors = read_folder(out)
            for module, codes in model.codes.items():
                params = model.module_entries[module]["params"]
                words = trellis_words(codes, params)
                rows, columns = 16 * len(codes), 16 * len(codes[0])
                self.assertEqual(tensors[f"{module}.trellis"], (
                    "I16", (rows * columns // 256, 16 * params["bits"]), struct.pack(f"<{len(words)}H", *words)), module)
                factors = model.factors[module, "in"]
                self.assertEqual(tensors[f"{module}.SU"], ("F16", (columns,), struct.pack(f"<{columns}e", *factors)))
                factors = [factor * model.scales[module] for factor in model.factors[module, "out"]]
                self.assertEqual(tensors[f"{module}.SV"], ("F32", (rows,), struct.pack(f"<{rows}f", *factors)))
                self.assertEqual(tensors[f"{module}.rcp"], ("I64", (), struct.pack("<q", 0)))
                self.assertEqual(tensors[f"{module}.tp_rank"], ("I64", (), struct.pack("<q", 8)))
                if code == "hyb":
                    self.assertEqual(tensors[f"{module}.tlut"], model.packed[f"{module}.codebook.0"])
                else:
                    self.assertNotIn(f"{module}.tlut", tensors)
            self.assertEqual(tensors["model.norm.weight"], ("F16", (64,), struct.pack("<64e", *[1.0] * 64)))

    def test_import_is_the_way_back(self):
        corpus = self.write("a.txt", TEXT)
        for code, bits, value_bits, sign in (("hyb", 2, None, BITS), ("hyb", 3, 2, F16), ("hyb", 1, None, BITS),
                                             ("1mad", 4, None, BITS), ("3inst", 2, None, F16)):
            name = f"{code}{bits}"
            model = self.model(code, bits, transforms=(sign, sign), value_bits=value_bits)
            folder = model.write_packed(self.root / name)
            qtip, back = self.root / f"{name}qtip", self.root / f"{name}back"
            self.ok("export", folder, "--to", "qtip", "-o", qtip)
            found = self.ok("import", qtip, "--from", "qtip", "-o", back)
            self.assertEqual((found["layout"], found["modules"], found["bits"], found["code"]), ("qtip", 14, bits, code))
            tensors = read_folder(back)
            for field, tensor in model.packed.items():
                # factors that are no signs have the scale in them
                if field.endswith(("codes", "codebook.0", "sign_in")) or (sign is BITS and field.endswith(("scales", "sign_out"))):
                    self.assertEqual(tensors[field], tensor, field)
            kl = self.ok("perplexity", back, "--data", corpus, "--kl-base", folder, "--act", "f32")["kl"]
            self.assertLess(kl["mean"], 1e-6)
            again = self.root / f"{name}again"
            self.ok("export", back, "--to", "qtip", "-o", again)
            first, second = read_folder(qtip), read_folder(again)
            self.assertEqual(first.keys(), second.keys())
            for field in first:
                self.assertEqual(first[field], second[field], field)

    def test_linears_that_are_not_quantized_are_skipped(self):
        model = self.model("3inst")
        kept = "model.layers.0.self_attn.v_proj"
        for field in [field for field in model.packed if field.startswith(kept + ".")]:
            del model.packed[field]
        del model.module_entries[kept]
        weight = ("BF16", (32, 64), tiny.to_bf16([i % 7 / 8 for i in range(32 * 64)]))
        model.packed[f"{kept}.weight"] = weight
        folder = model.write_packed(self.root / "m")
        self.ok("export", folder, "--to", "qtip", "-o", self.root / "qtip")
        config = json.loads((self.root / "qtip/config.json").read_text())
        self.assertEqual(config["quip_params"]["skip_list"], ["0_v"])
        self.assertEqual(read_folder(self.root / "qtip")[f"{kept}.weight"][:2], ("F16", (32, 64)))
        found = self.ok("import", self.root / "qtip", "--from", "qtip", "-o", self.root / "back")
        self.assertEqual(found["modules"], 13)
        corpus = self.write("a.txt", TEXT)
        kl = self.ok("perplexity", self.root / "back", "--data", corpus, "--kl-base", folder, "--act", "f32")["kl"]
        self.assertLess(kl["mean"], 1e-6)

    def test_what_does_not_fit_is_refused(self):
        parent = self.root / "new"
        command = ["-o", parent / "out", "--to", "qtip"]

        def refused(name, model, names, hint=None):
            folder = model.write_packed(self.root / name)
            self.refused(1, "export", folder, *command, kind="unsupported", names=names, hint=hint)

        refused("mul1", self.model("mul1"), ["mul1", "q_proj"], "3inst")
        refused("fused", self.model("hyb", modules=FUSED), ["q_proj", "fused"], "fuse=no")
        refused("plain", self.model("1mad", transforms=(None, BITS)), ["q_proj", "in transform is none"])
        refused("small", self.model("hyb", sizes=Sizes(hidden=64, intermediate=48)), ["[48, 64]", "multiple of 32"])
        refused("order", self.model("3inst", sizes=Sizes(hidden=64, intermediate=704)), ["gate_proj", "Hadamard", "704"])
        mixed = Model(SIZES, lambda leaf: {"code": "hyb", "bits": 3 if leaf == "o_proj" else 2}, UNFUSED, (BITS, BITS),
                      packer=trellis)
        refused("mixed", mixed, ["o_proj", "3 bits", "2"])
        codes = Model(SIZES, lambda leaf: {"code": "1mad" if leaf == "v_proj" else "3inst", "bits": 2}, UNFUSED, (BITS, BITS),
                      packer=trellis)
        refused("codes", codes, ["v_proj", "another code"])
        lattice = Model(SIZES, {"bits": 2}, UNFUSED, (BITS, BITS))
        refused("lattice", lattice, ["q_proj", "e8p"])
        dense = tiny.write(self.root / "dense", config=SIZES.config() | {
            "hidden_size": tiny.HIDDEN, "intermediate_size": tiny.INTERMEDIATE, "head_dim": tiny.HEAD_DIM})
        self.refused(1, "export", dense, *command, kind="unsupported", names=["no linear is in format trellis"])
        self.refused(2, "export", dense, *command, "--dtype", "float32", kind="usage", names=["--dtype"])
        self.refused(1, "import", dense, "--from", "qtip", "-o", parent / "out", kind="invalid_input", names=["quip_params"])
        self.assertFalse(parent.exists())

    def test_checkpoints_that_make_no_sense(self):
        folder = self.model().write_packed(self.root / "m")
        qtip = self.root / "qtip"
        self.ok("export", folder, "--to", "qtip", "-o", qtip)
        config = json.loads((qtip / "config.json").read_text())
        tensors = read_folder(qtip)
        module = "model.layers.1.self_attn.o_proj"

        def check(kind, names, tensors=tensors, **changed):
            params = {key: value for key, value in (config["quip_params"] | changed).items() if value != "absent"}
            bad = tiny.write(self.root / "bad", config=config | {"quip_params": params}, weights=dict(tensors))
            self.refused(1, "import", bad, "--from", "qtip", "-o", self.root / "out", kind=kind, names=names)

        def with_tensor(field, tensor):
            return tensors | {f"{module}.{field}": tensor}

        def without(field):
            return {name: value for name, value in tensors.items() if name != f"{module}.{field}"}

        check("invalid_input", ["'codebook'", "bitshift"], codebook="E8P12")
        check("unsupported", ["codebook_version is 1"], codebook_version=1)
        check("invalid_input", ["'decode_mode'", "quantlut_sym"], decode_mode="2mad")
        check("invalid_input", ["'K'", "5"], K=5)
        check("invalid_input", ["'K'"], K="absent")
        check("invalid_input", ["'K_v_proj'", "0"], K_v_proj=0)
        check("unsupported", ["V is 1"], V=1)
        check("unsupported", ["L is 12"], L=12)
        check("unsupported", ["td_x is 8"], td_x=8)
        check("unsupported", ["tlut_bits is 8"], tlut_bits=8)
        check("unsupported", ["split_for_tp"], split_for_tp=True)
        check("invalid_input", ["'skip_list'"], skip_list=[3])
        check("invalid_input", ["trellis", "I16 [16, 32]", "I16 [16, 48]"], K=3)
        dtype, shape, data = tensors[f"{module}.trellis"]
        check("invalid_input", ["trellis", "[32, 16]"], with_tensor("trellis", (dtype, (32, 16), data)))
        check("invalid_input", ["trellis", "U16"], with_tensor("trellis", ("U16", shape, data)))
        dtype, shape, data = tensors[f"{module}.tlut"]
        nan = struct.pack("<e", float("nan")) + data[2:]
        check("invalid_input", [f"{module}.tlut", "not finite"], with_tensor("tlut", (dtype, shape, nan)))
        big = struct.pack("<1024f", *[1e6] * 1024)
        check("invalid_input", [f"{module}.tlut", "range of F16"], with_tensor("tlut", ("F32", shape, big)))
        check("invalid_input", [f"{module}.tlut", "1024 values"], with_tensor("tlut", (dtype, (256, 2), data[:1024])))
        dtype, shape, data = tensors[f"{module}.SV"]
        nan = struct.pack("<f", float("inf")) + data[4:]
        check("invalid_input", [f"{module}.SV", "not finite"], with_tensor("SV", (dtype, shape, nan)))
        check("unsupported", [f"{module}.rcp", "tensor-parallel"], with_tensor("rcp", ("I64", (), struct.pack("<q", 1))))
        for field in ("trellis", "SU", "SV", "tlut"):
            check("not_found", [f"{module}.{field}"], without(field))
        # older checkpoints
        old = {name: value for name, value in tensors.items() if not name.endswith(("rcp", "tp_rank"))}
        found = self.ok("import", tiny.write(self.root / "old", config=config, weights=old), "--from", "qtip", "-o", self.root / "out")
        self.assertEqual(found["modules"], 14)


if __name__ == "__main__":
    support.main()
