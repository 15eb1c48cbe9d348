"""`dwubit compare` on results of `dwubit eval` for two tiny models: what the samples say, and what is refused."""
import json
import math
import random
import shutil

import support
import tiny

CHOICE = """task: choice
dataset_path: words
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [ma, kot, dom]
doc_to_target: gold
metadata: {version: 1}
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
GENERATION = """task: generation
dataset_path: words
test_split: test
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: '{{ "kot" }}'
generation_kwargs: {until: ["x"], max_gen_toks: 4}
metric_list: [{metric: chrf}, {metric: exact_match}]
"""
WORDS = ["kot", "ma", "dom", "las", "rok", "czas"]


class Compare(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("tasks/choice.yaml", CHOICE)
        self.write("tasks/generation.yaml", GENERATION)
        generator = random.Random(4)
        documents = [{"q": " ".join(generator.choices(WORDS, k=1 + i % 4)), "gold": generator.randrange(3)} for i in range(30)]
        self.write("data/words/test.jsonl", "".join(json.dumps(each) + "\n" for each in documents))
        self.models = {"a": tiny.write(self.root / "model_a"),
                       "b": tiny.write(self.root / "model_b", weights=tiny.safetensors(tiny.mixing_tensors()))}
        for name in self.models:
            self.evaluate(name)

    def evaluate(self, name, *more, out=None, tasks="choice,generation"):
        out = self.root / (out or name)
        self.ok("eval", self.models[name], "--tasks", tasks, "--include_path", self.root / "tasks", "--datasets",
                self.root / "data", "--log_samples", "--output_path", out, *more)
        return out

    def samples(self, name, task):
        file, = (self.root / name).rglob(f"samples_{task}_*.jsonl")
        return [json.loads(line) for line in file.read_text().splitlines()]

    def results(self, name):
        file, = (self.root / name).rglob("results_*.json")
        return file

    def compare(self, *more, a="a", b="b", **options):
        return self.ok("compare", self.root / a, self.root / b, *more, **options)

    def refused_pair(self, names, *more, a="a", b="b", code=1, **options):
        return self.refused(code, "compare", self.root / a, self.root / b, *more, names=names, **options)

    def test_what_the_samples_say(self):
        found = self.compare()
        rows = {(row["name"], row["metric"]): row for row in found["tasks"]}
        self.assertEqual(list(rows), [("choice", "acc,none"), ("choice", "acc_norm,none"), ("generation", "chrf,none"),
                                      ("generation", "exact_match,none")])
        self.assertEqual([row["primary"] for row in found["tasks"]], [True, False, True, False])
        scores = {name: json.loads(self.results(name).read_text())["results"] for name in "ab"}
        for (task, metric), row in rows.items():
            with self.subTest(task=task, metric=metric):
                a, b = scores["a"][task][metric], scores["b"][task][metric]
                self.assertAlmostEqual(row["base"]["score"], a, delta=1e-9)
                self.assertAlmostEqual(row["other"]["score"], b, delta=1e-9)
                self.assertAlmostEqual(row["difference"], b - a, delta=1e-9)
                self.assertLessEqual(row["difference_low"], row["difference"])
                self.assertGreaterEqual(row["difference_high"], row["difference"])
                self.assertEqual(row["within_noise"], row["difference_low"] <= 0 <= row["difference_high"])
                self.assertEqual(row["documents"], 30)
        row = rows["choice", "acc,none"]
        pairs = [(x["acc"], y["acc"]) for x, y in zip(self.samples("a", "choice"), self.samples("b", "choice"), strict=True)]
        self.assertEqual(row["flips"], {"lost": pairs.count((1, 0)), "gained": pairs.count((0, 1))})
        self.assertGreater(row["flips"]["lost"] + row["flips"]["gained"], 0)
        self.assertAlmostEqual(row["chance"], 1 / 3, delta=1e-12)
        # An interval of a mean of 30 differences is about two standard errors wide to each side.
        differences = [y - x for x, y in pairs]
        mean = sum(differences) / 30
        error = math.sqrt(sum((d - mean) ** 2 for d in differences)) / 30
        self.assertAlmostEqual((row["difference_high"] - row["difference_low"]) / (2 * 1.96 * error), 1, delta=0.25)
        self.assertIsNone(rows["generation", "chrf,none"]["flips"])
        self.assertEqual(rows["generation", "chrf,none"]["chance"], 0)
        self.assertEqual((found["resamples"], found["level"]), (10000, 0.95))
        self.assertEqual(found["a"]["file"], str(self.results("a")))
        self.assertEqual(found["files"], [])

    def test_same_bytes(self):
        one, three = (self.run_program("compare", self.root / "a", self.root / "b", "--json", "-t", n) for n in "13")
        self.assertEqual(one.out, three.out)

    def test_with_itself(self):
        found = self.compare(b="a")
        for row in found["tasks"]:
            self.assertEqual((row["difference"], row["difference_low"], row["difference_high"]), (0, 0, 0))
            self.assertTrue(row["within_noise"])
        for kept in (found["choice_retention"], found["generation_retention"]):
            if kept is not None:
                self.assertAlmostEqual(kept["value"], 1)

    def test_text_and_files(self):
        run = self.run_program("compare", self.root / "a", self.root / "b", "-o", self.root / "out" / "deep")
        self.assertEqual(run.code, 0, run)
        self.assertEqual((self.root / "out" / "deep" / "compare.md").read_text(), run.out)
        self.assertIn("| choice ", run.out)
        self.assertRegex(run.out, "within noise|worse|better")
        written = self.the_object_of(self.root / "out" / "deep" / "compare.json")
        found = self.compare("-o", self.root / "second")
        self.assertEqual(found["files"], [str(self.root / "second" / name) for name in ("compare.json", "compare.md")])
        again = self.the_object_of(self.root / "second" / "compare.json")
        self.assertEqual({**written, "files": None}, {**again, "files": None})
        self.assertEqual({**found, "version": None}, {**again, "version": None})
        self.refused_pair(["second", "exists"], "-o", self.root / "second", code=2, kind="usage")
        self.compare("-o", self.root / "second", "--overwrite")
        self.refused_pair(["nowhere"], "-o", self.root / "third", b="nowhere", kind="not_found")
        self.assertFalse((self.root / "third").exists())

    def the_object_of(self, path):
        value = json.loads(path.read_text())
        self.assertEqual(value["schema"], "dwubit.compare/1")
        return value

    def test_perplexity(self):
        corpus = self.write("c.jsonl", '{"text": "kot ma dom"}\n{"text": "las i rok"}\n')
        for name in "ab":
            base = ["--kl-base", self.models["a"]] if name == "b" else []
            run = self.run_program("perplexity", self.models[name], "--data", corpus, *base, "--json")
            self.assertEqual(run.code, 0, run)
            self.write(f"{name}/perplexity.json", run.out)
        found = self.compare()
        for name in "ab":
            said = json.loads((self.root / name / "perplexity.json").read_text())
            self.assertEqual(found[name]["perplexity"], {key: said[key] for key in ("perplexity", "stderr", "kl")})
        self.assertIn("KL mean", self.run_program("compare", self.root / "a", self.root / "b").out)
        self.write("b/perplexity.json", '{"perplexity": "low"}')
        self.refused_pair(["perplexity.json", "'perplexity'"], kind="invalid_input")
        self.write("b/perplexity.json", '{"schema": "dwubit.perplexity/2"}')
        self.refused_pair(["perplexity.json", "dwubit.perplexity/2"], kind="unsupported")

    def test_several_results(self):
        old = self.results("b")
        newer = old.with_name("results_9999-01-01T00-00-00.000000.json")
        shutil.copy(old, newer)
        for file in list(old.parent.glob("samples_*")):
            task = file.name.split("_")[1]
            shutil.copy(file, file.with_name(f"samples_{task}_9999-01-01T00-00-00.000000.jsonl"))
        found = self.compare(warnings=["2 results files"])
        self.assertEqual(found["b"]["file"], str(newer))

    def test_bad(self):
        self.evaluate("b", "--limit", "20", out="short")
        self.refused_pair(["choice", "30 documents", "20"], b="short", kind="invalid_input", hint="--limit")
        self.evaluate("b", out="one", tasks="choice")
        self.assertEqual(len(self.compare(b="one", warnings=["'generation'"])["tasks"]), 2)
        self.ok("eval", self.models["b"], "--tasks", "choice", "--include_path", self.root / "tasks", "--datasets",
                self.root / "data", "--output_path", self.root / "silent")
        self.refused_pair(["samples_choice_"], b="silent", kind="not_found", hint="--log_samples")
        self.write("tasks/choice.yaml", CHOICE.replace("version: 1", "version: 2"))
        self.evaluate("b", out="other", tasks="choice")
        self.refused_pair(["choice", "version 1", "2"], b="other", kind="invalid_input")
        self.write("tasks/choice.yaml", CHOICE.replace('"{{q}}"', '"Q: {{q}}"'))
        self.evaluate("b", out="prompts", tasks="choice")
        self.refused_pair(["choice", "document 0", "prompt"], b="prompts", kind="invalid_input")
        self.write("tasks/choice.yaml", CHOICE.replace(", {metric: acc_norm}", ""))
        self.evaluate("b", out="fewer", tasks="choice")
        self.refused_pair(["choice", "acc_norm,none"], b="fewer", kind="invalid_input")
        self.write("empty/x", "")
        self.refused_pair(["empty", "results_*.json"], b="empty", kind="not_found")
        self.refused(2, "compare", self.root / "a", kind="usage")
        self.refused_pair(["--resamples"], "--resamples", "0", code=2, kind="usage")

    def test_damaged(self):
        file, = (self.root / "b").rglob("samples_choice_*.jsonl")
        lines = file.read_text().splitlines()
        file.write_text("\n".join([*lines[:6], lines[6][:40], *lines[7:]]) + "\n")
        self.refused_pair([f"{file}:7"], kind="invalid_input")
        file.write_text("\n".join([*lines, lines[3]]) + "\n")
        self.refused_pair([f"{file}:31", "document 3", "twice"], kind="invalid_input")
        file.write_text("\n".join(lines[:-1]) + "\n")
        self.refused_pair(["30 documents", "29"], kind="invalid_input")
        file.write_text("\n".join(lines) + "\n")
        results = json.loads(self.results("b").read_text())
        self.results("b").write_text(json.dumps({**results, "schema": "dwubit.eval/2"}))
        self.refused_pair(["dwubit.eval/2"], kind="unsupported")
        self.results("b").write_text(json.dumps(results)[:500])
        self.refused_pair([self.results("b").name, "line 1"], kind="invalid_input")


if __name__ == "__main__":
    support.main()
