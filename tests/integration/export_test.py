"""`dwubit export --to dense`: the dense twin of a quantized model, and what becomes of a plain one."""
import json
import math
import struct

import support
import tiny

TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń, rok po roku mija czas. " * 3
QUANTIZED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def read_safetensors(path):
    """{name: (dtype, shape, bytes)} and {name: where its data begins in the file}"""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    tensors, places = {}, {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = (entry["dtype"], tuple(entry["shape"]), data[begin:end])
        places[name] = begin
    return tensors, places


def read_folder(folder):
    """All tensors of a sharded folder, without padding; the index names every one of them"""
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    tensors, named = {}, {}
    for shard in sorted(set(index["weight_map"].values())):
        found, places = read_safetensors(folder / shard)
        named |= dict.fromkeys(found, shard)
        found = {name: tensor for name, tensor in found.items() if not name.startswith("dwubit.padding.")}
        assert all(places[name] % 64 == 0 for name in found), (shard, places)
        tensors |= found
    assert named == index["weight_map"], (named, index)
    assert sum(len(data) for _, _, data in tensors.values()) == index["metadata"]["total_size"]
    return tensors


def floats(data):
    return struct.unpack(f"<{len(data) // 4}f", data)


def to_bf16(value):
    """Rounded to nearest, ties to even"""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)


class Export(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.out = self.root / "out"

    def files(self, folder):
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def check_object(self, found, dtype, tensors, dequantized):
        self.assertEqual((found["path"], found["layout"], found["dtype"]), (str(self.out), "dense", dtype))
        self.assertEqual((found["tensors"], found["dequantized"]), (tensors, dequantized))
        self.assertEqual(found["bytes"], sum(path.stat().st_size for path in self.out.iterdir()))
        self.assertFalse((self.root / "out.partial").exists())


class Plain(Export):
    def test_plain_model_is_copied(self):
        odd = ("F32", (3,), b"\0" * 12)  # the second needs padding before it
        weights = tiny.mixing_tensors() | {f"model.{part}.rotary_emb.inv_freq": odd for part in "ab"}
        config = tiny.CONFIG | {"torch_dtype": "bfloat16", "own_member": [1, {"a": None}]}
        model = tiny.write(self.root / "model", config=config, weights=weights)
        (model / "tokenizer_config.json").write_text('{"chat_template": "x"}')
        (model / "README.md").write_text("of another model")
        found = self.ok("export", model, "--to", "dense", "-o", self.out, "--dtype", "float16",
                        warnings=["no quantized linears"])
        self.check_object(found, "float16", len(weights), 0)
        self.assertEqual(read_folder(self.out), weights)
        self.assertEqual(json.loads((self.out / "config.json").read_text()), config)
        shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
        self.assertEqual(sorted(self.files(self.out)), sorted(
            ["config.json", "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", *shards]))
        for layer in (0, 1):
            names, _ = read_safetensors(self.out / shards[layer])
            self.assertTrue(all(name.startswith(f"model.layers.{layer}.") for name in names), names)
        corpus = self.write("a.txt", TEXT)
        figures = [self.ok("perplexity", folder, "--data", corpus)["nll"] for folder in (model, self.out)]
        self.assertEqual(figures[0], figures[1])

    def test_refusals_leave_nothing(self):
        model = tiny.write(self.root / "model")
        parent = self.root / "new"
        command = ["export", model, "-o", parent / "out", "--to"]
        self.refused(2, *command, "gguff", kind="usage", names=["--to gguff"], hint="dense")
        self.refused(2, *command, "dense", "--dtype", "int8", kind="usage", names=["--dtype int8"], hint="float32")
        self.refused(2, "export", model, "-o", parent / "out", kind="usage", names=["--to"])
        self.refused(1, "export", self.root / "nowhere", "--to", "dense", "-o", parent / "out", kind="not_found",
                     names=["nowhere"])
        short = tiny.tensors()
        del short["model.layers.1.mlp.up_proj.weight"]
        broken = tiny.write(self.root / "broken", weights=short)
        self.refused(1, "export", broken, "--to", "dense", "-o", parent / "out", kind="not_found",
                     names=["model.layers.1.mlp.up_proj.weight"])
        config = tiny.CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
        foreign = tiny.write(self.root / "foreign", config=config)
        self.refused(1, "export", foreign, "--to", "dense", "-o", parent / "out", kind="unsupported", names=["gptq"])
        self.assertFalse(parent.exists())

    def test_output_exists(self):
        model = tiny.write(self.root / "model")
        self.out.mkdir()
        (self.out / "mine").write_text("kept")
        self.refused(2, "export", model, "--to", "dense", "-o", self.out, kind="usage", names=[self.out],
                     hint="--overwrite")
        self.assertEqual(self.files(self.out), {"mine": b"kept"})
        self.ok("export", model, "--to", "dense", "-o", self.out, "--overwrite", warnings=["no quantized"])
        self.assertNotIn("mine", self.files(self.out))
        self.assertEqual(read_folder(self.out), tiny.tensors())


class Quantized(Export):
    def setUp(self):
        super().setUp()
        base = tiny.write(self.root / "base", weights=tiny.mixing_tensors())
        self.packed = self.root / "packed"
        self.base = base
        run = self.run_program("quantize", base, "--method", "rtn", "--set", "bits=3", "--set", "group=32", "-o",
                               self.packed, limited=False, seconds=60)
        self.assertEqual(run.code, 0, run)

    def test_twin_is_exact(self):
        found = self.ok("export", self.packed, "--to", "dense", "-o", self.out)
        count = len(tiny.tensors())
        self.check_object(found, "float32", count, 7 * tiny.LAYERS)
        twin, base = read_folder(self.out), tiny.mixing_tensors()
        self.assertEqual(twin.keys(), base.keys())
        for name, (dtype, shape, data) in twin.items():
            self.assertEqual(shape, base[name][1])
            if name.split(".")[-2] in QUANTIZED:
                self.assertEqual(dtype, "F32", name)
                rows, columns = shape
                values = floats(data)
                for first in range(0, len(values), 32):  # groups of 32 at 3 bits
                    self.assertLessEqual(len(set(values[first:first + 32])), 8, name)
                original = [struct.unpack("<f", b"\0\0" + base[name][2][2 * i:2 * i + 2])[0]
                            for i in range(rows * columns)]
                error = math.fsum((a - b) ** 2 for a, b in zip(values, original))
                self.assertLess(error / math.fsum(b * b for b in original), 0.1, name)
            else:
                self.assertEqual((dtype, shape, data), base[name], name)
        config = json.loads((self.out / "config.json").read_text())
        self.assertNotIn("quantization_config", config)
        self.assertEqual(config["torch_dtype"], "float32")
        self.assertEqual((self.out / "tokenizer.json").read_bytes(), (self.base / "tokenizer.json").read_bytes())

    def test_packed_against_twin(self):
        self.ok("export", self.packed, "--to", "dense", "-o", self.out)
        corpus = self.write("a.txt", TEXT)
        kl = self.ok("perplexity", self.packed, "--data", corpus, "--act", "f32", "--kl-base", self.out)["kl"]
        self.assertLess(kl["mean"], 1e-6)
        self.assertLess(kl["max"], 1e-5)
        self.assertEqual(kl["same_top1"], 1)
        lost = self.ok("perplexity", self.packed, "--data", corpus, "--act", "f32", "--kl-base", self.base)["kl"]
        self.assertGreater(lost["mean"], 1e-4)  # or the comparison says nothing

    def test_other_dtypes(self):
        exact = self.root / "exact"
        self.ok("export", self.packed, "--to", "dense", "-o", exact)
        exact = read_folder(exact)
        for dtype, stored, pack in (("bfloat16", "BF16", to_bf16), ("float16", "F16", lambda x: struct.pack("<e", x))):
            self.ok("export", self.packed, "--to", "dense", "--dtype", dtype, "-o", self.out, "--overwrite")
            twin = read_folder(self.out)
            self.assertEqual(json.loads((self.out / "config.json").read_text())["torch_dtype"], dtype)
            for name, (found, shape, data) in twin.items():
                if name.split(".")[-2] in QUANTIZED:
                    self.assertEqual((found, shape), (stored, exact[name][1]))
                    self.assertEqual(data, b"".join(map(pack, floats(exact[name][2]))), name)
                else:
                    self.assertEqual((found, shape, data), exact[name])

    def test_float16_overflow(self):
        name = "model.layers.1.mlp.up_proj.weight"
        weights = tiny.mixing_tensors()
        dtype, shape, data = weights[name]
        weights[name] = (dtype, shape, tiny.to_bf16([131072.0]) + data[2:])
        base, packed = tiny.write(self.root / "large", weights=weights), self.root / "large-packed"
        run = self.run_program("quantize", base, "--method", "rtn", "--set", "bits=8", "--set", "grid=zero", "--set",
                               "scale=minmax", "-o", packed, limited=False, seconds=60)
        self.assertEqual(run.code, 0, run)
        command = ["export", packed, "--to", "dense", "-o", self.out, "--dtype"]
        self.refused(1, *command, "float16", kind="invalid_input", names=[name, "[0, 0]", "float16"], hint="float32")
        self.assertFalse(self.out.exists())
        self.ok(*command, "bfloat16")

    def test_same_bytes_for_any_number_of_threads(self):
        contents = []
        for threads in ("1", "3"):
            self.ok("export", self.packed, "--to", "dense", "-o", self.out, "--overwrite", "-t", threads)
            contents.append(self.files(self.out))
        self.assertEqual(contents[0], contents[1])


if __name__ == "__main__":
    support.main()
