"""`dwubit calibrate`: what is in the store, that every path to it gives the same bytes, and what is refused."""
import hashlib
import json
import math
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import support
import tiny

DOCUMENTS = ["kot ma kota", "zażółć gęślą jaźń", "ma kot dom i las", "a", "rok po roku mija czas"] * 20
POLISH = ["Wczoraj po południu spadł pierwszy śnieg i dzieci pobiegły na podwórko, żeby ulepić bałwana.",
          "Aby zainstalować program, należy otworzyć okno ustawień i wybrać odpowiedni pakiet z listy.",
          "Rzeka płynie powoli przez łąki, a nad jej brzegiem rosną stare wierzby i olchy."] * 40
SITES = ["qkv", "o", "up", "down"]
SEQUENCES, LENGTH = 12, 16
FREE = {"limited": False, "seconds": 60}  # libtorch takes more address space than other commands may


def lines(documents):
    return "".join(json.dumps({"text": text}) + "\n" for text in documents)


def stream(documents):
    ids = []
    for text in documents:
        ids += [tiny.BOS] + tiny.encode(text) + [tiny.EOS]
    return ids


def read_safetensors(path):
    """{name: list of floats} and the metadata"""
    data = path.read_bytes()
    size, = struct.unpack_from("<Q", data)
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    result = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            first, end = (8 + size + offset for offset in entry["data_offsets"])
            result[name] = struct.unpack(f"<{(end - first) // 4}f", data[first:end])
    return result, metadata


def content(folder):
    """{file: hash of its bytes}"""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


class Calibrate(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny", weights=tiny.mixing_tensors())
        self.corpus = self.write("a.jsonl", lines(DOCUMENTS))
        self.out = self.root / "new" / "hessians"
        self.partial = self.root / "new" / "hessians.partial"

    def command(self, *arguments, out=None):
        sizes = ["--sequences", SEQUENCES, "--length", LENGTH]
        for flag in ("--sequences", "--length"):
            if flag in arguments:
                at = sizes.index(flag)
                del sizes[at:at + 2]
        return ["calibrate", self.model, "--data", self.corpus, "-o", out or self.out, *sizes, *arguments]

    def calibrate(self, *arguments, out=None, **options):
        return self.ok(*self.command(*arguments, out=out), **FREE, **options)

    def is_refused(self, code, *arguments, **options):
        error = self.refused(code, *self.command(*arguments), **FREE, **options)
        self.assertFalse(self.out.exists())
        return error

    def nothing_is_left(self):
        self.assertFalse(self.out.exists())
        self.assertFalse(self.partial.exists())
        self.assertFalse(self.out.parent.exists())


class Store(Calibrate):
    def test_object_and_files(self):
        found = self.calibrate()
        self.assertEqual((found["tokens"], found["sequences"], found["length"]),
                         (SEQUENCES * LENGTH, SEQUENCES, LENGTH))
        self.assertEqual((found["dtype"], found["nonfinite_rows"], found["resumed_layers"]), ("float32", 0, 0))
        self.assertEqual(found["hessians"], str(self.out))
        self.assertGreater(found["seconds"], 0)
        self.assertEqual([(site["layer"], site["site"]) for site in found["sites"]],
                         [(layer, site) for layer in range(tiny.LAYERS) for site in SITES])
        files = content(self.out)
        self.assertEqual(set(files), {site["file"] for site in found["sites"]} | {"hessians.json"})
        for site in found["sites"]:
            n = tiny.INTERMEDIATE if site["site"] == "down" else tiny.HIDDEN
            self.assertEqual((site["n"], site["ct"], site["nonfinite"], site["dead"]),
                             (n, SEQUENCES * LENGTH, 0, 0))
            self.assertEqual(files[site["file"]], site["sha256"])
        fingerprint = found["fingerprint"]
        self.assertEqual(fingerprint["corpus"], hashlib.sha256(self.corpus.read_bytes()).hexdigest())
        self.assertEqual(fingerprint["settings"]["doc_end"], tiny.EOS)
        self.assertFalse(self.partial.exists())
        self.inspected(found)

    def inspected(self, found):
        """What `inspect` says of the store that `calibrate` made with that answer"""
        shown = self.ok("inspect", self.out)
        self.assertEqual((shown["kind"], shown["layers"], shown["architecture"]), ("hessians", [], None))
        self.assertEqual((shown["sites"], shown["fingerprint"]), (found["sites"], found["fingerprint"]))
        self.assertEqual(shown["bytes"], sum(path.stat().st_size for path in self.out.glob("*.safetensors")))
        self.assertEqual(shown["manifest"], json.loads((self.out / "hessians.json").read_text()))
        self.assertEqual((shown["manifest"]["complete"], shown["manifest"]["tokens"]), (True, found["tokens"]))
        run = self.run_program("inspect", self.out)
        self.assertEqual((run.code, len(run.out.splitlines())), (0, 1 + len(found["sites"])), run)
        self.assertIn(f"{len(found['sites'])} sites", run.out)

    def test_numbers(self):
        """The first layer's q, k and v read the normalised embedding: that can be worked out here"""
        self.calibrate()
        tensors, metadata = read_safetensors(self.out / "0_qkv.safetensors")
        self.assertEqual(metadata["centered"], "false")
        ids = stream(DOCUMENTS)[:SEQUENCES * LENGTH]
        embedding, rows = tiny.values()["model.embed_tokens"], []
        for token in ids:
            row = embedding[token * tiny.HIDDEN:(token + 1) * tiny.HIDDEN]
            scale = 1 / math.sqrt(math.fsum(x * x for x in row) / tiny.HIDDEN + tiny.EPS)
            rows.append([x * scale for x in row])
        for i in range(tiny.HIDDEN):
            self.assertAlmostEqual(tensors["mu"][i], math.fsum(row[i] for row in rows) / len(rows), delta=1e-5)
            for j in range(i + 1):
                expected = math.fsum(row[i] * row[j] for row in rows) / len(rows)
                self.assertAlmostEqual(tensors["flatH"][i * (i + 1) // 2 + j], expected, delta=1e-5)

    def test_same_bytes_for_any_number_of_threads(self):
        found = []
        for threads in (1, 2, 5):
            out = self.root / f"t{threads}"
            self.calibrate("-t", threads, out=out)
            found.append(content(out))
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])

    def test_settings_matter(self):
        base = self.calibrate(out=self.root / "base")["fingerprint"]
        for name, arguments in (("length", ["--length", 8]), ("dtype", ["--dtype", "bfloat16"]),
                                ("add_bos", ["--no-bos"]), ("doc_end", ["--doc-end", "none"]),
                                ("sequences", ["--sequences", 5])):
            with self.subTest(name=name):
                out = self.root / name
                other = self.calibrate(*arguments, out=out)["fingerprint"]
                self.assertNotEqual(base["settings"][name], other["settings"][name])
                self.assertEqual(base["model"], other["model"])
                self.assertNotEqual(content(self.root / "base")["1_down.safetensors"],
                                    content(out)["1_down.safetensors"])
        self.assertEqual(self.calibrate("--dtype", "bf16", out=self.root / "short")["dtype"], "bfloat16")

    def test_the_model_decides(self):
        """Not its shards, but its weights"""
        one = self.calibrate(out=self.root / "one")["fingerprint"]["model"]
        self.model = tiny.write(self.root / "other")
        self.assertNotEqual(self.calibrate(out=self.root / "two")["fingerprint"]["model"], one)

    def test_less_text_than_asked_for(self):
        tokens = len(stream(DOCUMENTS))
        found = self.calibrate("--length", "100", "--sequences", "500",
                               warnings=[f"{tokens} tokens: {tokens // 100} sequences of 100 instead of the 500"])
        self.assertEqual((found["sequences"], found["tokens"]), (tokens // 100, tokens // 100 * 100))
        self.assertEqual(found["fingerprint"]["settings"]["sequences"], tokens // 100)

    def test_longer_than_the_model_was_made_for(self):
        self.calibrate("--length", 300, "--sequences", 2, warnings=["longer than the 256"])

    def test_lines_for_people(self):
        run = self.run_program(*self.command(), **FREE)
        self.assertEqual(run.code, 0, run)
        self.assertIn(f"{tiny.LAYERS * 4} Hessians of {SEQUENCES * LENGTH} tokens", run.out)


class Refusals(Calibrate):
    def test_too_little_text(self):
        tokens = len(stream(DOCUMENTS))
        self.is_refused(1, "--length", tokens + 1, kind="invalid_input", hint=f"--length {tokens} at most",
                        names=[f"{tokens} tokens", self.corpus])
        self.nothing_is_left()

    def test_output_exists(self):
        self.out.mkdir(parents=True)
        (self.out / "mine").write_text("keep")
        self.refused(2, *self.command(), **FREE, kind="usage", hint="--overwrite", names=[self.out, "exists"])
        self.assertEqual([path.name for path in self.out.iterdir()], ["mine"])
        self.calibrate("--overwrite")
        self.assertIn("hessians.json", content(self.out))
        self.assertNotIn("mine", content(self.out))

    def test_options(self):
        for arguments, names in ((["--dtype", "float16"], ["--dtype float16", "float32", "bfloat16"]),
                                 (["--sequences", "0"], ["--sequences", "at least 1"]),
                                 (["--length", "-3"], ["--length", "at least 1"]),
                                 (["--device", "tpu"], ["--device tpu"]),
                                 (["--doc-end", "<|end|>"], ["--doc-end <|end|>"])):
            with self.subTest(arguments=arguments):
                self.is_refused(2, *arguments, kind="usage", names=names)
        self.nothing_is_left()

    def test_weights_that_are_not_finite(self):
        for value in (math.nan, math.inf):
            weights = tiny.mixing_tensors()
            name = "model.layers.1.mlp.up_proj.weight"
            dtype, shape, data = weights[name]
            weights[name] = (dtype, shape, data[:70] + struct.pack("<f", value)[2:] + data[72:])
            self.model = tiny.write(self.root / f"bad{value}", weights=weights)
            self.is_refused(1, kind="invalid_input", names=[name, "[1, 3]"])
        self.nothing_is_left()

    def test_model(self):
        self.model = self.root / "nowhere"
        self.is_refused(1, kind="not_found", names=["nowhere"])
        config = tiny.CONFIG | {"quantization_config": {"quant_method": "gptq", "bits": 4}}
        self.model = tiny.write(self.root / "quantized", config=config)
        self.is_refused(1, kind="unsupported", names=["quantized", "gptq"])
        packed = self.root / "packed"
        self.ok("quantize", self.root / "tiny", "--method", "rtn", "--set", "group=0", "-o", packed, **FREE)
        self.model = packed
        self.is_refused(1, kind="unsupported", names=[packed, "quantized already"], hint="export it --to dense")
        config = tiny.CONFIG | {"sliding_window": 12}
        self.model = tiny.write(self.root / "sliding", config=config)
        self.is_refused(1, kind="unsupported", names=["16 tokens", "sliding-window"], hint="--length 12")
        self.nothing_is_left()

    def test_corpus(self):
        self.corpus = self.root / "nowhere.jsonl"
        self.is_refused(1, kind="not_found", names=["nowhere.jsonl"])
        self.corpus = self.write("b.jsonl", '{"tekst": "kot"}\n')
        self.is_refused(1, kind="invalid_input", names=["b.jsonl:1", "text"])
        self.nothing_is_left()


class NotFinite(Calibrate):
    """Attention and MLP add nothing but where the embedding's first number is not 0, which one token's is not: there
    gate and up overflow in the first layer"""

    TOKEN = "ź"

    def setUp(self):
        super().setUp()
        weights = tiny.tensors()
        embedding = [row for row in tiny.values()["model.embed_tokens"]]
        embedding[::tiny.HIDDEN] = [0.0] * tiny.VOCAB
        embedding[tiny.token_id(self.TOKEN) * tiny.HIDDEN] = 1.0
        name = "model.embed_tokens.weight"
        weights[name] = (*weights[name][:2], tiny.to_bf16(embedding))
        for module in ("gate_proj", "up_proj"):
            rows = list(tiny.values()[f"model.layers.0.mlp.{module}"])
            rows[::tiny.HIDDEN] = [1e30] * tiny.INTERMEDIATE
            name = f"model.layers.0.mlp.{module}.weight"
            weights[name] = (*weights[name][:2], tiny.to_bf16(rows))
        self.model = tiny.write(self.root / "overflows", weights=weights)

    def sequences(self, bad):
        """One document whose sequences end in the token for each number in `bad`"""
        body = []
        for i in range(SEQUENCES):
            length = LENGTH - 2 if i == 0 else LENGTH  # BOS and the blank before the text
            body.append("a" * (length - 1) + (self.TOKEN if i in bad else "a"))
        self.corpus = self.write("b.txt", "".join(body))

    def test_rows_are_left_out(self):
        self.sequences({3, 7})
        text = f"2 of {SEQUENCES * LENGTH} input rows hold NaN or infinity, the first in sequence 3 at position 15"
        found = self.calibrate(warnings=["layer 0 site down: " + text] + [f"layer 1 site {s}: {text}" for s in SITES])
        self.assertEqual(found["nonfinite_rows"], 2 * 5)
        self.assertEqual([site["nonfinite"] for site in found["sites"]], [0, 0, 0, 2, 2, 2, 2, 2])
        self.assertEqual([site["ct"] for site in found["sites"]],
                         [SEQUENCES * LENGTH - site["nonfinite"] for site in found["sites"]])
        self.sequences(set())
        self.assertEqual(self.calibrate("--overwrite")["nonfinite_rows"], 0)

    def test_too_many(self):
        self.corpus = self.write("b.txt", self.TOKEN + "aaa" * SEQUENCES * LENGTH)
        self.is_refused(1, "--sequences", 1, kind="invalid_input", names=["layer 1 site o", "14 of 16 input rows"])
        self.nothing_is_left()


class Interrupted(Calibrate):
    """orlik, whose layers take long enough to be hit"""

    _reference = {}

    def setUp(self):
        super().setUp()
        self.model = support.ORLIK
        self.corpus = self.write("pl.jsonl", lines(POLISH))
        self.sizes = ("--sequences", 16, "--length", 128)

    def stop(self, instant, number, delay=0):
        """Sends the signal `delay` seconds after the partial folder has that file; returns exit code, stdout, stderr"""
        arguments = [support.program(), *map(str, self.command(*self.sizes, "--json"))]
        process = subprocess.Popen(arguments, cwd=support.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end and not (self.partial / instant).exists():
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    def reference(self):
        """What a run that nobody disturbs writes"""
        if not Interrupted._reference:
            self.calibrate(*self.sizes, out=self.root / "reference")
            Interrupted._reference.update(content(self.root / "reference"))
        return Interrupted._reference

    def test_killed_at_any_instant(self):
        reference, hit = self.reference(), 0
        for instant, done in (("activations.0", 0), ("2_qkv.safetensors", 2), ("5_qkv.safetensors", 5)):
            with self.subTest(instant=instant):
                code, _, _ = self.stop(instant, signal.SIGKILL)
                if code == -signal.SIGKILL:
                    hit += 1
                    self.assertFalse(self.out.exists())
                    self.assertGreaterEqual(self.calibrate(*self.sizes)["resumed_layers"], done)
                self.assertEqual(content(self.out), reference)
                shutil.rmtree(self.out)
                self.assertFalse(self.partial.exists())
        self.assertGreaterEqual(hit, 2)

    def test_killed_while_the_next_layer_is_done(self):
        """Layers that take longer to write than to run through: the next one's activations are all there, the
        Hessians before them are not"""
        self.model, self.sizes = self.root / "wide", ("--sequences", 2, "--length", 16)
        subprocess.run([sys.executable, support.ROOT / "tools/make_random_model.py", self.model, "--layers", "4", "--hidden",
                        "64", "--intermediate", "4096", "--heads", "2", "--kv-heads", "1"], check=True)
        self.calibrate(*self.sizes, out=self.root / "wide_reference")
        reference, hit = content(self.root / "wide_reference"), 0
        for layer in (1, 2):
            with self.subTest(layer=layer):
                if self.stop(f"{layer}_up.safetensors", signal.SIGKILL, delay=0.03)[0] == -signal.SIGKILL:
                    hit += 1
                    self.assertGreaterEqual(self.calibrate(*self.sizes)["resumed_layers"], layer)
                self.assertEqual(content(self.out), reference)
                shutil.rmtree(self.out)
        self.assertGreaterEqual(hit, 1)

    def test_a_save_that_fails(self):
        """Found out while the next layer runs: an error as any other, and what was saved before counts"""
        reference = self.reference()
        self.assertEqual(self.stop("0_o.safetensors", signal.SIGTERM)[0], 75)
        blocked = self.partial / "4_o.safetensors"
        blocked.mkdir()
        run = self.run_program(*self.command(*self.sizes), **FREE)
        self.check_error(run, 1, [blocked.name, "directory"])
        self.assertFalse(self.out.exists())
        blocked.rmdir()
        self.assertEqual(self.calibrate(*self.sizes)["resumed_layers"], 4)
        self.assertEqual(content(self.out), reference)

    def test_killed_again_and_again(self):
        reference = self.reference()
        for layer in (0, 1, 4):
            self.stop(f"{layer}_o.safetensors", signal.SIGKILL)
        if not self.out.exists():
            self.calibrate(*self.sizes)
        self.assertEqual(content(self.out), reference)

    def test_asked_to_stop(self):
        reference = self.reference()
        for number in (signal.SIGTERM, signal.SIGINT):
            code, out, err = self.stop("1_o.safetensors", number)
            self.assertEqual(code, 75, err)
            self.assertEqual(json.loads(out)["error"]["kind"], "interrupted")
            self.assertIn("goes on", err)
            self.assertFalse(self.out.exists())
            self.assertGreaterEqual(self.calibrate(*self.sizes)["resumed_layers"], 1)
            self.assertEqual(content(self.out), reference)
            shutil.rmtree(self.out)

    def test_remains_of_another_run(self):
        self.assertEqual(self.stop("1_o.safetensors", signal.SIGKILL)[0], -signal.SIGKILL)
        before = content(self.partial)
        same = self.corpus
        self.corpus = self.write("other.jsonl", lines(POLISH + ["kot"]))
        self.refused(2, *self.command(*self.sizes), **FREE, kind="usage", names=["corpus"])
        self.corpus = same
        self.refused(2, *self.command("--sequences", 24, "--length", 64), **FREE, kind="usage", names=["length"])
        self.assertEqual(content(self.partial), before)
        self.assertEqual(self.calibrate("--overwrite", "--sequences", 2, "--length", 64)["resumed_layers"], 0)

    def test_damaged_activations(self):
        """A machine that went down may have lost what was not on the disk yet: the run starts again"""
        reference = self.reference()
        self.assertEqual(self.stop("2_o.safetensors", signal.SIGKILL)[0], -signal.SIGKILL)
        for path in self.partial.glob("activations.*"):
            with path.open("r+b") as file:
                file.seek(1000)
                file.write(b"\0" * 64)
        found = self.calibrate(*self.sizes, warnings=["damaged"])
        self.assertEqual(found["resumed_layers"], 0)
        self.assertEqual(content(self.out), reference)

    def test_full_disk(self):
        reference = self.reference()
        for size, room in (("the activations", 1 << 19), ("a site of the first layer", 1 << 20 | 1 << 19 | 1 << 10),
                           ("the largest site", 6 << 20)):
            with self.subTest(size=size):
                run = subprocess.run([support.program(), *map(str, self.command(*self.sizes))], cwd=support.ROOT,
                                     capture_output=True, timeout=60,
                                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
                self.assertEqual(run.returncode, 1, run)
                self.assertIn("File too large", run.stderr.decode())
                self.assertLessEqual(len(run.stderr.splitlines()), support.MAX_ERROR_LINES)
                self.assertFalse(self.out.exists())
                self.calibrate(*self.sizes)
                self.assertEqual(content(self.out), reference)
                shutil.rmtree(self.out)


if __name__ == "__main__":
    support.main()
