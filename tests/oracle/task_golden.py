#!/usr/bin/env python3
"""What lm-evaluation-harness makes of tests/golden/tasks/yaml: contexts, continuations, targets and few-shot picks.

    tests/oracle/task_golden.py [OUT]       default OUT: tests/golden/tasks

Reads OUT/yaml/*.yaml (tasks and groups of ours) and OUT/data (documents of ours) with the harness' own TaskManager, in
the folder OUT: data_files are relative to it. Writes OUT/requests.json, per task and run of RUNS

    task, num_fewshot, limit        the run
    shots, items                    num_fewshot as resolved; per evaluated document
        doc_id, requests ([context, continuation]; null where there is none), target, choices, gold
    multiple_input, multiple_target

OUT/config.json: per task what TaskConfig resolves (defaults of metrics, filters, generation). OUT/random.json: draws of
CPython's random.Random, and ast.literal_eval of small texts. OUT/functions.json: what functions of the harness' own tasks
make of OUT/data, for src/tasks/functions.inc.
"""
import argparse
import ast
import json
import os
import pathlib
import random
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
SCRATCH = tempfile.TemporaryDirectory()
os.environ["HF_DATASETS_CACHE"] = SCRATCH.name

import datasets  # noqa: E402
from lm_eval.evaluator_utils import get_sample_size  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402
from lm_eval.tasks.hellaswag import utils as hellaswag  # noqa: E402
from lm_eval.tasks.super_glue.copa import utils as copa  # noqa: E402
from lm_eval.tasks.wikitext import preprocess_wikitext as wikitext  # noqa: E402
from lm_eval.tasks.winogrande import preprocess_winogrande as winogrande  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Every task is run as it is; those below also so. (task, num_fewshot, limit)
MORE_RUNS = [
    ("g_choices", 3, None), ("g_choices", 5, 7), ("g_choices", 2, 0.26), ("g_inputs", 2, None), ("g_targets_text", 2, None),
    ("g_same_split", 3, None), ("g_same_split", 1, 4), ("g_validation", 2, None), ("g_first_n", 3, None),
    ("g_first_n_same", 2, None), ("g_zero", 4, None), ("g_generate", 2, None), ("g_prefix", 2, None), ("g_prefix_field", 1, None),
    ("g_shot_fields", 2, None), ("g_loglikelihood", 2, None), ("g_rolling", 0, None), ("g_samples", 1, None),
    ("g_csv", 2, None), ("g_duplicates", 2, None), ("g_mutual", 1, None), ("g_numbers", 1, None), ("g_large", 7, 12),
    ("g_large", 1, None), ("g_empty_target", 2, None), ("g_included", 1, None), ("g_description", 2, None)]
SEEDS = [0, 1, 7, 1234, 2**32 - 1, 2**32, 2**40 + 5, -1234]
LITERALS = [
    "[]", "[1, 2]", "['a', 'b']", "[\"it's\", 'a\"b']", "[1.5, -2, True, None]", "('a', 'b')", "('a')", "('a',)", "'x', 'y'",
    "{'a': [1, {'b': 2}]}", "[ 'a'\n, 'b' ]", "['a' 'b']", "['\\n\\t\\\\ \\x41\\u017c\\U0001F600\\101']", "[r'\\n']",
    "['''a\nb''']", "[1_000, 0x1F, 0o17, 0b101]", "[1e3, .5, 5., 1E-2]", "[+1]", "['ż', 'ó']", "[1,]", "[,]", "[1 2]", "[1", "1]",
    "['a]", "[a]", "[f'x']", "['\\q']", "0", "00", "007", "12", "-7", " 5", "5 ", "[1] # c", "['a'] x", "{}", "{'a' 1}", "[--1]",
    "[1.2.3]", "[1e]", "['\\x4']", "[u'a']", "[True, False]", "[true]", "", "[[1], [2, [3]]]", "9223372036854775807", "[0.1, 1e400]",
    "['a', \"b\" 'c']", "[- 1]", "[1__0]", "[1_]", "('a', ('b', 'c'))"]


def draws():
    runs = []
    for seed in SEEDS:
        rng = random.Random(seed)
        run = {"seed": seed, "words": [rng.getrandbits(32) for _ in range(4)]}
        run["reals"] = [rng.random() for _ in range(3)]
        run["bits"] = [[k, rng.getrandbits(k)] for k in (1, 5, 31, 32, 33, 53, 63)]
        run["below"] = [[n, rng._randbelow(n)] for n in (1, 2, 3, 10, 1 << 20, (1 << 33) + 1)]
        run["samples"] = [[n, k, rng.sample(range(n), k)] for n, k in
                          ((1, 1), (5, 5), (21, 3), (22, 3), (100, 5), (100, 6), (86, 6), (85, 6), (5000, 5), (40001, 5),
                           (300, 20), (1000, 25), (277, 21), (278, 21), (10, 0))]
        run["choices"] = [[n, rng.choices(range(n), k=6)] for n in (1, 3, 1000)]
        run["weighted"] = [[w, rng.choices(range(len(w)), w, k=8)] for w in ([1, 2, 3], [0.5, 0, 0.25], [0, 0, 1])]
        shuffled = list(range(12))
        rng.shuffle(shuffled)
        run["shuffled"] = shuffled
        runs.append(run)
    return runs


def literals():
    answers = []
    for text in LITERALS:
        try:
            value = json.loads(json.dumps(ast.literal_eval(text), allow_nan=True))
            answers.append([text, True, "inf" if "1e400" in text else value])
        except (SyntaxError, ValueError):
            answers.append([text, False, None])
    return answers


def plain(value):
    """As JSON; a tuple of choices is a list"""
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


def run(task, name, num_fewshot, limit):
    # As lm_eval.evaluator does
    if num_fewshot is not None:
        if task.config.num_fewshot != 0:
            task.set_config("num_fewshot", num_fewshot)
    elif task.config.num_fewshot is None:
        task.set_config("num_fewshot", 0)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=get_sample_size(task, limit))
    items = {}
    for instance in task.instances:
        item = items.setdefault(instance.doc_id, {"doc_id": instance.doc_id, "requests": []})
        arguments = instance.args
        generates = task.OUTPUT_TYPE == "generate_until"
        item["requests"].append([arguments[0], None if generates or len(arguments) < 2 else arguments[1]])
        item["target"] = plain(task.doc_to_target(instance.doc))
        if task.config.doc_to_choice is not None:
            item["choices"] = plain(task.doc_to_choice(instance.doc))
        if task.multiple_input:
            item["gold"] = task.doc_to_text(instance.doc)
    return {"task": name, "num_fewshot": num_fewshot, "limit": limit, "shots": task.config.num_fewshot,
            "documents": len(task.eval_docs), "multiple_input": bool(task.multiple_input),
            "multiple_target": bool(task.multiple_target), "items": list(items.values())}


def config(task):
    cfg = task.config
    return {"output_type": cfg.output_type, "generation_kwargs": cfg.generation_kwargs,
            "metrics": list(task._metric_fn_list), "filters": [each.name for each in task._filters],
            "repeats": cfg.repeats, "target_delimiter": cfg.target_delimiter, "fewshot_delimiter": cfg.fewshot_delimiter,
            "sampler": cfg.fewshot_config.sampler, "fewshot_split": cfg.fewshot_config.split,
            "description": cfg.description, "num_fewshot": cfg.num_fewshot}


def functions():
    def each(file, function):
        lines = pathlib.Path("data", file).read_text().splitlines()
        return [[doc, function(doc)] for doc in map(json.loads, lines)]

    def processed(doc):
        return hellaswag.process_docs(datasets.Dataset.from_list([doc]))[0]

    def counts(doc):
        answer = wikitext.process_results(doc, (0.0,))
        return [answer["word_perplexity"][1], answer["byte_perplexity"][1]]

    return {"hellaswag.process_docs": each("hellaswag.jsonl", processed),
            "wikitext.wikitext_detokenizer": each("pages.jsonl", wikitext.wikitext_detokenizer),
            "wikitext.process_results": each("pages.jsonl", counts),
            **{f"{name}.{function}": each(f"{name}.jsonl", getattr(module, function))
               for name, module in (("winogrande", winogrande), ("copa", copa))
               for function in ("doc_to_text", "doc_to_target", "doc_to_choice")}}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", nargs="?", type=pathlib.Path, default=ROOT / "tests" / "golden" / "tasks")
    out = arguments.parse_args().out.resolve()
    os.chdir(out)
    datasets.disable_progress_bars()

    def manager():
        return TaskManager(include_path=str(out / "yaml"), include_defaults=False)

    index = manager()
    names = index.all_subtasks
    configs = {name: config(index.load(name)["tasks"][name]) for name in names}
    runs = []
    for name, shots, limit in [(name, None, None) for name in names] + MORE_RUNS:
        runs.append(run(manager().load(name)["tasks"][name], name, shots, limit))
    groups = {}
    for group in index.all_groups:
        loaded = manager().load(group)
        groups[group] = {
            "group_map": loaded["group_map"], "tasks": list(loaded["tasks"]),
            "keys": {name: {"description": task.config.description, "num_fewshot": task.config.num_fewshot}
                     for name, task in loaded["tasks"].items()}}
    tags = {tag: list(manager().load(tag)["tasks"]) for tag in index.all_tags}

    def write(name, value):
        (out / name).write_text(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")

    write("requests.json", runs)
    write("config.json", {"tasks": configs, "groups": groups, "tags": tags})
    write("functions.json", functions())
    write("random.json", {"random": draws(), "literals": literals()})


if __name__ == "__main__":
    main()
