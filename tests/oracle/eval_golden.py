#!/usr/bin/env python3
"""Golden answers of lm-evaluation-harness (transformers backend, float32, CPU) on the tasks of tasks/orlik.

    tests/oracle/eval_golden.py [OUT] [--only NAME]...      default OUT: tests/golden/eval

Stock lm-eval reads the task files through files that include them and override dataset_path and dataset_kwargs alone, so
that it finds the documents in data/orlik. One file per run of RUNS, OUT/<name>.json, no text of a document in it:

    task, num_fewshot, limit, max_length (null: the model's), documents (in the split)
    files           what the documents were read from, with sha256
    results         the harness' object of the task, standard errors included
    higher_is_better
    columns, rows   one row per document. Hashes are the first 16 digits of the harness' own
        multiple choice   loglikelihoods and is_greedy of the choices, the choice of acc and that of acc_norm, acc, acc_norm
        rolling           loglikelihood, words, bytes
        generation        sha256 and length in characters of the answer after filters, the metric's value; null for chrF,
                          which has none per document

OUT/keys.json has the keys of the harness' results file and of its samples' lines. Same versions give the same bytes.
"""

import argparse
import hashlib
import json
import logging
import os
import pathlib
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"
SCRATCH = tempfile.TemporaryDirectory()
os.environ["HF_DATASETS_CACHE"] = SCRATCH.name

import datasets  # noqa: E402
import lm_eval  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from lm_eval.loggers import EvaluationTracker  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "orlik"
MODEL = ROOT / "models" / "orlik"
CHOICE = ["dzialy", "dalej", "slowo", "tlumacz", "para"]
# (task, shots, limit, max_length)
RUNS = [
    *[(f"orlik_{name}", 0, None, None) for name in CHOICE],
    *[(f"orlik_{name}", 3, 60, None) for name in CHOICE],
    ("orlik_dzialy_gen", 0, 40, None),
    ("orlik_tlumacz_gen", 0, 40, None),
    ("orlik_heldout", 0, 40, None),
    # Prompts cut from the left, rolling windows
    ("orlik_dalej", 3, 20, 192),
    ("orlik_tlumacz_gen", 3, 12, 256),
    ("orlik_heldout", 0, 40, 128),
]


def run_name(task, shots, limit, max_length):
    return f"{task}_{shots}shot" + (f"_{max_length}" if max_length else "")


def short_hash(digest):
    return digest[:16]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def data_files(task):
    """{split: file} of a task"""
    name = task.removeprefix("orlik_").removesuffix("_gen")
    if name == "heldout":
        return {"heldout": str(DATA / "heldout.jsonl")}
    return {split: str(DATA / name / f"{split}.jsonl") for split in ("test", "fewshot")}


def rounded(value):
    return round(float(value), 6)


def choice_row(sample):
    pairs = [pair[0] for pair in sample["resps"]]
    lls = np.array([pair[0] for pair in pairs])
    lengths = np.array([float(len(choice)) for choice in sample["doc"]["choices"]])
    return [[rounded(value) for value in lls], [int(pair[1]) for pair in pairs], int(np.argmax(lls)),
            int(np.argmax(lls / lengths)), sample["acc"], sample["acc_norm"]]


def rolling_row(sample):
    loglikelihood, words = sample["word_perplexity"]
    return [rounded(loglikelihood), words, sample["byte_perplexity"][1]]


def generation_row(sample, metric):
    text = sample["filtered_resps"][0]
    value = sample[metric]
    return [sha256(text.encode()), len(text), value if isinstance(value, (int, float)) else None]


KINDS = {
    "multiple_choice": (["loglikelihoods", "is_greedy", "pick", "pick_norm", "acc", "acc_norm"], choice_row),
    "loglikelihood_rolling": (["loglikelihood", "words", "bytes"], rolling_row),
    "generate_until": (["text_sha256", "text_length", "score"], generation_row),
}


def task_manager(folder):
    """Of files that include the repository's and say where the documents are"""
    for file in (ROOT / "tasks" / "orlik").glob("orlik_*.yaml"):
        override = {"include": str(file), "dataset_path": "json", "dataset_kwargs": {"data_files": data_files(file.stem)}}
        (folder / file.name).write_text(json.dumps(override))  # JSON is YAML
    return TaskManager(include_path=str(folder), include_defaults=False)


def evaluate(model, manager, tracker, task, shots, limit):
    return lm_eval.simple_evaluate(model=model, tasks=[task], num_fewshot=shots, batch_size=1, limit=limit,
                                   task_manager=manager, evaluation_tracker=tracker, log_samples=True)


def golden(answer, task, shots, limit, max_length):
    config = answer["configs"][task]
    columns, make_row = KINDS[config["output_type"]]
    extra = [metric["metric"] for metric in config["metric_list"]] if config["output_type"] == "generate_until" else []
    rows = [[sample["doc_id"], *(short_hash(sample[key]) for key in ("prompt_hash", "doc_hash", "target_hash")),
             *make_row(sample, *extra)] for sample in answer["samples"][task]]
    return {
        "task": task, "num_fewshot": shots, "limit": limit, "max_length": max_length,
        "documents": answer["n-samples"][task]["original"],
        "files": {split: sha256(pathlib.Path(file).read_bytes()) for split, file in data_files(task).items()},
        "model_sha256": sha256((MODEL / "model.safetensors").read_bytes()),
        "made_with": {"lm-eval": lm_eval.__version__, "transformers": transformers.__version__,
                      "torch": torch.__version__.split("+")[0], "datasets": datasets.__version__},
        "results": answer["results"][task], "higher_is_better": answer["higher_is_better"][task],
        "columns": ["doc_id", "prompt_hash", "doc_hash", "target_hash", *columns],
    }, rows


def write(path, meta, rows):
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in meta.items()]
    lines.append(' "rows": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n ]")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def file_keys(tracker, answer, output_type, task, keys):
    """Adds the keys of the files that the tracker writes"""
    samples = answer.pop("samples")
    tracker.save_results_aggregated(results=answer, samples=samples)
    tracker.save_results_samples(task_name=task, samples=samples[task])
    folder = pathlib.Path(tracker.output_path)
    results, = folder.rglob("results_*.json")
    lines, = folder.rglob(f"samples_{task}_*.jsonl")
    top = json.loads(results.read_text())
    keys["results"] = sorted(top)
    keys["config"] = sorted(top["config"])
    keys["configs"].update({output_type: sorted(top["configs"][task])})
    keys["samples"][output_type] = sorted(json.loads(lines.read_text().split("\n")[0]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=ROOT / "tests" / "golden" / "eval")
    parser.add_argument("--only", action="append", metavar="NAME", help="this run alone; may be repeated")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    logging.disable(logging.INFO)
    torch.set_num_threads(1)
    task_files = pathlib.Path(SCRATCH.name) / "tasks"
    task_files.mkdir()
    manager = task_manager(task_files)
    keys = {"results": [], "config": [], "configs": {}, "samples": {}}
    models = {}
    for run in RUNS:
        if args.only and run_name(*run) not in args.only:
            continue
        task, shots, limit, max_length = run
        if max_length not in models:
            models[max_length] = HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size=1,
                                      max_length=max_length)
        with tempfile.TemporaryDirectory() as folder:
            tracker = EvaluationTracker(output_path=folder)
            answer = evaluate(models[max_length], manager, tracker, task, shots, limit)
            meta, rows = golden(answer, *run)
            output_type = answer["configs"][task]["output_type"]
            if output_type not in keys["samples"]:
                file_keys(tracker, answer, output_type, task, keys)
        write(args.out / f"{run_name(*run)}.json", meta, rows)
        print(run_name(*run), json.dumps(meta["results"]), flush=True)
    if not args.only:
        (args.out / "keys.json").write_text(json.dumps(keys, indent=1) + "\n")


if __name__ == "__main__":
    main()
