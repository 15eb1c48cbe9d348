"""`dwubit quantize`: wrong options, broken Hessian stores and checkpoints, full disks and killed processes."""
import hashlib
import json
import pathlib
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time

import support
import tiny

TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń, rok po roku mija czas. " * 20
INFINITY = struct.pack("<f", float("inf"))
SECONDS = 60
OPTIONS = ["--set", "group=32"]
RESUMABLE = 75


class QuantizeTest(support.ProgramTest):
    """The lab maps more than the address space that other commands get, so that nothing here is limited"""

    needs_store = True

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.shared = pathlib.Path(folder.name)
        cls.model = tiny.write(cls.shared / "model", weights=tiny.mixing_tensors())
        cls.text = cls.shared / "a.txt"
        cls.text.write_text(TEXT)
        cls.store = cls.calibrate(cls.model, cls.shared / "hessians") if cls.needs_store else None

    @classmethod
    def calibrate(cls, model, output):
        run = support.Run(["calibrate", model, "--data", cls.text, "--sequences", "8", "--length", "32", "-o", output,
                           "--json"], limited=False, seconds=SECONDS)
        assert run.code == 0, run
        return output

    def setUp(self):
        super().setUp()
        self.out = self.root / "new" / "out"

    def quantize(self, *arguments, model=None, method="gptq", store=None):
        command = [model or self.model, "--method", method, *OPTIONS, "-o", self.out]
        command += ["--hessians", store or self.store] if method != "rtn" or store else []
        return self.ok("quantize", *command, *arguments, limited=False, seconds=SECONDS)

    def bad(self, code, *arguments, model=None, method="gptq", store=None, left=(), **expected):
        """Refused, and nothing is left"""
        command = ["quantize", model or self.model, "--method", method, "-o", self.out]
        command += ["--hessians", store or self.store] if method != "rtn" or store else []
        error = self.refused(code, *command, *arguments, limited=False, seconds=SECONDS, **expected)
        self.assertEqual(sorted(path.name for path in self.root.glob("new/*")), sorted(left))
        self.assertEqual((self.root / "new").exists(), bool(left))
        return error

    def dense(self, name):
        """{tensor: list of rows} of the quantized model, by its dense twin"""
        twin = self.root / "twin"
        run = self.run_program("export", self.out, "--to", "dense", "-o", twin, "--overwrite", "--json")
        self.assertEqual(run.code, 0, run)
        shard = json.loads((twin / "model.safetensors.index.json").read_text())["weight_map"][name]
        data = (twin / shard).read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        entry = json.loads(data[8:8 + length])[name]
        rows, columns = entry["shape"]
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = struct.unpack(f"<{rows * columns}f", data[begin:end])
        return [values[row * columns:(row + 1) * columns] for row in range(rows)]


class Options(QuantizeTest):
    def test_method(self):
        self.bad(2, method="gtpq", kind="usage", names=["gtpq"], hint="gptq")
        self.bad(2, method="", kind="usage", names=["method"])

    def test_recipe(self):
        self.bad(2, "--recipe", "g129", kind="usage", names=["--recipe", "g129"], hint="g128")
        self.bad(2, "--recipe=", kind="usage", names=["--recipe"])

    def test_unknown_option(self):
        self.bad(2, "--set", "gruop=64", kind="usage", names=["--set", "gruop"], hint="group")
        self.bad(2, "--set", "damping=0.1", method="rtn", kind="usage", names=["damping"])  # an option of gptq
        for text in ("bits", "=2", ""):
            self.bad(2, "--set", text, kind="usage", names=["--set", "key=value"])

    def test_values(self):
        for setting, needles in (("bits=1", ["2 to 8"]), ("bits=5", ["2, 3, 4 or 8"]), ("bits=2.0", ["2 to 8"]),
                                 ("bits=99999999999999999999", ["2 to 8"]), ("group=", ["0 to 1048576"]),
                                 ("group=24", ["at least 32"]), ("group=33", ["multiple of 8"]),
                                 ("damping=nan", ["0 to 1"]), ("grid=round", ["mirror, zero"])):
            with self.subTest(setting=setting):
                self.bad(2, "--set", setting, kind="usage", names=["--set " + setting.split("=")[0], *needles])

    def test_values_of_quip_sharp(self):
        for setting, needles in (("bits=5", ["2 to 4"]), ("rho=0", ["0.5 to 2"]), ("residual=3", ["one stage"]),
                                 ("fuse=maybe", ["no, yes"])):
            with self.subTest(setting=setting):
                self.bad(2, "--set", setting, method="quip-sharp", kind="usage", names=[setting, *needles])

    def test_values_of_qtip(self):
        for setting, needles in (("bits=5", ["1 to 4"]), ("bits=0", ["1 to 4"]), ("rho=0", ["0.5 to 2"]), ("code=2mad", ["mul1", "3inst"]),
                                 ("residual=3", ["residual"])):
            with self.subTest(setting=setting):
                self.bad(2, "--set", setting, method="qtip", kind="usage", names=[setting.split("=")[0], *needles])

    def test_impossible_combination(self):
        self.bad(2, "--set", "grid=mirror", "--set", "scale=minmax", kind="usage", names=["scale", "mirror"],
                 hint="grid=zero")
        self.bad(2, "--set", "bits=2", "--set", "bits=3", kind="usage", names=["bits", "twice"])

    def test_layers(self):
        for text in ("0-2", "1-0", "a", "0,,1", "0-1,1", "99999999999999999999"):
            with self.subTest(layers=text):
                self.bad(2, f"--layers={text}", *OPTIONS, kind="usage", names=["--layers"])

    def test_hessians_are_needed(self):
        command = ["quantize", self.model, "--method", "gptq", "-o", self.out]
        self.refused(2, *command, kind="usage", names=["--hessians"], hint="calibrate", limited=False, seconds=SECONDS)
        self.assertFalse(self.out.parent.exists())
        found = self.quantize(method="rtn")
        self.assertIsNone(found["mean_relative_proxy"])
        self.assertTrue(all(tensor["relative_proxy"] is None for tensor in found["tensors"]))

    def test_output_exists(self):
        self.out.mkdir(parents=True)
        (self.out / "mine").write_text("kept")
        self.bad(2, *OPTIONS, kind="usage", names=[self.out], hint="--overwrite", left=["out"])
        self.assertEqual([path.name for path in self.out.iterdir()], ["mine"])
        self.quantize("--overwrite")
        self.assertFalse((self.out / "mine").exists())
        self.assertTrue((self.out / "dwubit.json").exists())
        self.assertEqual([path.name for path in self.out.parent.iterdir()], ["out"])


class Store(QuantizeTest):
    FILE = "1_up.safetensors"

    def changed(self, change, mend_hash=False):
        """A copy of the store with `change(bytes)` done to FILE; mend_hash: hessians.json says its hash"""
        store = self.root / "store"
        shutil.copytree(self.store, store, dirs_exist_ok=True)
        path = store / self.FILE
        path.write_bytes(change((self.store / self.FILE).read_bytes()))
        if mend_hash:
            manifest = (store / "hessians.json").read_text()
            old = hashlib.sha256((self.store / self.FILE).read_bytes()).hexdigest()
            self.assertIn(old, manifest)
            (store / "hessians.json").write_text(manifest.replace(old, hashlib.sha256(path.read_bytes()).hexdigest()))
        return store

    @staticmethod
    def with_value(value, index):
        def change(data):
            length = struct.unpack("<Q", data[:8])[0]
            begin = 8 + length + json.loads(data[8:8 + length])["flatH"]["data_offsets"][0] + 4 * index
            return data[:begin] + value + data[begin + 4:]
        return change

    def test_truncated(self):
        size = (self.store / self.FILE).stat().st_size
        for length in (0, 7, 100, size // 2, size - 1):
            with self.subTest(length=length):
                self.bad(1, *OPTIONS, store=self.changed(lambda data: data[:length]), kind="invalid_input",
                         names=[self.FILE])

    def test_missing(self):
        store = self.changed(lambda data: data)
        (store / self.FILE).unlink()
        self.bad(1, *OPTIONS, store=store, names=[self.FILE], kind="not_found")
        self.bad(1, *OPTIONS, store=self.root / "nowhere", names=["nowhere"], kind="not_found", hint="calibrate")
        self.bad(1, *OPTIONS, store=self.model, names=[self.model, "hessians.json"], kind="invalid_input")

    def test_not_finite(self):
        for value in (INFINITY, struct.pack("<f", float("nan"))):
            store = self.changed(self.with_value(value, 4), mend_hash=True)  # element 4 is [2, 1]
            self.bad(1, *OPTIONS, store=store, kind="invalid_input", names=["layer 1", "up", "[2, 1]"])

    def test_negative_diagonal(self):
        store = self.changed(self.with_value(struct.pack("<f", -1.0), 5), mend_hash=True)  # element 5 is [2, 2]
        self.bad(1, *OPTIONS, store=store, kind="invalid_input", names=["layer 1", "up"])

    def test_changed_value(self):
        """Finite, but not what was collected"""
        store = self.changed(self.with_value(struct.pack("<f", 1.5), 3))
        self.bad(1, *OPTIONS, store=store, kind="invalid_input", names=[self.FILE, "SHA-256"])

    def test_layer_is_missing(self):
        store = self.changed(lambda data: data)
        manifest = json.loads((store / "hessians.json").read_text())
        manifest["sites"] = [site for site in manifest["sites"] if site["layer"] == 0]
        (store / "hessians.json").write_text(json.dumps(manifest))
        self.bad(1, *OPTIONS, store=store, kind="invalid_input", names=["layer 1, site qkv"])
        self.quantize("--layers", "0", store=store)

    def test_of_another_model(self):
        other = tiny.write(self.root / "other", weights=tiny.tensors())
        self.bad(1, *OPTIONS, model=other, kind="invalid_input", names=[self.store, "another model"], hint="calibrate")
        self.bad(1, *OPTIONS, model=other, method="rtn", store=self.store, kind="invalid_input",
                 names=["another model"])

    def test_not_complete(self):
        store = self.changed(lambda data: data)
        manifest = (store / "hessians.json").read_text()
        changed = re.sub(r'"complete":\s*true', '"complete": false', manifest)
        self.assertNotEqual(changed, manifest)
        (store / "hessians.json").write_text(changed)
        self.bad(1, *OPTIONS, store=store, kind="invalid_input", names=["complete"], hint="calibrate")


class Weights(QuantizeTest):
    Q = "model.layers.0.self_attn.q_proj.weight"

    def changed(self, name, change):
        weights = tiny.mixing_tensors()
        dtype, shape, data = weights[name]
        weights[name] = (dtype, shape, change(data))
        return tiny.write(self.root / "changed", weights=weights)

    def test_not_finite(self):
        for name, value, said in ((self.Q, b"\xc0\x7f", "NaN"), ("lm_head.weight", b"\x80\xff", "infinity")):
            model = self.changed(name, lambda data: data[:130] + value + data[132:])  # element 65 of rows of 32
            self.bad(1, *OPTIONS, model=model, method="rtn", kind="invalid_input", names=[name, said, "[2, 1]"])

    def test_row_of_zeros(self):
        row = 2 * tiny.HIDDEN
        model = self.changed(self.Q, lambda data: bytes(row) + data[row:])
        for method in ("rtn", "gptq"):
            store = self.calibrate(model, self.root / "store") if method == "gptq" else None
            self.quantize("--overwrite", model=model, method=method, store=store)
            found = self.dense(self.Q)
            self.assertEqual(set(found[0]), {0.0}, method)
            self.assertTrue(any(found[1]), method)

    def test_matrix_of_zeros(self):
        """Its relative errors are of nothing"""
        model = tiny.write(self.root / "zeros", weights=tiny.tensors())
        store = self.calibrate(model, self.root / "store")
        for method in ("rtn", "gptq"):
            found = self.quantize("--overwrite", model=model, method=method, store=store)
            tensor = next(t for t in found["tensors"] if t["name"].endswith("0.mlp.down_proj"))
            self.assertIn(tensor["relative_proxy"], (0, None), tensor)
            rows = self.dense("model.layers.0.mlp.down_proj.weight")
            self.assertEqual({value for row in rows for value in row}, {0.0})

    def test_dead_channel(self):
        """An input that is always 0: the norm's weight for it is"""
        channel = 3
        model = self.changed("model.layers.0.input_layernorm.weight",
                             lambda data: data[:2 * channel] + b"\0\0" + data[2 * channel + 2:])
        store = self.calibrate(model, self.root / "store")
        sites = json.loads((store / "hessians.json").read_text())["sites"]
        self.assertEqual([s["dead"] for s in sites if (s["layer"], s["site"]) == (0, "qkv")], [1])
        for order in ("group", "natural", "activation"):
            found = self.quantize("--overwrite", "--set", f"order={order}", model=model, store=store)
            tensor = next(t for t in found["tensors"] if t["name"] + ".weight" == self.Q)
            self.assertTrue(0 < tensor["relative_proxy"] < 1, tensor)
            run = self.run_program("perplexity", self.out, "--data", self.text)
            self.assertEqual(run.code, 0, run)

    def test_size_without_a_transform(self):
        """Before anything is read but names and shapes"""
        weights = tiny.mixing_tensors()
        for layer in range(tiny.LAYERS):
            for part, shape in (("gate", (66, tiny.HIDDEN)), ("up", (66, tiny.HIDDEN)), ("down", (tiny.HIDDEN, 66))):
                weights[f"model.layers.{layer}.mlp.{part}_proj.weight"] = ("BF16", shape, bytes(2 * 66 * tiny.HIDDEN))
        model = tiny.write(self.root / "odd", config=tiny.CONFIG | {"intermediate_size": 66}, weights=weights)
        self.bad(1, model=model, method="quip-sharp", kind="unsupported", names=["66"], hint="nearest")
        self.bad(1, model=model, method="qtip", kind="unsupported", names=["layers.0.mlp.gate_proj", "66", "multiple of 16"])

    def test_surplus_tensor_in_a_buffers_place(self):
        """It is no part of the model: a warning, and the method's own buffer"""
        codes = self.Q.replace(".weight", ".codes")
        weights = tiny.mixing_tensors() | {codes: ("U8", (4,), b"abcd")}
        model = tiny.write(self.root / "surplus", weights=weights)
        run = support.Run(["quantize", model, "--method", "rtn", *OPTIONS, "-o", self.out], limited=False,
                          seconds=SECONDS)
        self.assertEqual(run.code, 0, run)
        self.assertIn(codes, run.err)
        plain = self.root / "plain"
        self.ok("quantize", self.model, "--method", "rtn", *OPTIONS, "-o", plain, limited=False, seconds=SECONDS)
        shard = "model-00002-of-00003.safetensors"
        self.assertEqual((self.out / shard).read_bytes(), (plain / shard).read_bytes())

    def test_quantized_already(self):
        self.quantize(method="rtn")
        packed, self.out = self.out, self.root / "again"
        self.refused(1, "quantize", packed, "--method", "rtn", "-o", self.out, kind="unsupported",
                     names=[packed, "quantized already"], limited=False, seconds=SECONDS)
        self.assertFalse(self.out.exists())


class Interrupted(QuantizeTest):
    """What is left is completed by the same command, to the same bytes as a run in one go"""

    needs_store = False
    LAYERS = 24

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        weights = {}
        for name, tensor in tiny.mixing_tensors().items():
            if ".layers.1." in name:
                continue
            copies = range(cls.LAYERS) if ".layers.0." in name else (0,)
            weights |= {name.replace(".layers.0.", f".layers.{i}."): tensor for i in copies}
        config = tiny.CONFIG | {"num_hidden_layers": cls.LAYERS}
        cls.model = tiny.write(cls.shared / "deep", config=config, weights=weights)

    def command(self, out):
        return ["quantize", self.model, "--method", "rtn", *OPTIONS, "-o", out]

    def start(self, out, file_size=None):
        def limit():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if file_size:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
        return subprocess.Popen([support.program(), *self.command(out)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, preexec_fn=limit)

    def files(self, folder):
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "dwubit-run.json"}

    def check_completed(self):
        """The same command again gives what a run in one go gives"""
        self.assertFalse(self.out.exists())
        whole = self.root / "whole"
        for out in (self.out, whole):
            run = support.Run(self.command(out), limited=False, seconds=SECONDS)
            self.assertEqual(run.code, 0, run)
        found, expected = self.files(self.out), self.files(whole)
        self.assertEqual(found.keys(), expected.keys())
        self.assertEqual([name for name in found if found[name] != expected[name]], [])
        self.assertFalse(self.out.with_name("out.partial").exists())

    def interrupt(self, number):
        """Sends the signal once the run has written a shard of its own; (exit code, stdout, stderr)"""
        partial = self.out.with_name("out.partial")
        before = len(list(partial.glob("model-*")))
        with self.start(self.out) as process:
            end = time.monotonic() + SECONDS
            while len(list(partial.glob("model-*"))) <= before and process.poll() is None:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.001)
            self.assertIsNone(process.poll(), "it ended before it could be interrupted")
            process.send_signal(number)
            out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err

    def test_killed(self):
        self.assertEqual(self.interrupt(signal.SIGKILL)[0], -signal.SIGKILL)
        self.assertTrue(self.out.with_name("out.partial").exists())
        self.check_completed()

    def test_stopped(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            code, out, err = self.interrupt(number)
            self.assertEqual((code, out), (RESUMABLE, ""), err)
            self.assertIn("same command", err)
            self.assertLessEqual(len(err.splitlines()), support.MAX_ERROR_LINES)
        self.check_completed()

    def test_changed_remains(self):
        """What an earlier run left is believed where its note and its shard say the same; other layers are done again"""
        changes = (lambda note, shard: note.write_text("{}"), lambda note, shard: note.write_text("not JSON"),
                   lambda note, shard: shard.unlink(), lambda note, shard: shard.write_bytes(shard.read_bytes()[:-1]))
        for change in changes:
            notes = []
            while not notes:
                self.assertEqual(self.interrupt(signal.SIGKILL)[0], -signal.SIGKILL)
                notes = sorted(self.out.with_name("out.partial").glob("*.note.json"))
            note = notes[0]
            change(note, note.with_name(note.name.removesuffix(".note.json")))
            self.check_completed()
            shutil.rmtree(self.out)
            shutil.rmtree(self.root / "whole")

    def test_full_disk(self):
        """A limit on the size of files: the shards of layers fit, embedding and head do not"""
        with self.start(self.out, file_size=24 << 10) as process:
            out, err = process.communicate(timeout=SECONDS)
        self.assertEqual((process.returncode, out), (1, ""), err)
        self.assertIn("File too large", err)
        self.assertLessEqual(len(err.splitlines()), support.MAX_ERROR_LINES)
        self.check_completed()

    def test_remains_of_another_run(self):
        self.interrupt(signal.SIGKILL)
        command = self.command(self.out) + ["--set", "bits=4"]
        self.refused(2, *command, kind="usage", names=["out.partial", "parameters"], hint="--overwrite", limited=False,
                     seconds=SECONDS)
        self.assertTrue(self.out.with_name("out.partial").exists())
        run = support.Run(command + ["--overwrite"], limited=False, seconds=SECONDS)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(json.loads((self.out / "dwubit.json").read_text())["parameters"]["bits"], 4)


if __name__ == "__main__":
    support.main()
