"""`dwubit methods` and `dwubit quantize`: what they say, what they write, the same bytes for any number of threads."""
import json
import struct

import support
import tiny

TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń, rok po roku mija czas. " * 20
SECONDS = 60
LINEARS = {f"model.layers.{layer}.{part}" for layer in range(tiny.LAYERS) for part in
           ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj",
            "mlp.down_proj")}
FUSED = {f"model.layers.{layer}.{part}" for layer in range(tiny.LAYERS) for part in ("self_attn.qkv_proj", "mlp.upgate_proj")}
TENSOR_KEYS = {"name", "format", "transform", "shape", "bits_per_weight", "bits", "relative_proxy", "relative_frobenius",
               "damping", "seconds"}


def header(path):
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        entries = json.loads(file.read(length))
    entries.pop("__metadata__", None)
    return entries, 8 + length


class Methods(support.ProgramTest):
    def test_listing(self):
        found = {method["id"]: method for method in self.ok("methods", limited=False)["methods"]}
        self.assertLessEqual({"rtn", "gptq"}, found.keys())
        for method in found.values():
            recipes = {recipe["name"]: recipe["options"] for recipe in method["recipes"]}
            self.assertIn(method["default_recipe"], recipes)
            for option in (option for options in recipes.values() for option in options.values()):
                self.assertLessEqual({"type", "default", "min", "max", "help"}, option.keys())
                self.assertIn(option["type"], {"integer", "number", "boolean", "choice"})
                if option["type"] in ("integer", "number"):
                    self.assertTrue(option["min"] <= option["default"] <= option["max"], option)
        self.assertLessEqual({"g128", "g64", "channel"}, {recipe["name"] for recipe in found["gptq"]["recipes"]})
        self.assertEqual((found["gptq"]["needs"], found["rtn"]["needs"]), (["hessians"], []))
        text = self.run_program("methods", limited=False).out
        self.assertIn("gptq", text)
        self.assertIn("damping", text)


class Quantize(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "model", weights=tiny.mixing_tensors())
        self.text = self.write("a.txt", TEXT)
        self.hessians = self.root / "hessians"

    def calibrate(self):
        self.ok("calibrate", self.model, "--data", self.text, "--sequences", "8", "--length", "32", "-o", self.hessians,
                limited=False, seconds=SECONDS)

    def quantize(self, out, *arguments, **options):
        store = ["--hessians", self.hessians] if self.hessians.exists() else []
        return self.ok("quantize", self.model, "-o", self.root / out, *store, *arguments, limited=False, seconds=SECONDS,
                       **options)

    def check_tensors(self, found, proxies):
        self.assertEqual({tensor["name"] for tensor in found["tensors"]}, LINEARS)
        for tensor in found["tensors"]:
            self.assertEqual(TENSOR_KEYS - tensor.keys(), set())
            self.assertAlmostEqual(sum(tensor["bits"].values()), tensor["bits_per_weight"], places=9)
            self.assertEqual(tensor["relative_proxy"] is not None, proxies)
            self.assertTrue(0 < tensor["relative_frobenius"] < 1, tensor)

    def check_bits(self, out, found):
        """Every byte is counted: those of the packed linears, and those of the files"""
        folder = self.root / out
        packed = weights = files = 0
        for shard in folder.glob("*.safetensors"):
            entries, start = header(shard)
            files += shard.stat().st_size
            for name, entry in entries.items():
                begin, end = entry["data_offsets"]
                if not name.startswith("dwubit.padding."):
                    self.assertEqual((start + begin) % 64, 0, name)
                if name.replace(".codebook.", ".codebook").rpartition(".")[0] in LINEARS | FUSED:
                    packed += end - begin
        for tensor in found["tensors"]:
            weights += tensor["shape"][0] * tensor["shape"][1]
        self.assertAlmostEqual(found["bits_per_weight_linears"], 8 * packed / weights, places=9)
        self.assertEqual(found["bytes"], files)

    def test_control(self):
        found = self.quantize("rtn", "--method", "rtn", "--set", "group=32", "--set", "grid=zero")
        self.assertEqual((found["method"], found["recipe"]), ("rtn", "g128"))
        self.assertEqual(found["parameters"], {"bits": 2, "group": 32, "grid": "zero", "scale": "search"})
        self.check_tensors(found, proxies=False)
        self.check_bits("rtn", found)
        self.assertIsNone(found["mean_relative_proxy"])

    def test_manifest_config_and_card(self):
        self.calibrate()
        found = self.quantize("out", "--method", "gptq", "--set", "group=32")
        self.check_tensors(found, proxies=True)
        self.check_bits("out", found)
        folder = self.root / "out"
        manifest = json.loads((folder / "dwubit.json").read_text())
        for key in ("method", "recipe", "parameters", "bits_per_weight_linears", "bytes", "mean_relative_proxy"):
            self.assertEqual(manifest[key], found[key], key)
        self.assertEqual(manifest["hessians"]["fingerprint"]["model"], manifest["model_sha256"])
        self.assertNotIn("seconds", (folder / "dwubit.json").read_text())
        quantization = json.loads((folder / "config.json").read_text())["quantization_config"]
        self.assertEqual((quantization["quant_method"], quantization["unquantized"]), ("dwubit", []))
        self.assertEqual(quantization["modules"].keys(), LINEARS)
        self.assertIn("relative proxy", (folder / "README.md").read_text())
        inspected = self.ok("inspect", folder)
        self.assertEqual((inspected["kind"], inspected["manifest"]), ("dwubit", manifest))
        for key in ("bits_per_weight_linears", "bits_per_weight_file", "bytes_per_token"):
            self.assertAlmostEqual(inspected[key], found[key], places=9, msg=key)

    def test_some_layers(self):
        found = self.quantize("out", "--method", "rtn", "--layers", "1")
        self.assertEqual({tensor["name"].split(".")[2] for tensor in found["tensors"]}, {"1"})
        quantization = json.loads((self.root / "out" / "config.json").read_text())["quantization_config"]
        self.assertEqual(set(quantization["unquantized"]) | quantization["modules"].keys(), LINEARS)
        self.ok("perplexity", self.root / "out", "--data", self.text, "--window", "128")

    def test_same_bytes_for_any_number_of_threads(self):
        self.calibrate()
        for order in ("group", "activation"):
            for threads in ("1", "3"):
                self.quantize(order + threads, "--method", "gptq", "--set", f"order={order}", "-t", threads)
            one, three = ({path.name: path.read_bytes() for path in (self.root / (order + threads)).iterdir()
                           if path.name != "dwubit-run.json"} for threads in ("1", "3"))
            self.assertEqual(one, three)

    def test_each_width_and_grid_runs(self):
        self.calibrate()
        last = 1.0
        for bits in (2, 3, 4, 8):
            for grid in ("mirror", "zero"):
                out = f"{bits}{grid}"
                found = self.quantize(out, "--method", "gptq", "--set", f"bits={bits}", "--set", f"grid={grid}",
                                      "--recipe", "channel")
                kl = self.ok("perplexity", self.root / out, "--data", self.text, "--window", "128", "--kl-base",
                             self.model)["kl"]
                self.assertTrue(0 < kl["mean"] < 5, kl)
            self.assertLess(found["mean_relative_proxy"], 0.6 * last)
            last = found["mean_relative_proxy"]

    def check_recipes(self, method, recipes, fused):
        """Transforms named and counted, and the packed model says what its dense twin says"""
        self.calibrate()
        for recipe in recipes:
            found = self.quantize(recipe, "--method", method, "--recipe", recipe)
            self.check_tensors(found, proxies=True)
            self.check_bits(recipe, found)
            self.assertEqual({tensor["transform"] for tensor in found["tensors"]}, {"rht"})
            folder = self.root / recipe
            quantization = json.loads((folder / "config.json").read_text())["quantization_config"]
            self.assertEqual(quantization["unquantized"], [])
            self.assertEqual(quantization["fused"].keys(), FUSED if recipe in fused else set())
            twin = self.root / f"{recipe}-twin"
            self.ok("export", folder, "--to", "dense", "-o", twin)
            kl = self.ok("perplexity", folder, "--data", self.text, "--window", "128", "--act", "f32", "--kl-base", twin)["kl"]
            self.assertLess(kl["mean"], 1e-6, recipe)

    def test_quip_sharp(self):
        self.check_recipes("quip-sharp", ("e8p", "fused", "released", "e8p-3bit", "e8p-4bit"), ("fused", "released"))

    def test_iq2_xxs(self):
        """Types of the mix for narrow matrices; the packed model says what its dense twin says"""
        self.calibrate()
        for recipe in ("feedback", "exhaustive", "llama.cpp"):
            found = self.quantize(recipe, "--method", "iq2_xxs", "--recipe", recipe)
            self.check_tensors(found, proxies=True)
            self.check_bits(recipe, found)
            self.assertLessEqual({tensor["format"] for tensor in found["tensors"]}, {"iq4_nl", "q4_0", "q5_0"})
            twin = self.root / f"{recipe}-twin"
            self.ok("export", self.root / recipe, "--to", "dense", "-o", twin)
            kl = self.ok("perplexity", self.root / recipe, "--data", self.text, "--window", "128", "--act", "f32", "--kl-base",
                         twin)["kl"]
            self.assertLess(kl["mean"], 1e-6, recipe)

    def test_qtip(self):
        recipes = ("mul1", "3inst", "1mad", "hyb", "fused", "released", "mul1-3bit", "mul1-4bit")
        self.check_recipes("qtip", recipes, ("fused",))

    def test_qtip_exports_what_qtip_reads(self):
        """And its import says the same"""
        self.calibrate()
        found = self.quantize("out", "--method", "qtip", "--recipe", "1mad")
        self.ok("export", self.root / "out", "--to", "qtip", "-o", self.root / "qtip")
        self.ok("import", self.root / "qtip", "--from", "qtip", "-o", self.root / "back")
        kl = self.ok("perplexity", self.root / "back", "--data", self.text, "--window", "128", "--act", "f32", "--kl-base",
                     self.root / "out")["kl"]
        self.assertLess(kl["mean"], 1e-6)
        inspected = self.ok("inspect", self.root / "back")
        self.assertAlmostEqual(inspected["bits_per_weight_linears"], found["bits_per_weight_linears"], places=9)

    def test_transformed_methods_give_the_same_bytes_for_any_number_of_threads(self):
        self.calibrate()
        for method in ("quip-sharp", "qtip"):
            for threads in ("1", "3"):
                self.quantize(method + threads, "--method", method, "-t", threads)
            one, three = ({path.name: path.read_bytes() for path in (self.root / (method + threads)).iterdir()
                           if path.name != "dwubit-run.json"} for threads in ("1", "3"))
            self.assertEqual(one, three)


if __name__ == "__main__":
    support.main()
