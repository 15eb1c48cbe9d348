#!/usr/bin/env python3
"""What lm-evaluation-harness makes of answers, for src/eval/metrics/golden_test.cpp and src/eval/results_golden_test.cpp.

A model that answers from a seeded generator goes through lm_eval.evaluator.evaluate() and its EvaluationTracker on small
tasks written here.  OUT/tasks.json has per task its configuration, documents, requests and answers, and the results and
sample lines; OUT/run.json the results file, the table and the groups of a run of several tasks; OUT/text.json scores of
sacrebleu and what Python's `re` finds.  The same versions give the same bytes.
"""
import argparse
import hashlib
import json
import logging
import os
import pathlib
import random
import re
import tempfile
import zlib

os.environ["DISABLE_MULTIPROC"] = "1"
os.environ.setdefault("TQDM_DISABLE", "1")

import datasets
import lm_eval.filters  # noqa: F401
import numpy as np
import sacrebleu
from lm_eval.api.group import Group
from lm_eval.api.model import LM
from lm_eval.api.registry import AGGREGATION_REGISTRY
from lm_eval.api.task import ConfigurableTask
from lm_eval.config.group import AggMetricConfig
from lm_eval.evaluator import evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.utils import make_table, weighted_f1_score
from sacrebleu.metrics.lib_ter import translation_edit_rate
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sklearn.metrics import f1_score

WORDS = ("żaba źdźbło gęś łódka mąka ćma pies kot rzeka Łódź Warszawa pójdzie śpiewa 12,5 3.14 A B C tak nie "
         "„cytat” (nawias) e-mail 2024. koniec! czy? i w na że się").split()


def sentence(rng, low=3, high=12):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(low, high)))


def altered(rng, text):
    """`text` with words dropped, replaced, added and moved"""
    words = text.split()
    for _ in range(rng.randint(0, 4)):
        kind, at = rng.randrange(4), rng.randrange(len(words) + 1)
        if kind == 0 and len(words) > 1:
            words.pop(at % len(words))
        elif kind == 1 and words:
            words[at % len(words)] = rng.choice(WORDS)
        elif kind == 2:
            words.insert(at, rng.choice(WORDS))
        elif len(words) > 3:
            run = words[at % len(words):at % len(words) + 2]
            del words[at % len(words):at % len(words) + 2]
            to = rng.randrange(len(words) + 1)
            words[to:to] = run
    return " ".join(words)


def macro_f1(items):
    golds, preds = zip(*items)
    return f1_score(golds, preds, average="macro")


AGGREGATIONS = {"macro_f1": macro_f1, "weighted_f1": weighted_f1_score}


def metric(name, aggregation=None, **arguments):
    out = {"metric": name}
    if aggregation:
        out["aggregation"] = aggregation
    return {**out, **arguments}


def pipeline(name, *steps):
    return {"name": name, "filter": [{"function": s} if isinstance(s, str) else s for s in steps]}


def regex(pattern, **arguments):
    return {"function": "regex", "regex_pattern": pattern, **arguments}


# --- tasks ---------------------------------------------------------------------------------------------------------

def two_choices(rng, i):
    return {"id": i, "pytanie": sentence(rng), "waga": rng.choice([0.1, 1e-05, 1.5e16, 3.0, -2.25]), "label": rng.randrange(2),
            "wybory": [rng.choice(["nie", "ani trochę", "Nie, źle"]), rng.choice(["tak", "tak, ależ owszem"])]}


def four_choices(rng, i):
    choices = rng.sample(["gęś", "kaczka", "łabędź", "wróbel", "sójka"], 4)
    return {"zdanie": sentence(rng), "opcje": choices, "dobra": rng.choice(choices), "meta": {"nr": i, "puste": [], "brak": None}}


def several_right(rng, i):
    return {"q": sentence(rng), "opts": ["raz", "dwa", "trzy", "cztery"], "ok": rng.sample(range(4), rng.randint(1, 3))}


def gap(rng, i):
    return {"lewa": sentence(rng, 2, 4), "warianty": ["ona", "on"], "koniec": sentence(rng, 2, 5), "label": rng.randrange(2)}


def plain_text(rng, i):
    glue = [" ", "  ", "\n", "\t", "\u00a0", "\u2003", "\x1c"]
    return {"tekst": rng.choice(["", " "]) + "".join(rng.choice(WORDS) + rng.choice(glue) for _ in range(rng.randint(1, 20)))}


def cloze(rng, i):
    return {"poczatek": sentence(rng), "dalej": rng.choice(WORDS)}


def question(rng, i):
    return {"pyt": sentence(rng), "odp": rng.choice(["Łódź", "12", "źdźbło trawy!", "A", "it's \"x\"", "B."])}


def question_lists(rng, i):
    return {"pyt": sentence(rng), "odp": rng.sample(["Łódź", "łódź", "miasto", "1,5", "Gęś."], rng.randint(1, 3))}


def lettered(rng, i):
    return {"pyt": sentence(rng), "cel": rng.randrange(2), "choices": ["Gęś gęgawa", "Gęś", "Łabędź (niemy)", "kot?"], "odp": f"({rng.choice('ABCD')})"}


def translation(rng, i):
    return {"en": sentence(rng), "pl": sentence(rng, 1, 15)}


def said(rng, doc):
    answer = doc["odp"] if isinstance(doc["odp"], str) else rng.choice(doc["odp"])
    return rng.choice(["{}", " {}\n", "Odpowiedź: {}.", "{} ", "to {} albo 7", "{} A", "nic", "#### {}", "{}!", ""]).format(
        rng.choice([answer, answer.upper(), answer.lower(), "B", "12"]))


def lettered_answer(rng, doc):
    return rng.choice(["(A)", "odpowiedź (B).", "Gęś gęgawa", "chyba gęś", "Łabędź (niemy)!", "wynik: C", "wynik:  D", "nie wiem", "KOT", ""])


def tagged(rng, doc):
    return rng.choice(["('kot', 'NOUN') ('śpi', 'VERB')", "brak", "('Łódź', 'PROPN')", "person: Ala, Jan$$place: none$$Date: 3 maja",
                       "Person : Łucja\nlocation:Łódź, none $$ org: PKP$$", "per: x$$"])


def letter(rng, doc):
    return rng.choice(["A", "B", "odp. B", "bA", "łA", "C", "B, bo A", "żadna"])


def moved(rng, doc):
    return altered(rng, doc["pl"]) if rng.random() < 0.9 else ""


# name -> documents, their maker, answers of a generating model, configuration
TASKS = {
    "mc_two": (40, two_choices, None, {
        "output_type": "multiple_choice", "doc_to_text": "Pytanie: {{pytanie}}\nOdpowiedź:", "doc_to_target": "label", "doc_to_choice": "wybory",
        "metric_list": [metric("acc_norm", "mean", higher_is_better=True), metric("acc", "mean", higher_is_better=True), metric("acc_bytes"),
                        metric("exact_match", "mean"), metric("f1", "f1"), metric("mcc"), metric("acc_mutual_info"), metric("bypass")],
        "metadata": {"version": 1.5}}),
    "mc_four": (30, four_choices, None, {
        "output_type": "multiple_choice", "doc_to_text": "{{zdanie}}", "doc_to_target": "{{dobra}}", "doc_to_choice": "{{opcje}}",
        "metric_list": [metric("acc"), metric("acc_norm", "median"), metric("acc_bytes", "nanmean"), metric("f1", "macro_f1"),
                        metric("mcc", "matthews_corrcoef")], "task_alias": "cztery"}),
    "mc_brier": (25, four_choices, None, {
        "output_type": "multiple_choice", "doc_to_text": "{{zdanie}}", "doc_to_target": "{{dobra}}", "doc_to_choice": "opcje",
        "metric_list": [metric("brier_score"), metric("f1", "weighted_f1"), metric("likelihood", "brier_score", higher_is_better=False)]}),
    "mc_several": (20, several_right, None, {
        "output_type": "multiple_choice", "doc_to_text": "{{q}}", "doc_to_target": "ok", "doc_to_choice": "opts",
        "metric_list": [metric("acc"), metric("acc_norm"), metric("acc_bytes"), metric("exact_match", "mean")]}),
    "mc_inputs": (20, gap, None, {
        "output_type": "multiple_choice", "doc_to_text": "label", "doc_to_target": "koniec",
        "doc_to_choice": "{{[lewa + ' ' + warianty[0], lewa + ' ' + warianty[1]]}}", "metric_list": [metric("acc"), metric("acc_norm")]}),
    "cloze": (25, cloze, None, {
        "output_type": "loglikelihood", "doc_to_text": "{{poczatek}}", "doc_to_target": " {{dalej}}",
        "metric_list": [metric("perplexity", "perplexity"), metric("acc", "mean"), metric("bypass")]}),
    "rolling": (12, plain_text, None, {
        "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{tekst}}",
        "metric_list": [metric("word_perplexity"), metric("byte_perplexity", "weighted_perplexity"), metric("bits_per_byte")]}),
    "gen_exact": (40, question, said, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp",
        "generation_kwargs": {"until": ["\n", "."], "do_sample": False, "temperature": 0.0, "max_gen_toks": 16},
        "metric_list": [metric("exact_match", "mean", ignore_case=True, ignore_punctuation=True, ignore_numbers=False,
                               regexes_to_ignore=[r"^\s*odpowiedź:", r"\s+$"])],
        "filter_list": [pipeline("none", "take_first"), pipeline("strip", "remove_whitespace", "take_first"),
                        pipeline("letters", regex(r"\b[AB]\b"), "take_first"), pipeline("number", regex(r"(-?\d+)|#### (\w+)", group_select=-1, fallback=" brak "), "take_first"),
                        pipeline("default", "regex", "take_first"), pipeline("small", "lowercase", "take_first"), pipeline("great", "uppercase", "take_first")]}),
    "gen_numbers": (20, question, said, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("exact_match", "mean", ignore_numbers=True)]}),
    "gen_several": (30, question_lists, said, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("exact_match", "mean", ignore_case=True)], "filter_list": [pipeline("x", "remove_whitespace", "take_first")]}),
    "gen_votes": (25, question, said, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp", "generation_kwargs": {"until": ["\n"]}, "repeats": 5,
        "metric_list": [metric("exact_match", "mean")],
        "filter_list": [pipeline("vote", regex(r"([A-Z])"), "majority_vote", "take_first"),
                        pipeline("few", {"function": "take_first_k", "k": 3}, "remove_whitespace", "majority_vote", "take_first"),
                        pipeline("share", {"function": "take_first_k", "k": 4})]}),
    "gen_letters": (30, lettered, lettered_answer, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("exact_match", "mean")],
        "filter_list": [pipeline("strict", {"function": "multi_choice_regex", "regex_pattern": r"(\([A-Z]\))"}, "take_first"),
                        pipeline("loose", {"function": "multi_choice_regex", "regex_pattern": r"(\([A-Z]\))", "ignore_case": True, "ignore_punctuation": True,
                                           "regexes_to_ignore": [r"^chyba "], "fallback": "?"}, "take_first")]}),
    "gen_tags": (20, question, tagged, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "per: ala $ per: jan $ date: 3 maja", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("exact_match", "mean")],
        "filter_list": [pipeline("span", "format_span", "take_first"), pipeline("pos", "regex_pos", "take_first", "take_first")]}),
    "gen_map": (40, lettered, letter, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "{{cel}}", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("f1"), metric("mcc"), metric("exact_match", "mean")],
        "filter_list": [pipeline("score-first", regex(r"(\b[ABCD]\b)"), "take_first",
                                 {"function": "map", "mapping_dict": {"A": 0, "B": 1, "C": 1}, "default_value": 0}, "take_first")]}),
    "gen_text": (30, translation, moved, {
        "output_type": "generate_until", "doc_to_text": "{{en}}", "doc_to_target": "pl", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("bleu"), metric("chrf"), metric("chrf++"), metric("ter")]}),
    "gen_bypass": (5, question, said, {
        "output_type": "generate_until", "doc_to_text": "{{pyt}}", "doc_to_target": "odp", "generation_kwargs": {"until": ["\n"]},
        "metric_list": [metric("bypass")]}),
    "gen_choice": (10, two_choices, lambda rng, doc: rng.choice(doc["wybory"]), {
        "output_type": "generate_until", "doc_to_text": "{{pytanie}}", "doc_to_target": "label", "doc_to_choice": "wybory",
        "generation_kwargs": {"until": ["\n"]}, "metric_list": [metric("exact_match", "mean")]}),
}
ITERATIONS = {"mc_two": 2000, "mc_four": 1500, "cloze": 300, "gen_map": 2500}
GROUPED = ["mc_two", "mc_four", "mc_several", "mc_inputs", "cloze", "gen_map"]


class SeededModel(LM):
    """Answers of every kind, from a generator per task"""

    def __init__(self):
        super().__init__()
        self.generators = {}

    def generator(self, request):
        name = request.task_name
        return self.generators.setdefault(name, random.Random(zlib.crc32(name.encode())))

    def loglikelihood(self, requests):
        out = []
        for request in requests:
            rng = self.generator(request)
            value = rng.choice([rng.uniform(-40, -0.5), rng.uniform(-6, -1e-6), -3.0, -2.0])
            out.append((value, rng.random() < 0.3))
        return out

    def loglikelihood_rolling(self, requests):
        return [self.generator(request).uniform(-400, -5) for request in requests]

    def generate_until(self, requests):
        return [TASKS[request.task_name][2](self.generator(request), request.doc) for request in requests]


def make_task(name):
    count, maker, _, config = TASKS[name]
    rng = random.Random(f"documents of {name}")
    docs = [maker(rng, i) for i in range(count)]
    config = json.loads(json.dumps(config))
    for entry in config["metric_list"]:
        if entry.get("aggregation") in AGGREGATIONS:
            entry["aggregation"] = AGGREGATIONS[entry["aggregation"]]
    return ConfigurableTask(config={"task": name, "custom_dataset": lambda **_: {"test": datasets.Dataset.from_list(docs)},
                                    "test_split": "test", "num_fewshot": 0, **config})


def plain(value):
    return json.loads(json.dumps(value, default=lambda o: o.item() if isinstance(o, np.generic) else o.tolist()))


def described(name, task):
    """Configuration, items and answers, for the test to build its own task from"""
    config = TASKS[name][3]
    items = {}
    for instance in task.instances:
        item = items.setdefault(instance.doc_id, {"doc": instance.doc, "target": task.doc_to_target(instance.doc), "requests": [], "answers": []})
        args = instance.args
        item["requests"].append([args[0], args[1] if len(args) > 1 and isinstance(args[1], str) else ""])
        item["answers"].append(instance.resps)
        if task.config.doc_to_choice is not None:
            item["choices"] = task.doc_to_choice(instance.doc)
            item["gold"] = task.doc_to_text(instance.doc) if task.multiple_input else item["target"]
    metrics = [{"name": m["metric"], "aggregation": m.get("aggregation"), "higher_is_better": m.get("higher_is_better"),
                "arguments": {k: v for k, v in m.items() if k not in ("metric", "aggregation", "higher_is_better")}} for m in config["metric_list"]]
    filters = config.get("filter_list") or [pipeline("none", "take_first")]
    return {"config": {"task": name, "alias": config.get("task_alias", ""), "output_type": config["output_type"], "metrics": metrics,
                       "filters": [{"name": f["name"], "steps": [{"function": s["function"], "arguments": {k: v for k, v in s.items() if k != "function"}}
                                                                  for s in f["filter"]]} for f in filters],
                       "generation_kwargs": task.config.generation_kwargs or {}, "repeats": config.get("repeats", 1),
                       "has_choices": "doc_to_choice" in config, "version": (config.get("metadata") or {}).get("version")},
            "multiple_input": bool(task.multiple_input), "multiple_target": bool(task.multiple_target), "items": list(items.values())}


def sample_lines(results, folder, name):
    """The lines of the samples file; arrays, which the harness writes as text of numpy's, apart"""
    tracker = EvaluationTracker(output_path=str(folder))
    tracker.general_config_tracker.log_experiment_args("dwubit", "pretrained=modele/orlik <2>,add_bos_token=true", None, None, False)
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, lines in samples.items():
        tracker.save_results_samples(task_name=task, samples=lines)
    path = folder / tracker.general_config_tracker.model_name_sanitized
    files = sorted(p.name for p in path.iterdir())
    written = json.loads(next(path.glob("results_*.json")).read_text(encoding="utf-8"))
    lines = {task: next(path.glob(f"samples_{task}_2*.jsonl")).read_text(encoding="utf-8").splitlines() for task in samples}
    return files, written, lines


def golden_tasks():
    out = {}
    for name in TASKS:
        task = make_task(name)
        iterations = ITERATIONS.get(name, 100)
        results = evaluate(lm=SeededModel(), task_dict={"tasks": {name: task}, "groups": {}}, bootstrap_iters=iterations, log_samples=True)
        entry = described(name, task)
        entry["values"] = [[s["filter"], [plain(s[m]) for m in s["metrics"]]] for s in results["samples"][name]]
        entry["metrics"] = [s["metrics"] for s in results["samples"][name]][0]
        with tempfile.TemporaryDirectory() as folder:
            _, written, lines = sample_lines(results, pathlib.Path(folder), name)
        entry |= {"iterations": iterations, "results": written["results"][name], "higher_is_better": written["higher_is_better"][name],
                  "samples": [] if "brier_score" in entry["metrics"] else lines[name][:2] + lines[name][-1:],
                  "samples_sha256": hashlib.sha256("".join(line + "\n" for line in lines[name]).encode()).hexdigest(), "task_hash": written["task_hashes"][name]}
        out[name] = entry
    return out


def golden_run():
    tasks = {name: make_task(name) for name in GROUPED}
    inner = Group("wewn", alias="wewnętrzna", aggregate_metric_list=[AggMetricConfig("acc", ["none"], weight_by_size=False)])
    for name in ("mc_several", "mc_inputs"):
        inner.add(tasks[name])
    outer = Group("calosc", aggregate_metric_list=[AggMetricConfig("acc", None), AggMetricConfig("acc_norm", ["none"])], metadata={"version": 2})
    for part in (tasks["mc_two"], tasks["mc_four"], inner):
        outer.add(part)
    bare = Group("luzna")
    bare.add(tasks["cloze"])
    results = evaluate(lm=SeededModel(), task_dict={"tasks": tasks, "groups": {g.name: g for g in (outer, inner, bare)}}, bootstrap_iters=100,
                       log_samples=True)
    table = make_table(results)
    groups = make_table(results, "groups")
    with tempfile.TemporaryDirectory() as folder:
        files, written, _ = sample_lines(results, pathlib.Path(folder), "run")
    return {"tasks": GROUPED, "table": table, "group_table": groups, "files": files,
            "keys": list(written), "written": {key: written[key] for key in (
                "results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples", "task_hashes", "model_source", "model_name",
                "model_name_sanitized", "system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha")},
            "configs": {name: list(written["configs"][name]) for name in GROUPED}}


PATTERNS = [
    r"\b[ABCD]\b", r"[A-H]", r"(-?[$0-9.,]{2,})|(-?[0-9]+)", r"((?<=The answer is )(.*)(?=.)|(?<=the answer is )(.*)(?=.))", r"#### (\-?[0-9\.\,]+)",
    r"\w+", r"\W+", r"\s+", r"\S+", r"[\s\S]", r"[^\S\n]+", r"[\w-]+", r"[\W_]+", r"\d+", r"\D+", r"^.", r"(?m)^\w*$", r"(?s).+", r"(?i)łódź", r"(?i:ŻABA)|x",
    r"a{,2}b", r"a{2,}", r"a{1}{", r"{a}", r"x*", r"\b", r"\B", r"(a)|b", r"(?P<q>['\"]).*?(?P=q)", r"(\w)\1", r"(?:ab|a)(?!b)", r"(?<!\d)\d{1,3}(?!\d)",
    r"(a)?(?(1)b|c)", r"a++b", r"(?>a+)b", r"a|b|", r"[]a]", r"[^]a]+", r"[a\]b-]+", r"\x41|\u0142|\U00000041", r"\101", r"\0", r"[\b]", r"$", r"\Z", r"\A.",
    r"(?#uwaga)a", r"[[:alpha:]]", r"[\d\-z]+", r"[ąę]+", r"\.\,\-\ \#", r"(?u)ź", r".", r"(?=(ab|b))", r"(?i)straße|ſ", r"(a(b)?)+", r"[\x41-\x43]+", r"\t|\n|\r|\f|\v|\a",
    r"[Tt]he (?:[Bb]est [Aa]nswer|[Aa]nswer)[^A-D]*([A-D])|[Aa]nswer\s*:[^A-D]*([A-D])|\\boxed\{([A-D])\}",
]
WRONG = [r"(", r")", r"[", r"[b-a]", r"[\w-z]", r"[a-\d]", r"*a", r"a**", r"a{3,2}", r"a{2}{3}", r"(?P<a", r"(?P<1a>x)", r"(?P=b)", r"\2(a)(b)", r"(a\1)", r"\k", r"\p{L}",
         r"\K", r"\R", r"\Q", r"\x4", r"\u12", r"(?<n>a)", r"(?|a)", r"(?R)", r"a(?i)b", r"(?z)", r"(?", r"(?P<a>.)(?P<a>.)", r"^*", r"\b+", "a\\", r"[\q]", r"(?(2)a|b)", r"\G"]
REFUSED = [r"(?a)\w", r"(?x) a b", r"\N{DIGIT ONE}"]
TEXTS = ["", "A", "ABCD ąA Ax A. (B) C-D", "the answer is 12.5. The answer is kot.", "#### -1,234.5 i #### 7", "Łódź ŁÓDŹ łódź żaba ŻABA Żaba x", "aaab ab b abb {a} a{1}{",
         "zdanie\nz wieloma\n\nwierszami\n", "a\x1cb\x85c\u00a0d\u2003e\u200bf\u180eg", "'jeden' \"dwa\" ''", "½ ² ٣ 12 345 6789 _x_ ǅ ℵ 中文", "\\boxed{B} Answer: c C the answer ... D",
         "aab]-^[b: l]p\\", "\t\n\r\f\v\a\b\0AłB.,- #", "ſtraße STRASSE K k ss", "👩‍👩‍👧 é e\u0301"]


def golden_text():
    rng = random.Random("texts")
    finds = []
    for pattern in PATTERNS:
        compiled = re.compile(pattern)
        for number, text in enumerate(TEXTS):
            finds.append({"pattern": pattern, "text": number, "found": [list(m) if isinstance(m, tuple) else [m] for m in compiled.findall(text)],
                          "without": compiled.sub("", text)})
    for pattern in WRONG:
        try:
            re.compile(pattern)
        except re.error:
            continue
        raise SystemExit(f"Python accepts {pattern!r}")
    pairs = []
    for _ in range(120):
        references = [sentence(rng, 1, 18) for _ in range(2)]
        pairs.append((rng.choice([altered(rng, references[0]), sentence(rng, 1, 8), ""]) if rng.random() < 0.95 else references[0], references))
    pairs += [("a b c d e f", ["d e f a b c", "f e d c b a"]), ("Pies-kot 3.5,7 a.b -5", ["pies - kot 3.5 , 7 a . b - 5", "x"]), ("&amp;&lt; <skipped>x-\ny 'a'", ["&< xy ' a '", "y"]),
              ("„ŻÓŁW”,…\u00a0İ ß", ["„żółw” , …\u00a0i̇ ss", "Σίσυφος ΣΊΣΥΦΟΣ"]), (" ".join(WORDS * 4), [" ".join(reversed(WORDS * 4)), " ".join(WORDS)]),
              ("x", [" ".join(["y"] * 70), "x"]), (" ".join(["y", "x"] * 60), ["x", "y x"])]
    hypotheses = [p[0] for p in pairs]
    streams = [[p[1][k] for p in pairs] for k in range(2)]
    corpora = []
    for begin, end, used in ((0, len(pairs), 1), (0, len(pairs), 2), (0, 5, 1), (120, 127, 1), (120, 127, 2), (121, 122, 1), (3, 4, 2)):
        hyps, refs = hypotheses[begin:end], [s[begin:end] for s in streams[:used]]
        corpora.append({"begin": begin, "end": end, "references": used, "bleu": sacrebleu.corpus_bleu(hyps, refs).score, "chrf": sacrebleu.corpus_chrf(hyps, refs).score,
                        "chrf++": sacrebleu.corpus_chrf(hyps, refs, word_order=2).score, "ter": sacrebleu.corpus_ter(hyps, refs).score})
    tokenizer = Tokenizer13a()
    numbers = [0.1, 1.0, -0.0, 1e-05, 0.0001, 123456789012345680.0, 1e16, 9999999999999998.0, 1.5e-320, 5e-324, 1.7976931348623157e308, 2 / 3, float("nan"), float("inf"), -float("inf")]
    return {"texts": TEXTS, "finds": finds, "wrong": WRONG, "refused": REFUSED, "pairs": [[h, r] for h, r in pairs], "corpora": corpora,
            "tokens": [tokenizer(h.rstrip()).split() for h in hypotheses],
            "edits": [[translation_edit_rate(h.lower().split(), r.lower().split())[0] for r in refs] for h, refs in pairs],
            "json": {"value": json.dumps([n for n in numbers]), "indented": json.dumps({"a": [], "b": {}, "ź": ["\x00\x1f\x7f\u2028\"\\/\b\f", {"x": [1, True, None, -0.5]}]},
                                                                                       indent=2, ensure_ascii=False)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("tests/golden/scores"))
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    args.output.mkdir(parents=True, exist_ok=True)
    unknown = {m.get("aggregation") for t in TASKS.values() for m in t[3]["metric_list"]} - {None, *AGGREGATIONS} - set(AGGREGATION_REGISTRY.keys())
    if unknown:
        raise SystemExit(f"unknown aggregations {unknown}")
    for name, content in (("tasks", golden_tasks()), ("run", golden_run()), ("text", golden_text())):
        text = json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":"))
        text = text.replace('},"', '},\n"') if name != "text" else text.replace('},{"pattern"', '},\n{"pattern"')
        (args.output / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
