"""`dwubit eval` on orlik's tasks against lm-evaluation-harness (tests/golden/eval). Exit code 77: data/orlik is not there.

Where data/orlik is not as recorded the documents are others: then only what holds for any documents is compared.
"""
import functools
import hashlib
import json
import math
import pathlib
import sys
import tempfile

import support

GOLDEN = support.ROOT / "tests" / "golden" / "eval"
DATA = support.ROOT / "data"
TASKS = support.ROOT / "tasks"
CHOICE = ["orlik_dzialy", "orlik_dalej", "orlik_slowo", "orlik_tlumacz", "orlik_para"]
SKIP = 77
NATS = 1e-3  # what two ways to sum may differ by in a log-likelihood
COMMON = ["eval", support.ORLIK, "--include_path", TASKS, "--datasets", DATA, "--act", "f32"]


@functools.cache
def golden(name):
    answer = json.loads((GOLDEN / f"{name}.json").read_text())
    answer["rows"] = [dict(zip(answer["columns"], row)) for row in answer["rows"]]
    return answer


@functools.cache
def keys():
    return json.loads((GOLDEN / "keys.json").read_text())


def recorded():
    """Whether data/orlik has the documents of every golden file"""
    for path in GOLDEN.glob("orlik_*.json"):
        task = path.name.split("_")[1]
        for split, digest in json.loads(path.read_text())["files"].items():
            file = DATA / "orlik" / "heldout.jsonl" if task == "heldout" else DATA / "orlik" / task / f"{split}.jsonl"
            if hashlib.sha256(file.read_bytes()).hexdigest() != digest:
                return False
    return True


class Outcome:
    """What a run said and wrote"""

    def __init__(self, test, arguments, folder=None, warnings=(), seconds=240):
        self.folder = pathlib.Path(folder) if folder else pathlib.Path(tempfile.mkdtemp(dir=test.root))
        self.object = test.ok(*COMMON, *arguments, "--log_samples", "--output_path", self.folder, seconds=seconds,
                              limited=False, warnings=warnings)
        self.results_file, = self.folder.rglob("results_*.json")

    @functools.cached_property
    def results(self):
        return json.loads(self.results_file.read_text())

    def samples_file(self, task):
        file, = self.folder.rglob(f"samples_{task}_2*.jsonl")
        return file

    def samples(self, task):
        lines = self.samples_file(task).read_text().split("\n")
        assert lines.pop() == ""
        return [json.loads(line) for line in lines]

    def comparable(self):
        """What must not depend on threads, batches or the time"""
        results = {key: self.results[key] for key in ("results", "versions", "n-shot", "n-samples", "higher_is_better")}
        return results, {file.name.rsplit("_", 1)[0]: file.read_bytes() for file in self.folder.rglob("samples_*.jsonl")}


class EvalTest(support.ProgramTest):
    recorded = True
    recorded_only = "data/orlik is not as recorded"

    def check_files(self, outcome, task, output_type):
        """The harness' keys, and what must agree within the files"""
        self.assertEqual(set(keys()["results"]) - outcome.results.keys(), set())
        self.assertEqual(set(keys()["config"]) - outcome.results["config"].keys(), set())
        self.assertEqual(outcome.results["results"], outcome.object["results"])
        samples = outcome.samples(task)
        for sample in samples:
            self.assertEqual(set(keys()["samples"][output_type]) - sample.keys() - {"exact_match"}, set())
        self.assertEqual([sample["doc_id"] for sample in samples], list(range(len(samples))))
        self.assertEqual(outcome.object["n-samples"][task]["effective"], len(samples))

    def check_scores(self, outcome, expected):
        """The aggregated results, standard errors included"""
        task = expected["task"]
        found = outcome.object["results"][task]
        self.assertEqual(found.keys(), expected["results"].keys())
        for key, value in expected["results"].items():
            if isinstance(value, float):
                self.assertTrue(math.isclose(found[key], value, rel_tol=1e-4 if "perplexity" in key else 1e-6),
                                f"{key}: {found[key]}, harness {value}")
            else:
                self.assertEqual(found[key], value, key)
        self.assertEqual(outcome.object["higher_is_better"][task], expected["higher_is_better"])
        self.assertEqual(outcome.object["n-samples"][task]["original"], expected["documents"])

    def check_hashes(self, sample, row):
        for key in ("doc_hash", "prompt_hash", "target_hash"):
            self.assertEqual(sample[key][:16], row[key], f"{key} of document {row['doc_id']}")

    def check_choices(self, outcome, expected, limit=None):
        samples = outcome.samples(expected["task"])
        rows = expected["rows"][:limit]
        self.assertEqual(len(samples), len(rows))
        worst = 0
        for sample, row in zip(samples, rows):
            self.check_hashes(sample, row)
            pairs = [response[0] for response in sample["resps"]]
            found = [float(pair[0]) for pair in pairs]
            self.assertEqual([str(pair[1]) == "True" for pair in pairs], [bool(greedy) for greedy in row["is_greedy"]])
            self.assertEqual(len(found), len(row["loglikelihoods"]))
            worst = max(worst, *(abs(a - b) for a, b in zip(found, row["loglikelihoods"])))
            self.assertEqual(found.index(max(found)), row["pick"], f"document {row['doc_id']}")
            normed = [value / len(choice) for value, choice in zip(found, sample["doc"]["choices"])]
            self.assertEqual(normed.index(max(normed)), row["pick_norm"], f"document {row['doc_id']}")
            self.assertEqual((sample["acc"], sample["acc_norm"]), (row["acc"], row["acc_norm"]))
        self.assertLess(worst, NATS)


class MultipleChoice(EvalTest):
    def test_zero_shot(self):
        outcome = Outcome(self, ["--tasks", "orlik"])
        self.assertEqual(sorted(outcome.object["results"]), sorted(CHOICE))
        for task in CHOICE:
            with self.subTest(task):
                self.check_files(outcome, task, "multiple_choice")
                self.assertEqual(outcome.object["n-shot"][task], 0)
                self.assertEqual(outcome.object["versions"][task], 1.0)
                if self.recorded:
                    self.check_choices(outcome, golden(f"{task}_0shot"))
                    self.check_scores(outcome, golden(f"{task}_0shot"))
        # Of all tokens of the requests only those are evaluated that no other request of the task shares.
        self.assertGreater(outcome.object["tokens_reused"], 1.5 * outcome.object["tokens_evaluated"])
        for file in outcome.object["files"]:
            self.assertTrue(pathlib.Path(file).is_file(), file)

    def test_three_shots(self):
        if not self.recorded:
            self.skipTest(self.recorded_only)
        for tasks, limit in ((["orlik_tlumacz", "orlik_para"], 60), (["orlik_dzialy", "orlik_dalej", "orlik_slowo"], 60)):
            outcome = Outcome(self, ["--tasks", ",".join(tasks), "--num_fewshot", "3", "--limit", str(limit)])
            for task in tasks:
                with self.subTest(task):
                    self.assertEqual(outcome.object["n-shot"][task], 3)
                    expected = golden(f"{task}_3shot")
                    self.check_choices(outcome, expected, limit)
                    if limit == expected["limit"]:
                        self.check_scores(outcome, expected)

    def test_prompts_that_are_cut(self):
        if not self.recorded:
            self.skipTest(self.recorded_only)
        outcome = Outcome(self, ["--tasks", "orlik_dalej", "--num_fewshot", "3", "--limit", "20", "--model_args",
                                 "max_length=192"], warnings=["orlik_dalej"])
        self.check_choices(outcome, golden("orlik_dalej_3shot_192"))
        self.check_scores(outcome, golden("orlik_dalej_3shot_192"))


class Others(EvalTest):
    def check_generation(self, outcome, expected, metric):
        self.check_files(outcome, expected["task"], "generate_until")
        for sample, row in zip(outcome.samples(expected["task"]), expected["rows"], strict=True):
            self.check_hashes(sample, row)
            text = sample["filtered_resps"][0]
            self.assertEqual((len(text), hashlib.sha256(text.encode()).hexdigest()),
                             (row["text_length"], row["text_sha256"]), f"document {row['doc_id']}: {text}")
            if row["score"] is not None:
                self.assertEqual(sample[metric], row["score"])
        self.check_scores(outcome, expected)

    def test_generation(self):
        if not self.recorded:
            self.skipTest(self.recorded_only)
        outcome = Outcome(self, ["--tasks", "orlik_gen", "--limit", "40"])
        self.check_generation(outcome, golden("orlik_dzialy_gen_0shot"), "exact_match")
        self.check_generation(outcome, golden("orlik_tlumacz_gen_0shot"), "chrf")
        outcome = Outcome(self, ["--tasks", "orlik_tlumacz_gen", "--limit", "12", "--num_fewshot", "3", "--model_args",
                                 "max_length=256"], warnings=["orlik_tlumacz_gen"])
        self.check_generation(outcome, golden("orlik_tlumacz_gen_3shot_256"), "chrf")

    def check_rolling(self, outcome, expected):
        self.check_files(outcome, "orlik_heldout", "loglikelihood_rolling")
        for sample, row in zip(outcome.samples("orlik_heldout"), expected["rows"], strict=True):
            self.check_hashes(sample, row)
            loglikelihood, words = sample["word_perplexity"]
            self.assertEqual((words, sample["byte_perplexity"][1]), (row["words"], row["bytes"]))
            # A long text sums the differences of many tokens.
            self.assertAlmostEqual(loglikelihood, row["loglikelihood"], delta=NATS + 1e-6 * abs(row["loglikelihood"]))
            self.assertEqual(float(sample["resps"][0][0]), loglikelihood)
        self.check_scores(outcome, expected)

    def test_rolling(self):
        if not self.recorded:
            self.skipTest(self.recorded_only)
        self.check_rolling(Outcome(self, ["--tasks", "orlik_heldout", "--limit", "40"]), golden("orlik_heldout_0shot"))
        self.check_rolling(Outcome(self, ["--tasks", "orlik_heldout", "--limit", "40", "--model_args", "max_length=128"]),
                           golden("orlik_heldout_0shot_128"))


class SameBytes(EvalTest):
    def test_threads_and_batches(self):
        flags = ["--tasks", "orlik_dzialy,orlik_slowo,orlik_tlumacz_gen,orlik_heldout", "--limit", "5"]
        first = Outcome(self, [*flags, "-t", "1"]).comparable()
        for more in (["-t", "2"], ["-t", "2", "--batch_size", "1"], ["-t", "1", "--batch_size", "7"]):
            self.assertEqual(Outcome(self, [*flags, *more]).comparable(), first, more)

    def test_limits(self):
        """Documents are the same whatever the limit, few-shot examples included"""
        if not self.recorded:
            self.skipTest(self.recorded_only)
        outcome = Outcome(self, ["--tasks", "orlik_para", "--limit", "0.02", "--num_fewshot", "3"])
        self.check_choices(outcome, golden("orlik_para_3shot"), limit=math.ceil(0.02 * 186))


if __name__ == "__main__":
    if not (DATA / "orlik" / "para" / "test.jsonl").exists():
        print("skipped: data/orlik is not there; `make data` fetches it")
        sys.exit(SKIP)
    EvalTest.recorded = recorded()
    if not EvalTest.recorded:
        print("data/orlik is not as recorded (the archive serves newer packages): scores are not compared")
    support.main()
