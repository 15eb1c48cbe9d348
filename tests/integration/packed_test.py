"""A dwubit directory as a user runs it: the same answers as its dense twin, exact bits, refusals that name their place."""
import json
import random
import struct

import support
import tiny
import uniform_group

TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń. " * 3
PARAMS = {"bits": 2, "group": 32, "grid": "zero", "perm": False}
UP = "model.layers.1.mlp.up_proj"
PADDING = ("U8", (5,), b"\0" * 5)


def twins(folder, params, patterns=False):
    """A dwubit directory of random codes and its dense twin in float32, which they decode to"""
    generator = random.Random(3)
    packed, dense, modules = {}, {}, {}
    for name, (dtype, shape, data) in tiny.mixing_tensors().items():
        module = name.removesuffix(".weight")
        if not module.endswith("_proj"):
            packed[name] = dense[name] = (dtype, shape, data)
            continue
        made = uniform_group.random_codes(generator, shape, params)
        for field, tensor in uniform_group.pack(shape, params, *made).items():
            packed[f"dwubit.padding.{module}.{field}"] = PADDING
            packed[f"{module}.{field}"] = tensor
        rows = uniform_group.values(shape, params, *made)
        numbers = [value for row in rows for value in row]
        dense[name] = ("F32", shape, struct.pack(f"<{len(numbers)}f", *numbers))
        modules["model.layers.*" if patterns else module] = {"format": "uniform_group", "format_version": 1,
                                                             "params": params}
    quantization = {"quant_method": "dwubit", "format_version": 1, "modules": modules, "unquantized": ["lm_head"]}
    config = tiny.CONFIG | {"quantization_config": quantization}
    return tiny.write(folder / "packed", config=config, weights=packed), tiny.write(folder / "dense", weights=dense)


def read_safetensors(path):
    """{name: (dtype, shape, bytes)}"""
    data = path.read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    return {name: (entry["dtype"], tuple(entry["shape"]), data[start:][slice(*entry["data_offsets"])])
            for name, entry in json.loads(data[8:start]).items()}


class Packed(support.ProgramTest):
    def change_config(self, model, change):
        config = json.loads((model / "config.json").read_text())
        change(config["quantization_config"])
        (model / "config.json").write_text(json.dumps(config))


class Runs(Packed):
    def test_answers_are_those_of_the_dense_twin(self):
        corpus = self.write("a.txt", TEXT)
        for bits, group, grid, perm in ((2, 32, "zero", False), (3, 32, "mirror", True), (4, 64, "zero", True),
                                        (8, 40, "mirror", False)):
            folder = self.root / f"{bits}{grid}"
            packed, dense = twins(folder, {"bits": bits, "group": group, "grid": grid, "perm": perm}, patterns=bits < 4)
            found, expected = (self.ok("perplexity", model, "--data", corpus, "--act", "f32")
                               for model in (packed, dense))
            self.assertAlmostEqual(found["nll"], expected["nll"], delta=1e-5)
            self.assertEqual(found["predictions"], expected["predictions"])
            kl = self.ok("perplexity", packed, "--data", corpus, "--act", "f32", "--kl-base", dense)["kl"]
            self.assertLess(kl["mean"], 1e-6)
            self.assertGreater(kl["same_top1"], 0.98)
            found, expected = (self.ok("generate", model, "-p", "kot", "-n", "8", "--ignore-eos", "--act", "f32")
                               for model in (packed, dense))
            self.assertEqual(found["ids"], expected["ids"])

    def test_same_bytes_for_any_number_of_threads(self):
        corpus = self.write("a.txt", TEXT)
        packed, _ = twins(self.root, PARAMS)
        one, three = (self.ok("perplexity", packed, "--data", corpus, "-t", count) for count in (1, 3))
        self.assertEqual(one["nll"], three["nll"])

    def test_inspect(self):
        packed, dense = twins(self.root, PARAMS)
        (packed / "dwubit.json").write_text('{"recipe": {"bits": 2}}')
        found, plain = self.ok("inspect", packed, "--act", "bf16"), self.ok("inspect", dense)
        self.assertEqual((found["kind"], plain["kind"]), ("dwubit", "hf"))
        self.assertEqual((found["manifest"], plain["manifest"]), ({"recipe": {"bits": 2}}, None))
        self.assertEqual(found["parameters"], plain["parameters"])
        # Codes, one scale of 16 bits and one zero of 2 bits for each group of 32; all rows are whole groups.
        self.assertEqual(found["bits_per_weight_linears"], 2 + 16 / 32 + 2 / 32)
        self.assertEqual(found["bytes"], (packed / "model.safetensors").stat().st_size)
        self.assertEqual(found["bits_per_weight_file"], 8 * found["bytes"] / found["parameters"])
        weights = sum(layer["shape"][0] * layer["shape"][1] for layer in plain["layers"])
        saved = 4 * weights - round((2 + 18 / 32) * weights / 8)
        self.assertEqual(found["bytes_per_token"], plain["bytes_per_token"] - saved)
        for layer in found["layers"]:
            self.assertEqual((layer["format"], layer["bits_per_weight"]), ("uniform_group", 2 + 18 / 32))
            self.assertEqual((layer["transform"], layer["params"]), ("none", PARAMS))
            self.assertRegex(layer["kernel"], "^uniform_group_gemv_bf16_" + layer["isa"] + "$")
            self.assertRegex(layer["prompt_kernel"], "^uniform_group_gemm_(f32|bf16)_")
            self.assertIsNone(layer["fallback_reason"])
        self.assertEqual(found["head"]["format"], "BF16")
        names = [tensor["name"] for tensor in self.ok("inspect", packed, "--tensors")["tensors"]]
        self.assertIn(UP + ".scales", names)
        self.assertFalse([name for name in names if "padding" in name])

    def test_bits_are_of_the_quantized_linears(self):
        packed, _ = twins(self.root, PARAMS)
        weights = {name: tensor for name, tensor in tiny.tensors().items() if name == f"{UP}.weight"}
        tensors = read_safetensors(packed / "model.safetensors")
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith(UP)}
        (packed / "model.safetensors").write_bytes(tiny.safetensors(kept | weights))
        self.change_config(packed, lambda q: q["modules"].pop(UP))
        found = self.ok("inspect", packed)
        self.assertEqual(found["bits_per_weight_linears"], 2 + 18 / 32)
        self.assertEqual({layer["format"] for layer in found["layers"]}, {"uniform_group", "BF16"})

    def test_formats(self):
        formats = {entry["id"]: entry for entry in self.ok("formats")["formats"]}
        entry = formats["uniform_group"]
        self.assertEqual((entry["version"], entry["bits"]), (1, [2, 3, 4, 8]))
        for kernel in entry["kernels"]:
            self.assertEqual(kernel.keys(), {"name", "op", "isa", "device", "available"})
        self.assertTrue(any(kernel["available"] for kernel in entry["kernels"]))
        self.assertIn("uniform_group_gemm_f32_ref", self.run_program("formats").out)


class Broken(Packed):
    def check(self, model, *names, kind="invalid_input", inspect=True):
        if inspect:
            self.refused(1, "inspect", model, names=names, kind=kind)
        self.refused(1, "generate", model, "-p", "kot", "-n", "1", names=names, kind=kind)

    def test_config(self):
        cases = (
            (lambda q: q.update(quant_method="gptq"), ["gptq"], "unsupported"),
            (lambda q: q.update(format_version=9), ["format_version 9"], "unsupported"),
            (lambda q: q["modules"][UP].update(format="uniform_groups"), ["uniform_groups", UP], "not_found"),
            (lambda q: q["modules"][UP].update(format_version=2), ["version 2", UP], "unsupported"),
            (lambda q: q["modules"][UP]["params"].update(bits=7), ["'bits'", "2, 3, 4 or 8", UP], "invalid_input"),
            (lambda q: q["modules"][UP]["params"].update(bits=4), [UP + ".codes", "[64, 8]", "[64, 16]"],
             "invalid_input"),
            (lambda q: q["modules"][UP].update(out={"transform": "butterfly"}), ["'butterfly'", UP], "unsupported"),
            (lambda q: q["modules"][UP].update(out={"transform": "rht"}), [UP + ".sign_out"], "not_found"),
            (lambda q: q["modules"].pop(UP), [UP + ".weight"], "not_found"),
            (lambda q: q["modules"].update({"model.norm": q["modules"][UP]}), ["model.norm", "no linear"],
             "invalid_input"),
        )
        for number, (change, names, kind) in enumerate(cases):
            packed, _ = twins(self.root / str(number), PARAMS)
            self.change_config(packed, change)
            self.check(packed, packed, *names, kind=kind)

    def test_buffers(self):
        packed, _ = twins(self.root, PARAMS | {"perm": True})
        config = json.loads((packed / "config.json").read_text())
        tensors = read_safetensors(packed / "model.safetensors")
        scales, perm = tensors[UP + ".scales"], tensors[UP + ".perm"]
        infinite = struct.pack("<e", float("inf"))
        cases = (
            ({UP + ".scales": None}, [UP + ".scales"], "not_found", True),
            ({UP + ".scales": ("BF16", scales[1], scales[2])}, [UP + ".scales", "BF16", "F16"], "invalid_input", True),
            ({UP + ".scales": ("F16", (32, 2), scales[2])}, [UP + ".scales", "[32, 2]"], "invalid_input", True),
            ({UP + ".scales": (scales[0], scales[1], infinite + scales[2][2:])}, [UP + ".scales"], "invalid_input",
             False),
            ({UP + ".perm": (perm[0], perm[1], perm[2][:2] * 2 + perm[2][4:])}, [UP, "'perm'", "no permutation"],
             "invalid_input", False),
            ({UP + ".perm": (perm[0], perm[1], b"\xff\xff" + perm[2][2:])}, [UP, "'perm'", "65535"], "invalid_input",
             False),
        )
        for number, (changed, names, kind, inspect) in enumerate(cases):
            weights = {name: tensor for name, tensor in (tensors | changed).items() if tensor is not None}
            self.check(tiny.write(self.root / f"bad{number}", config=config, weights=weights), *names, kind=kind,
                       inspect=inspect)

    def test_manifest(self):
        packed, _ = twins(self.root, PARAMS)
        (packed / "dwubit.json").write_text("{")
        self.refused(1, "inspect", packed, names=["dwubit.json"], kind="invalid_input")

    def test_empty_hessian_store(self):
        (self.root / "store").mkdir()
        self.write("store/hessians.json", "{}")
        self.refused(1, "inspect", self.root / "store", names=["hessians.json"], kind="invalid_input")


if __name__ == "__main__":
    support.main()
