"""The command-line contract that all commands share: envelopes, usage errors, ranges, flags, devices."""
import support
import tiny

TEXT = "kot ma kot ma kota i psa"


class Envelope(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")
        self.corpus = self.write("a.txt", TEXT)

    def test_objects(self):
        self.ok("tokenize", self.model, "-p", TEXT)
        self.ok("tokenize", self.model, "--ids", "1,297")
        self.ok("generate", self.model, "-p", TEXT, "-n", "3")
        self.ok("perplexity", self.model, "--data", self.corpus)
        self.ok("inspect", self.model)
        self.ok("inspect", self.model, "--tensors")

    def test_text_without_json(self):
        for arguments in (["tokenize", self.model, "-p", TEXT], ["generate", self.model, "-p", TEXT, "-n", "2"],
                          ["perplexity", self.model, "--data", self.corpus], ["inspect", self.model]):
            run = self.run_program(*arguments)
            self.assertEqual((run.code, run.err), (0, ""), run)
            self.assertTrue(run.out.strip(), run)
            self.assertFalse(run.out.startswith("{"), run)

    def test_inspect_counts(self):
        found = self.ok("inspect", self.model, "--tensors")
        shapes = {name: list(shape) for name, (_, shape, _) in tiny.tensors().items()}
        self.assertEqual({t["name"]: t["shape"] for t in found["tensors"]}, shapes)
        count = sum(len(data) // 2 for _, _, data in tiny.tensors().values())
        self.assertEqual((found["parameters"], found["bytes"]), (count, 2 * count))
        # A token reads every weight, but one row of the embedding.
        row, table = 2 * tiny.HIDDEN, 2 * tiny.HIDDEN * tiny.VOCAB
        self.assertEqual(found["bytes_per_token"], 2 * count - table + row)
        self.assertEqual((found["kind"], found["architecture"]), ("hf", "MistralForCausalLM"))
        self.assertEqual((found["bits_per_weight_linears"], found["bits_per_weight_file"]), (16, 16))
        modules = [layer["name"] for layer in found["layers"]]
        self.assertEqual(set(modules), {name.removesuffix(".weight") for name in shapes if "_proj" in name})
        self.assertEqual(len(modules), 7 * tiny.LAYERS)
        for layer in found["layers"]:
            keys = {"name", "format", "shape", "bits_per_weight", "transform", "kernel", "isa", "fallback_reason"}
            self.assertEqual(keys - layer.keys(), set())
            self.assertEqual(layer["shape"], shapes[layer["name"] + ".weight"])
        self.assertEqual(found["tokenizer"]["vocab_size"], tiny.VOCAB)

    def test_model_as_flag(self):
        expected = self.ok("tokenize", self.model, "-p", TEXT)
        self.assertEqual(self.ok("tokenize", "-m", self.model, "-p", TEXT), expected)
        self.assertEqual(self.ok("tokenize", "--model", self.model, "-p", TEXT), expected)

    def test_version(self):
        run = self.run_program("--version")
        self.assertEqual(run.code, 0, run)
        self.assertRegex(run.out, r"^dwubit \d+\.\d+\.\d+\n$")
        value = self.the_object(self.run_program("--version", "--json"), "version")
        self.assertEqual(run.out, f"dwubit {value['version']}\n")

    def test_help(self):
        run = self.run_program("--help")
        self.assertEqual((run.code, run.err), (0, ""), run)
        for command in support.KEYS:
            self.assertIn(f"  {command} ", run.out)
            of_command = self.run_program(command, "--help")
            self.assertEqual((of_command.code, of_command.err), (0, ""), of_command)
            self.assertIn("--json", of_command.out)
            if command not in ("compare", "formats", "hessians", "methods", "report", "study", "tasks"):  # they read no model
                self.assertIn("MODEL", of_command.out)

    def test_help_as_json(self):
        for arguments in (["--help"], ["generate", "--help"]):
            text = self.run_program(*arguments)
            run = self.run_program(*arguments, "--json")
            self.assertEqual(run.code, 0, run)
            self.assertEqual(self.the_object(run, "help")["help"], text.out)


class Usage(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")
        self.corpus = self.write("a.txt", TEXT)

    def usage(self, *arguments, **options):
        return self.refused(2, *arguments, kind="usage", **options)

    def test_unknown_command(self):
        self.usage("tokenise", schema="error", names=["tokenise"], hint="'tokenize'")
        self.usage("perplexty", schema="error", names=["perplexty"], hint="'perplexity'")
        self.usage("Zażółć\n\x1b[31m", schema="error", hint="--help")

    def test_no_command(self):
        run = self.run_program()
        self.check_error(run, 2, ["no command"])

    def test_unknown_flag(self):
        self.usage("perplexity", self.model, "--data", self.corpus, "--windw", "4", names=["--windw"], hint="--window")
        self.usage("generate", self.model, "-p", "a", "--n_predct=4", names=["--n-predct"], hint="--n-predict")
        self.usage("tokenize", self.model, "-p", "a", "--xyzzy", names=["--xyzzy"], hint="--help")

    def test_missing_arguments(self):
        self.usage("tokenize", names=["--model"])
        self.usage("perplexity", self.model, names=["--data"])
        self.usage("generate", self.model, names=["-p", "-f"])
        self.usage("generate", self.model, "-p", "a", "-f", self.corpus, names=["-p", "-f"])
        self.usage("tokenize", self.model, names=["-p", "--data", "--ids"])
        self.usage("tokenize", self.model, "-p", "a", "--data", self.corpus, names=["-p", "--data", "--ids"])
        self.check_error(self.run_program("tokenize", self.model, "-p"), 2, ["--prompt"])
        self.usage("tokenize", self.model, self.model, "-p", "a", names=[self.model])

    def test_ranges(self):
        corpus = ["perplexity", self.model, "--data", self.corpus]
        prompt = ["generate", self.model, "-p", "kot"]
        for arguments, flag, span, bad in (
                (prompt, "-t", "from 0 to 4096", ["-1", "99999", "4097", "x", "1.5", ""]),
                (prompt, "-n", "at least 0", ["-5", "abc", "99999999999999999999"]),
                (prompt, "-c", "at least 0", ["-1", "1k"]),
                (prompt, "--seed", "at least 0", ["-1", "0x10"]),
                (corpus, "--window", "at least 1", ["0", "-1", "abc", "1e3", "9223372036854775808"]),
                (corpus, "--limit", "at least 0", ["-1", "many"])):
            for value in bad:
                with self.subTest(flag=flag, value=value):
                    self.usage(*arguments, flag, value, names=[flag, span, f"'{value}'"])

    def test_legal_ends_of_ranges(self):
        for threads in ("0", "1", "3"):
            self.ok("generate", self.model, "-p", "kot", "-n", "1", "-t", threads)
        self.assertEqual(self.ok("generate", self.model, "-p", "kot", "-n", "0")["ids"], [])

    def test_windows(self):
        tokens = 2 + len(tiny.encode(TEXT))  # <s> and </s>
        for window in ("1", "1000000000", "9223372036854775807"):
            found = self.ok("perplexity", self.model, "--data", self.corpus, "--window", window)
            self.assertEqual((found["window"], found["predictions"]), (int(window), tokens - 1))
        inside = ["perplexity", self.model, "--data", self.corpus, "--convention", "inside", "--window"]
        for window in ("1", str(tokens + 1), "1000000000"):
            self.usage(*inside, window, names=[f"--window {window}", f"2 to {tokens}"], hint="carry")
        for window in (2, tokens):
            found = self.ok(*inside, str(window))
            self.assertEqual(found["predictions"], tokens // window * (window - 1))

    def test_dashes_and_underscores(self):
        for flag in ("--n-predict", "--n_predict"):
            for arguments in ([flag, "2"], [f"{flag}=2"]):
                found = self.ok("generate", self.model, "-p", "ma", "--ignore_eos", *arguments)
                self.assertEqual(found["generated_tokens"], 2)
        self.assertEqual(self.ok("tokenize", self.model, "-p", "a", "--no_bos"),
                         self.ok("tokenize", self.model, "-p", "a", "--no-bos"))

    def test_values_stay_as_given(self):
        """A text that looks like a flag is neither rewritten nor obeyed"""
        for text in ("--ala_ma", "--a_b=c_d", "a_b", "--json", "-q", "--help"):
            with self.subTest(text=text):
                found = self.ok("tokenize", self.model, "-p", text)
                self.assertEqual(found["documents"], [[tiny.BOS, *tiny.encode(text)]])
        self.usage("generate", self.model, "-p", "--ala_ma", "-n", "x", names=["--n-predict", "'x'"])
        run = self.run_program("tokenize", self.model, "-p", "--json")
        self.assertEqual((run.code, run.out.split()), (0, [str(i) for i in [tiny.BOS, *tiny.encode("--json")]]), run)

    def test_names_of_choices(self):
        self.usage("perplexity", self.model, "--data", self.corpus, "--convention", "carrying",
                   names=["--convention carrying"], hint="carry|inside")
        self.usage("generate", self.model, "-p", "kot", "--act", "int3", names=["int3"], hint="f32")
        self.usage("generate", self.model, "-p", "kot", "--device", "abacus", names=["abacus"], hint="cpu")

    def test_cuda(self):
        for device in ("cuda", "cuda:0"):
            for command in (["generate", self.model, "-p", "a"], ["perplexity", self.model, "--data", self.corpus]):
                self.refused(1, *command, "--device", device, kind="unsupported", names=[f"--device {device}", "CUDA"],
                             hint="cpu")

    def test_isa(self):
        command = ["generate", self.model, "-p", "kot ma", "-n", "4", "--act", "f32"]
        for isa in ("foo", "avx2,-foo", "ref,avx1024"):
            self.usage(*command, env={"DWUBIT_ISA": isa}, names=["DWUBIT_ISA=" + isa], hint="ref|avx2|avx512")
        self.assertEqual(self.ok(*command, env={"DWUBIT_ISA": "ref"})["ids"], self.ok(*command)["ids"])
        for layer in self.ok("inspect", self.model, env={"DWUBIT_ISA": "ref"})["layers"]:
            self.assertTrue(layer["kernel"].endswith("_ref"), layer)


if __name__ == "__main__":
    support.main()
