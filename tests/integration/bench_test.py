"""bench: the tests that flags ask for, what their rows say, and what is refused. Speeds themselves are no test's matter."""
import math
import statistics

import support
import tiny

ROW = {"n_prompt", "n_gen", "n_depth", "batch", "threads", "device", "kernel", "act", "tokens_per_second", "stddev",
       "bytes_per_token", "gb_per_s"}


class Bench(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def bench(self, *arguments, **options):
        return self.ok("bench", self.model, *arguments, **options)

    def kinds(self, found):
        return [(t["n_prompt"], t["n_gen"], t["n_depth"], t["batch"], t["threads"]) for t in found["tests"]]

    def test_rows(self):
        found = self.bench("-p", "6", "-n", "3", "-r", "3", "-t", "2")
        self.assertEqual(self.kinds(found), [(6, 0, 0, 512, 2), (0, 3, 0, 512, 2)])
        for test in found["tests"]:
            self.assertEqual(ROW - test.keys(), set())
            self.assertEqual(test["device"], "cpu")
            self.assertEqual(len(test["samples"]), 3)
            self.assertTrue(all(rate > 0 for rate in test["samples"]))
            self.assertTrue(math.isclose(test["tokens_per_second"], statistics.mean(test["samples"]), rel_tol=1e-9))
            self.assertTrue(math.isclose(test["stddev"], statistics.stdev(test["samples"]), rel_tol=1e-6, abs_tol=1e-9))
            self.assertTrue(math.isclose(test["gb_per_s"], test["bytes_per_token"] * test["tokens_per_second"] / 1e9))
        self.assertGreater(found["memcpy_gb_per_s"], 0)
        self.assertGreater(found["read_gb_per_s"], 0)
        self.assertTrue(found["cpu"])

    def test_bytes(self):
        # A pass reads the weights once, and a generated token the keys and values up to itself.
        inspected = self.ok("inspect", self.model)
        weights, c = inspected["bytes_per_token"], inspected["config"]
        position = 2 * c["layers"] * c["kv_heads"] * c["head_dim"] * 4
        found = self.bench("-p", "6", "-n", "3", "-d", "5", "-b", "4", "-r", "1")
        prompt, generated = [test["bytes_per_token"] for test in found["tests"]]
        self.assertTrue(math.isclose(prompt, 2 * weights / 6))
        self.assertTrue(math.isclose(generated, weights + position * (6 + 7 + 8) / 3))

    def test_kernels(self):
        found = self.bench("-p", "2", "-n", "0", "-r", "1", "--act", "f32")
        inspected = self.ok("inspect", self.model, "--act", "f32")
        self.assertEqual(sum(sum(row["linears"].values()) for row in found["kernels"]), 7 * tiny.LAYERS + 1)
        self.assertEqual({row["kernel"] for row in found["kernels"]},
                         {layer["kernel"] for layer in inspected["layers"]} | {inspected["head"]["kernel"]})
        self.assertEqual(found["tests"][0]["kernel"], found["kernels"][0]["kernel"])

    def test_lists(self):
        found = self.bench("-p", "2,3", "-n", "1", "-d", "0,4", "-b", "1,2", "-t", "1,2", "-r", "1")
        tests = [(p, 0, d, b) for d in (0, 4) for b in (1, 2) for p in (2, 3)]
        tests = tests[:4] + [(0, 1, 0, 1)] + tests[4:] + [(0, 1, 4, 1)]
        self.assertEqual(self.kinds(found), [(*test, threads) for threads in (1, 2) for test in tests])
        found = self.bench("-p", "2", "-n", "0", "--act", "f32,f32", "-r", "2", "--no-warmup")
        self.assertEqual([test["act"] for test in found["tests"]], ["f32", "f32"])

    def test_flags_before_model(self):
        self.ok("bench", "-p", "2", "-n", "0", "-r", "1", "-t", "1", "--act", "f32", self.model)

    def test_text(self):
        run = self.run_program("bench", self.model, "-p", "4", "-n", "2", "-d", "3", "-r", "1")
        self.assertEqual((run.code, run.err), (0, ""), run)
        for text in ("pp4 @ d3", "tg2 @ d3", "memcpy", "GB/s"):
            self.assertIn(text, run.out)

    def test_positions(self):
        limit = self.ok("inspect", self.model)["config"]["max_positions"]
        self.bench("-p", "1", "-n", "0", "-d", limit, "-r", "1", warnings=[f"{limit + 1} positions"])


class KvTypes(support.ProgramTest):
    """--kv, in every command that has it"""

    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def test_bench(self):
        found = self.ok("bench", self.model, "-p", "0", "-n", "4", "-r", "1", "--kv", "f32,bf16,f16,int8")
        self.assertEqual([test["kv"] for test in found["tests"]], ["f32", "bf16", "f16", "int8"])
        bytes_read = [test["bytes_per_token"] for test in found["tests"]]
        self.assertEqual(bytes_read[1], bytes_read[2])
        self.assertGreater(bytes_read[0], bytes_read[1])
        self.assertGreater(bytes_read[2], bytes_read[3])

    def test_generate(self):
        for kv in ("f32", "bf16", "f16", "int8"):
            self.assertEqual(len(self.ok("generate", self.model, "-p", "kot ma", "-n", "5", "--ignore-eos", "--kv", kv)["ids"]), 5)

    def test_chat(self):
        found = self.ok("chat", self.model, "--chat-template", "chatml", "-n", "3", "-c", "200", "--kv", "int8",
                        stdin=b"kot\n")
        self.assertEqual(len(found["turns"]), 1)

    def test_perplexity_says_what_it_costs(self):
        corpus = self.write("a.txt", "Kot ma kota i psa, a pies szuka kota w lesie pod miastem. " * 3)
        mean = {}
        for kv in ("f32", "bf16", "f16", "int8"):
            found = self.ok("perplexity", support.ORLIK, "--data", corpus, "--kl-base", support.ORLIK, "--kv", kv, "--act", "f32")
            self.assertEqual(found["kv"], kv)
            mean[kv] = found["kl"]["mean"]
        self.assertEqual(mean["f32"], 0)
        for kv in ("bf16", "f16", "int8"):
            self.assertTrue(0 < mean[kv] < 1e-2, (kv, mean))
        self.assertLess(mean["f16"], mean["bf16"])

    def test_refused(self):
        for command in (["generate", self.model, "-p", "a"], ["bench", self.model], ["chat", self.model],
                        ["perplexity", self.model, "--data", self.write("a.txt", "kot")]):
            self.refused(2, *command, "--kv", "int4", kind="usage", names=["--kv int4"], hint="int8")


class Refused(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def usage(self, *arguments, **options):
        return self.refused(2, "bench", *arguments, kind="usage", **options)

    def test_no_tests(self):
        self.usage(self.model, "-p", "0", "-n", "0", names=["-p", "-n"])

    def test_ranges(self):
        for flag, bad, span in (("-p", "-1", "from 0"), ("-p", "4,x", "from 0"), ("-n", "99999999999", "from 0"), ("-n", "1.5", "from 0"), ("-d", "-2", "from 0"),
                                ("-b", "0", "from 1"), ("-b", "2,0", "from 1"), ("-t", "4097", "from 0 to 4096"),
                                ("-r", "0", "from 1"), ("-p", "", "from 0")):
            with self.subTest(flag=flag, bad=bad):
                self.usage(self.model, flag, bad, names=[flag, span])
        self.usage(self.model, "--act", "int9", names=["int9"])

    def test_no_model(self):
        self.usage("-p", "4", names=["--model"])
        missing = self.root / "nothing"
        self.refused(1, "bench", missing, "-p", "4", kind="not_found", names=[missing])

    def test_memory(self):
        self.refused(1, "bench", self.model, "-p", "1", "-n", "0", "-d", "2000000000", kind="out_of_memory",
                     names=["KV cache"])


if __name__ == "__main__":
    support.main()
