"""A study of the tiny model, small enough to run in seconds, and what of its folder must be the same for every run."""
import hashlib
import json
import pathlib

import tiny

TASK = """task: words
dataset_path: words
test_split: test
output_type: multiple_choice
doc_to_text: "{{q}}"
doc_to_choice: [ma, kot, dom]
doc_to_target: gold
metric_list: [{metric: acc}, {metric: acc_norm}]
"""
GENERATION = """task: words_gen
dataset_path: words
test_split: test
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "{{ 'kot' }}"
generation_kwargs: {until: ["x"], max_gen_toks: 3}
metric_list: [{metric: chrf}]
"""
TEXT = "kot ma kota i dom, a pies ma las. zażółć gęślą jaźń, rok po roku mija czas. " * 12
STUDY = """title = "Which?"
model = "model"
[corpus]
calibration = "a.txt"
heldout = "a.txt"
[calibrate]
sequences = 6
length = 32
[perplexity]
window = 32
limit = 4
[eval]
tasks = ["words", "words_gen"]
include = "tasks"
datasets = "data"
[methods]
rtn = { set = { group = 32 } }
gptq = { set = { group = 32 } }
"""
STEPS = ["calibrate", "perplexity:base", "eval:base", "quantize:rtn", "perplexity:rtn", "eval:rtn", "quantize:gptq",
         "perplexity:gptq", "eval:gptq", "report"]
# Times, and what is for one machine: never the same twice.
UNLIKE = {"journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", ".study.lock", "dwubit-run.json", "report.html",
          "report.md", "report.json"}


def write(folder, text=STUDY):
    """The study file in `folder`, and everything that it names"""
    folder = pathlib.Path(folder)
    tiny.write(folder / "model", weights=tiny.mixing_tensors())
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "data/words").mkdir(parents=True, exist_ok=True)
    (folder / "a.txt").write_text(TEXT)
    (folder / "tasks/words.yaml").write_text(TASK)
    (folder / "tasks/words_gen.yaml").write_text(GENERATION)
    words = ["kot", "ma", "dom", "las", "rok"]
    documents = [{"q": " ".join(words[(i + k) % 5] for k in range(1 + i % 3)), "gold": i % 3} for i in range(12)]
    (folder / "data/words/test.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    path = folder / "study.toml"
    path.write_text(text)
    return path


def content(folder):
    """{path: SHA-256} of what must be the same bytes for every run of a study"""
    folder = pathlib.Path(folder)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in UNLIKE}
