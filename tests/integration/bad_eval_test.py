"""`dwubit eval` on tasks and datasets that are wrong: the message names task, document and field. A tiny model."""
import json

import support
import tiny

TASK = """task: t
dataset_path: words
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [ma, kot]
doc_to_target: gold
"""
DOCUMENTS = [{"q": "kot", "gold": 0}, {"q": "ma", "gold": 1}, {"q": "psa", "gold": 1}]


class BadEval(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")
        self.task(TASK)
        self.documents(DOCUMENTS)

    def task(self, text, name="t"):
        return self.write(f"tasks/{name}.yaml", text)

    def documents(self, documents, split="test"):
        return self.write(f"data/words/{split}.jsonl", "".join(json.dumps(each) + "\n" for each in documents))

    def arguments(self, *more, tasks="t"):
        return ["eval", self.model, "--tasks", tasks, "--include_path", self.root / "tasks", "--datasets",
                self.root / "data", "--output_path", self.root / "out", "--log_samples", *more]

    def good(self, *more, warnings=(), tasks="t"):
        return self.ok(*self.arguments(*more, tasks=tasks), warnings=warnings)

    def bad(self, names, *more, code=1, kind="invalid_input", hint=None, tasks="t"):
        error = self.refused(code, *self.arguments(*more, tasks=tasks), names=names, kind=kind, hint=hint)
        self.assertFalse((self.root / "out").exists(), "something was written")
        return error

    def test_the_good_ones(self):
        """What the other tests spoil"""
        found = self.good()
        self.assertEqual(found["n-samples"]["t"], {"original": 3, "effective": 3})
        self.assertIn("acc,none", found["results"]["t"])

    def test_templates(self):
        self.task(TASK.replace('"{{q}}"', '"{% include q %}"'))
        self.bad(["'t'", "doc_to_text", "include"], kind="unsupported")
        self.task(TASK.replace('"{{q}}"', '"{{q | nosuchfilter}}"'))
        self.bad(["'t'", "doc_to_text", "nosuchfilter"], kind="unsupported")
        self.task(TASK.replace('"{{q}}"', '"{{q"'))
        self.bad(["'t'", "doc_to_text"])
        self.task(TASK.replace('"{{q}}"', '"{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}"'))
        self.bad(["'t'", "doc_to_text", "step"])

    def test_fields(self):
        self.documents([*DOCUMENTS, {"gold": 0}])
        self.bad(["'t'", "document 3", "doc_to_text", "'q'"])
        self.documents([*DOCUMENTS, {"q": "ma"}])
        self.bad(["'t'", "document 3", "gold"])
        self.task(TASK.replace("[ma, kot]", "choices"))
        self.documents([{**each, "choices": ["ma", "kot"]} for each in DOCUMENTS])
        self.good()
        (self.root / "out").rename(self.root / "first")
        self.documents([{"q": "kot", "gold": 0, "choices": ["ma", "kot"]}, {"q": "kot", "gold": 0, "choices": "ma"}])
        self.bad(["'t'", "document 1", "doc_to_choice"])
        self.documents([{"q": "kot", "gold": 0, "choices": []}])
        self.bad(["'t'", "document 0", "choice"])

    def test_gold(self):
        for gold in (2, -1, "pies", 0.5):
            with self.subTest(gold):
                self.documents([*DOCUMENTS, {"q": "x", "gold": gold}])
                self.bad(["'t'", "document 3", "doc_to_target"])
        self.documents([*DOCUMENTS, {"q": "x", "gold": 10 ** 30}])
        self.bad(["'t'", "test.jsonl:4"])

    def test_splits(self):
        self.documents([])
        self.bad(["'t'", "no document", "test"])
        self.documents(DOCUMENTS, "other")
        (self.root / "data" / "words" / "test.jsonl").unlink()
        self.bad(["words", "test", "other"], kind="not_found")
        self.documents(DOCUMENTS)
        self.task(TASK + "fewshot_split: shots\n")
        self.documents(DOCUMENTS[:2], "shots")
        self.good("--num_fewshot", "2")
        (self.root / "out").rename(self.root / "first")
        self.bad(["'t'", "few-shot", "there are 2"], "--num_fewshot", "3")
        self.write("data/words/test.jsonl", '{"q": "kot", "gold": 0}\n{"q": \n')
        self.bad(["test.jsonl", "2"])
        self.write("data/words/test.jsonl", '{"q": "kot", "gold": 0}\n[1]\n')
        self.bad(["test.jsonl", "2"])

    def test_too_long(self):
        """A prompt is cut from the left, and that is said; an answer alone that does not fit is an error"""
        self.documents([*DOCUMENTS, {"q": "b" * 400, "gold": 0}])
        self.good(warnings=["task t, document 3"])
        (self.root / "out").rename(self.root / "first")
        self.task(TASK.replace("[ma, kot]", "[ma, " + "b" * 400 + "]"))
        self.documents(DOCUMENTS)
        self.bad(["task t, document 0", "256"])
        self.task(TASK.replace("multiple_choice", "generate_until").replace("doc_to_choice: [ma, kot]\n", "") +
                  "generation_kwargs: {until: ['x'], max_gen_toks: 256}\n")
        self.bad(["task t", "max_gen_toks", "256"])

    def test_yaml(self):
        self.task(TASK + "no_such_key: 1\nmetrics: x\n")
        run = self.run_program(*self.arguments("--json"))
        self.assertEqual(run.code, 0, run)
        self.assertIn("no_such_key", run.err)
        self.assertTrue(any("no_such_key" in text and "t.yaml" in text for text in self.the_object(run, "eval")["warnings"]))
        (self.root / "out").rename(self.root / "first")
        for text, names in ((TASK + "x: [1\n", []), (TASK + "\tx: 1\n", []),
                            (TASK + "include: nowhere.yaml\n", ["nowhere.yaml"]), (TASK + "include: t.yaml\n", []),
                            (TASK.replace("multiple_choice", "many_choices"), ["output_type", "many_choices"]),
                            (TASK + "metric_list: [{metric: acccc}]\n", ["acccc"]),
                            (TASK + "filter_list: [{name: x, filter: [{function: nope}]}]\n", ["nope"]),
                            (TASK + "repeats: many\n", ["repeats"]), (TASK + "metric_list: 7\n", ["metric_list"]),
                            (TASK.replace("gold\n", "!function utils.nosuch\n"), ["nosuch"]),
                            (TASK.replace("dataset_path: words\n", ""), ["dataset_path"]),
                            (TASK.replace("test_split: test\n", ""), ["split"])):
            with self.subTest(text[-60:]):
                self.task(text)
                error = self.run_program(*self.arguments("--json"))
                self.check_error(error, 1, ["t.yaml" if not names else names[0]])
                self.assertFalse((self.root / "out").exists())

    def test_names(self):
        self.bad(["orlik_dzialu"], code=2, kind="usage", tasks="orlik_dzialu")
        self.task(TASK.replace("task: t\n", "task: tree\n"), "tree")
        self.bad(["tre"], code=2, kind="usage", tasks="tre", hint="tree")
        self.task(TASK, "twin")
        self.bad(["t.yaml", "twin.yaml"])

    def test_flags(self):
        self.bad(["--limit"], "--limit", "-1", code=2, kind="usage")
        self.bad(["--num"], "--num_fewshot", "-1", code=2, kind="usage")
        self.bad(["no_such_arg"], "--model_args", "no_such_arg=1", code=2, kind="usage")
        self.bad(["--harness"], "--harness", "0.3", code=2, kind="usage")
        self.refused(2, "eval", self.model, kind="usage", names=["--tasks"])


if __name__ == "__main__":
    support.main()
