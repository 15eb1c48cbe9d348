"""`dwubit perplexity` against sums worked out here, on texts written here."""
import json
import math

import support
import tiny

DOCUMENTS = ["kot ma kota", "zażółć gęślą jaźń", "ma kot dom i las", "a", "rok po roku mija czas"]
POLISH = ["Wczoraj po południu spadł pierwszy śnieg i dzieci pobiegły na podwórko, żeby ulepić bałwana.",
          "Aby zainstalować program, należy otworzyć okno ustawień i wybrać odpowiedni pakiet z listy.",
          "Rzeka płynie powoli przez łąki, a nad jej brzegiem rosną stare wierzby i olchy."]


def stream(documents, bos=True, end=tiny.EOS):
    ids = []
    for text in documents:
        ids += [tiny.BOS] * bos + tiny.encode(text) + ([] if end is None else [end])
    return ids


class Tiny(support.ProgramTest):
    """The model whose logits follow from the last token: every convention scores a pair of tokens alike"""

    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")
        self.corpus = self.write("a.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))

    def perplexity(self, *arguments, **options):
        return self.ok("perplexity", self.model, "--data", self.corpus, "--act", "f32", *arguments, **options)

    def check(self, found, pairs):
        """Every figure of the object, for these pairs (token, token after it)"""
        losses = [tiny.nll(*pair) for pair in pairs]
        mean = math.fsum(losses) / len(losses)
        self.assertEqual(found["predictions"], len(losses))
        self.assertAlmostEqual(found["nll"], mean, delta=1e-4)
        self.assertAlmostEqual(found["perplexity"] / math.exp(mean), 1, delta=2e-4)
        variance = math.fsum((loss - mean) ** 2 for loss in losses) / (len(losses) - 1)
        error = math.exp(mean) * math.sqrt(variance / len(losses))
        self.assertAlmostEqual(found["stderr"] / error, 1, delta=1e-3)
        self.assertIsNone(found["kl"])
        self.assertGreater(found["seconds"], 0)
        self.assertGreater(found["tokens_per_second"], 0)
        return mean

    def test_carry(self):
        ids = stream(DOCUMENTS)
        size = sum(len(text.encode()) for text in DOCUMENTS)
        for window in (1, 2, 7, len(ids) - 1, len(ids), 1024):
            found = self.perplexity("--window", str(window))
            mean = self.check(found, list(zip(ids, ids[1:])))
            self.assertEqual((found["window"], found["convention"]), (window, "carry"))
            self.assertAlmostEqual(found["bits_per_byte"], mean * (len(ids) - 1) / math.log(2) / size, delta=1e-3)
        self.assertEqual(self.perplexity()["window"], 1024)

    def test_inside(self):
        ids = stream(DOCUMENTS)
        for window in (2, 7, len(ids)):
            pairs = []
            for first in range(0, len(ids) - window + 1, window):
                part = ids[first:first + window]
                pairs += zip(part, part[1:])
            found = self.perplexity("--window", str(window), "--convention", "inside")
            self.check(found, pairs)
            self.assertEqual(found["convention"], "inside")

    def test_limit(self):
        """Windows at most; the bytes are those of the tokens that were read"""
        ids = stream(DOCUMENTS)
        first, second = (1 + len(tiny.encode(text)) + 1 for text in DOCUMENTS[:2])
        found = self.perplexity("--window", str(first + second - 1), "--limit", "1")
        mean = self.check(found, list(zip(ids, ids[1:]))[:first + second - 1])
        size = sum(len(text.encode()) for text in DOCUMENTS[:2])
        self.assertAlmostEqual(found["bits_per_byte"], mean * (first + second - 1) / math.log(2) / size, delta=1e-3)
        # <s>, "▁kot", "▁ma": a window of 2 tokens and the one after it
        found = self.perplexity("--window", "2", "--limit", "1")
        mean = self.check(found, list(zip(ids, ids[1:]))[:2])
        self.assertAlmostEqual(found["bits_per_byte"], mean * 2 / math.log(2) / len("kot ma"), delta=1e-3)
        self.check(self.perplexity("--window", "3", "--limit", "2", "--convention", "inside"),
                   [(ids[0], ids[1]), (ids[1], ids[2]), (ids[3], ids[4]), (ids[4], ids[5])])
        for limit in ("0", "1000000000"):  # 0 = all
            self.check(self.perplexity("--window", "5", "--limit", limit), list(zip(ids, ids[1:])))

    def test_no_bos(self):
        ids = stream(DOCUMENTS, bos=False)
        found = self.perplexity("--no-bos")
        self.check(found, list(zip(ids, ids[1:])))
        self.assertIs(found["add_bos"], False)
        self.assertIs(self.perplexity()["add_bos"], True)

    def test_document_end(self):
        kot = tiny.token_id("▁kot")
        for flag, end in (("none", None), ("2", 2), ("</s>", 2), ("▁kot", kot), (str(kot), kot), ("0", 0)):
            with self.subTest(flag=flag):
                ids = stream(DOCUMENTS, end=end)
                found = self.perplexity("--doc-end", flag)
                self.check(found, list(zip(ids, ids[1:])))
                self.assertEqual(found["doc_end"], end)
        self.assertEqual(self.perplexity()["doc_end"], tiny.EOS)
        for flag in ("<|end|>", "-1", str(tiny.VOCAB), "99999999999999999999"):
            with self.subTest(flag=flag):
                self.refused(2, "perplexity", self.model, "--data", self.corpus, f"--doc-end={flag}", kind="usage",
                             names=["--doc-end " + flag])

    def test_document_end_without_the_usual_token(self):
        """The vocabulary has no "</s>": the EOS of the config"""
        changed = tiny.tokenizer()
        changed["added_tokens"][tiny.EOS]["content"] = "<|end|>"
        changed["model"]["vocab"] = {{"</s>": "<|end|>"}.get(k, k): v for k, v in changed["model"]["vocab"].items()}
        end = tiny.token_id("z")
        config = tiny.CONFIG | {"eos_token_id": end}
        self.model = tiny.write(self.root / "other", config=config, tokenizer_json=changed)
        self.assertEqual(self.perplexity()["doc_end"], end)

    def test_two_tokens(self):
        """The shortest corpus that has something to predict, and one token less"""
        self.corpus = self.write("short.txt", "kot")
        found = self.perplexity("--doc-end", "none")
        self.assertEqual(found["predictions"], 1)
        self.assertAlmostEqual(found["nll"], tiny.nll(tiny.BOS, tiny.token_id("▁kot")), delta=1e-4)
        self.refused(1, "perplexity", self.model, "--data", self.corpus, "--doc-end", "none", "--no-bos",
                     kind="invalid_input", names=["1 token"])

    def test_long_windows_warn(self):
        self.corpus = self.write("long.txt", "kot ma dom " * 60)
        self.perplexity(warnings=["longer than the 256"])
        self.perplexity("--window", "256")

    def test_same_for_any_number_of_threads(self):
        figures = {tuple(self.perplexity("--window", "7", "-t", threads)[key] for key in ("nll", "stderr", "perplexity"))
                   for threads in ("1", "2", "5")}
        self.assertEqual(len(figures), 1, figures)

    def test_context_matters(self):
        """With attention at work the window changes what is seen"""
        self.model = tiny.write(self.root / "mixing", weights=tiny.mixing_tensors())
        one, two, all_ = (self.perplexity("--window", window)["nll"] for window in ("1", "2", "1024"))
        self.assertTrue(abs(one - two) > 1e-3 and abs(two - all_) > 1e-3, (one, two, all_))


def percentile(values, percent):
    ordered = sorted(values)
    place = percent / 100 * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


class KlBase(support.ProgramTest):
    """Two models whose logits are known: the head of one is half of the other's"""

    KEYS = {"mean", "stderr", "p50", "p90", "p99", "p999", "max", "same_top1", "noise_floor", "by_position"}

    def setUp(self):
        super().setUp()
        self.base = tiny.write(self.root / "base")
        self.corpus = self.write("a.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in DOCUMENTS))
        halved = tiny.tensors()
        dtype, shape, _ = halved["lm_head.weight"]
        half = tiny.to_bf16(value / 2 for value in tiny.values()["lm_head"])
        self.model = tiny.write(self.root / "model", weights=halved | {"lm_head.weight": (dtype, shape, half)})

    def kl(self, model, base, *arguments):
        found = self.ok("perplexity", model, "--data", self.corpus, "--act", "f32", "--kl-base", base, *arguments)
        self.assertEqual(self.KEYS - found["kl"].keys(), set())
        return found

    def expected(self, token):
        """KL(base || model) of the prediction after `token`"""
        base = tiny.logits_after(token)
        top = max(base)
        weights = [math.exp(x - top) for x in base]
        total, half_total = math.fsum(weights), math.fsum(math.sqrt(w) for w in weights)
        shift = math.log(half_total) - math.log(total)
        return math.fsum(w / total * ((x - top) / 2 + shift) for w, x in zip(weights, base))

    def test_known_divergence(self):
        ids, window = stream(DOCUMENTS), 20
        values = [self.expected(token) for token in ids[:-1]]
        kl = self.kl(self.model, self.base, "--window", str(window))["kl"]
        mean = math.fsum(values) / len(values)
        self.assertGreater(mean, 0.1)  # or nothing is tested
        self.assertAlmostEqual(kl["mean"] / mean, 1, delta=1e-5)
        for name, percent in (("p50", 50), ("p90", 90), ("p99", 99), ("p999", 99.9), ("max", 100)):
            self.assertAlmostEqual(kl[name] / percentile(values, percent), 1, delta=1e-5, msg=name)
        clusters = [math.fsum(value - mean for value in values[first:first + window])
                    for first in range(0, len(values), window)]
        count = len(clusters)
        error = math.sqrt(count / (count - 1) * math.fsum(x * x for x in clusters)) / len(values)
        self.assertAlmostEqual(kl["stderr"] / error, 1, delta=1e-4)
        self.assertEqual(kl["same_top1"], 1)
        self.assertTrue(0 <= kl["noise_floor"] < 1e-9, kl)
        first, second = ([value for i, value in enumerate(values) if low <= i % window <= high]
                         for low, high in ((0, 15), (16, window - 1)))
        self.assertEqual([(b["from"], b["to"]) for b in kl["by_position"]], [(0, 15), (16, window - 1)])
        for bucket, part in zip(kl["by_position"], (first, second)):
            self.assertAlmostEqual(bucket["mean"] / (math.fsum(part) / len(part)), 1, delta=1e-5)

    def test_perplexity_stays_and_so_do_bytes_for_any_number_of_threads(self):
        self.model = tiny.write(self.root / "mixing", weights=tiny.mixing_tensors())
        alone = self.ok("perplexity", self.model, "--data", self.corpus, "--act", "f32", "--window", "30")
        found = [self.kl(self.model, self.base, "--window", "30", "-t", threads) for threads in ("1", "2", "5")]
        for value in found:
            self.assertEqual({key: value[key] for key in ("nll", "perplexity", "stderr", "predictions")},
                             {key: alone[key] for key in ("nll", "perplexity", "stderr", "predictions")})
            self.assertEqual(value["kl"], found[0]["kl"])
        self.assertLess(found[0]["kl"]["same_top1"], 1)
        self.assertGreater(found[0]["kl"]["mean"], 0)

    def test_against_itself(self):
        self.model = tiny.write(self.root / "mixing", weights=tiny.mixing_tensors())
        copy = tiny.write(self.root / "copy", weights=tiny.mixing_tensors())
        for base in (self.model, copy):
            kl = self.kl(self.model, base)["kl"]
            self.assertEqual((kl["mean"], kl["max"], kl["stderr"], kl["same_top1"]), (0, 0, 0, 1))
            self.assertTrue(all(bucket["mean"] == 0 for bucket in kl["by_position"]), kl)
            self.assertTrue(0 <= kl["noise_floor"] < 1e-9, kl)
        for act in ("f32", "bf16"):
            kl = self.ok("perplexity", self.model, "--data", self.corpus, "--act", act, "--kl-base", copy)["kl"]
            self.assertEqual(kl["mean"], 0, act)

    def test_text(self):
        run = self.run_program("perplexity", self.model, "--data", self.corpus, "--kl-base", self.base)
        self.assertEqual(run.code, 0, run)
        for needle in ("KL from", "p99.9", "same top token 100.00 %", "noise floor", "0-15:"):
            self.assertIn(needle, run.out)

    def test_refusals(self):
        command = ["perplexity", self.model, "--data", self.corpus, "--kl-base"]
        self.refused(1, *command, self.root / "nowhere", kind="not_found", names=["nowhere", "--kl-base"])
        changed = tiny.tokenizer()
        changed["added_tokens"][0]["special"] = False
        other = tiny.write(self.root / "other", tokenizer_json=changed)
        self.refused(1, *command, other, kind="invalid_input", names=["tokenizer", other, self.model])
        weights = tiny.tensors()
        for name in ("model.embed_tokens.weight", "lm_head.weight"):
            dtype, (rows, columns), data = weights[name]
            weights[name] = (dtype, (rows + 1, columns), data + bytes(2 * columns))
        wide = tiny.write(self.root / "wide", config=tiny.CONFIG | {"vocab_size": tiny.VOCAB + 1}, weights=weights)
        self.refused(1, *command, wide, kind="invalid_input", names=["vocabulary", wide, "300", "301"])
        weights = tiny.tensors() | {"lm_head.weight": ("BF16", (tiny.VOCAB, tiny.HIDDEN), b"\xff" * 19200)}
        self.refused(1, *command, tiny.write(self.root / "nan", weights=weights), kind="invalid_input",
                     names=["lm_head.weight", "--kl-base"])


class Polish(support.ProgramTest):
    def test_orlik_reads_polish(self):
        corpus = self.write("pl.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in POLISH))
        shuffled = [" ".join(sorted(text.split())) for text in POLISH]
        noise = self.write("noise.jsonl", "".join(json.dumps({"text": text}) + "\n" for text in shuffled))
        command = ["perplexity", support.ORLIK, "--act", "f32", "--data"]
        found, worse = self.ok(*command, corpus), self.ok(*command, noise)
        self.assertEqual((found["doc_end"], found["add_bos"]), (2, True))
        tokens = sum(len(ids) + 1 for ids in self.ok("tokenize", support.ORLIK, "--data", corpus)["documents"])
        self.assertEqual(found["predictions"], tokens - 1)
        self.assertAlmostEqual(found["perplexity"], math.exp(found["nll"]), delta=1e-6 * found["perplexity"])
        size = sum(len(text.encode()) for text in POLISH)
        bits = found["nll"] * found["predictions"] / math.log(2) / size
        self.assertAlmostEqual(found["bits_per_byte"], bits, delta=1e-9)
        self.assertTrue(0.8 < bits < 3, bits)
        self.assertGreater(worse["nll"], found["nll"] + 0.3)
        narrow = self.ok(*command, corpus, "--window", "4")
        self.assertEqual(narrow["predictions"], found["predictions"])
        self.assertGreater(narrow["nll"], found["nll"] + 0.3)
        inside = self.ok(*command, corpus, "--window", "8", "--convention", "inside")
        self.assertEqual(inside["predictions"], tokens // 8 * 7)


if __name__ == "__main__":
    support.main()
