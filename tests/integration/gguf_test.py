"""GGUF files as MODEL of every command, and `dwubit export --to gguf`. Their tensors and tokens are compared with llama.cpp's in
the unit tests; here with the model that they were made from."""
import support

TEXT = "Polska jest krajem w Europie Środkowej. Zażółć gęślą jaźń, a potem idź spać. " * 4


class Gguf(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.file = self.root / "orlik.gguf"
        self.text = self.write("text.txt", TEXT)

    def export(self, *flags):
        return self.ok("export", support.ORLIK, "--to", "gguf", "-o", self.file, *flags)

    def test_export(self):
        found = self.export("--type", "q8_0")
        self.assertEqual((found["layout"], found["type"], found["tensors"]), ("gguf", "q8_0", 57))
        self.assertEqual(found["bytes"], self.file.stat().st_size)
        # 34 bytes for 32 weights
        self.assertLess(found["bytes"], 24_600_000 * 34 / 32 + 1_000_000)
        self.refused(2, "export", support.ORLIK, "--to", "gguf", "-o", self.file, names=[self.file], kind="usage")
        self.refused(2, "export", support.ORLIK, "--to", "gguf", "-o", self.root, kind="usage")
        self.refused(2, "export", support.ORLIK, "--to", "gguf", "-o", self.root / "n", "--type", "q3_k", hint="q8_0")
        self.export("--type", "q8_0", "--overwrite")

    def test_inspect(self):
        self.export("--type", "f16")
        found = self.ok("inspect", self.file, "--tensors")
        folder = self.ok("inspect", support.ORLIK)
        self.assertEqual(found["kind"], "gguf")
        self.assertEqual((found["parameters"], found["config"]), (folder["parameters"], folder["config"]))
        self.assertEqual({tensor["dtype"] for tensor in found["tensors"]}, {"F16", "F32"})
        self.assertEqual(found["bytes"], self.file.stat().st_size)
        self.assertEqual(found["tokenizer"]["vocab_size"], folder["tokenizer"]["vocab_size"])

    def test_same_answers(self):
        self.export("--type", "f32")
        for command in (("tokenize", "-p", TEXT), ("generate", "-p", "Polska jest", "-n", "12", "--act", "f32")):
            ours = self.ok(command[0], self.file, *command[1:])
            theirs = self.ok(command[0], support.ORLIK, *command[1:])
            key = "documents" if command[0] == "tokenize" else "ids"
            self.assertEqual(ours[key], theirs[key])
        found = self.ok("perplexity", self.file, "--data", self.text, "--act", "f32", "--kl-base", support.ORLIK)
        self.assertLess(found["kl"]["mean"], 1e-6)
        self.assertEqual(found["perplexity"],
                         self.ok("perplexity", self.file, "--data", self.text, "--act", "f32", "-t", "1")["perplexity"])

    def test_dense_and_back(self):
        self.export("--type", "q8_0")
        dense = self.root / "dense"
        self.ok("import", self.file, "--from", "gguf", "-o", dense)
        self.refused(1, "import", support.ORLIK, "--from", "gguf", "-o", self.root / "none", names=["no GGUF file"])
        again = self.root / "again.gguf"
        self.ok("export", dense, "--to", "gguf", "--type", "f32", "-o", again)
        ids = [self.ok("tokenize", model, "-p", TEXT)["documents"] for model in (self.file, dense, again)]
        self.assertEqual(ids[0], ids[1])
        self.assertEqual(ids[0], ids[2])
        values = [self.ok("perplexity", model, "--data", self.text, "--act", "f32")["nll"] for model in (self.file, dense, again)]
        self.assertAlmostEqual(values[0], values[1], delta=1e-5)
        self.assertAlmostEqual(values[0], values[2], delta=1e-5)

    def test_refusals(self):
        broken = self.root / "broken.gguf"
        for data in (b"", b"GGUF", b"GGUF" + b"\3\0\0\0" + b"\xff" * 16, b"no gguf at all"):
            broken.write_bytes(data)
            for command in (("inspect",), ("tokenize", "-p", "a"), ("generate", "-p", "a"), ("export", "--to", "gguf", "-o", self.root / "x")):
                self.refused(1, command[0], broken, *command[1:], names=["broken.gguf"])
        self.refused(1, "inspect", self.root / "none.gguf", kind="not_found", names=["none.gguf"])
        self.assertFalse((self.root / "x").exists())

    def test_packed(self):
        """What GGUF has no type for is refused, and written as the values it stands for; blocks of ggml are kept"""
        packed = self.root / "packed"
        self.ok("quantize", support.ORLIK, "--method", "rtn", "-o", packed, "--layers", "0", seconds=60, limited=False)
        error = self.refused(1, "export", packed, "--to", "gguf", "-o", self.root / "x", kind="unsupported", hint="--type f16")
        self.assertIn("uniform_group", error["message"])
        self.assertFalse((self.root / "x").exists())
        self.ok("export", packed, "--to", "gguf", "--type", "f32", "-o", self.root / "x")
        values = [self.ok("perplexity", model, "--data", self.text, "--act", "f32")["nll"] for model in (packed, self.root / "x")]
        self.assertAlmostEqual(values[0], values[1], delta=1e-4)

    def test_quantize(self):
        self.export("--type", "f16")
        out = self.root / "out"
        self.ok("quantize", self.file, "--method", "rtn", "-o", out, "--layers", "0", seconds=60, limited=False)
        self.assertEqual(self.ok("tokenize", out, "-p", TEXT)["documents"], self.ok("tokenize", self.file, "-p", TEXT)["documents"])
        self.assertEqual(self.ok("inspect", out)["kind"], "dwubit")


if __name__ == "__main__":
    support.main()
