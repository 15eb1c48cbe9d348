#!/usr/bin/env python3
"""Perplexity of a GGUF file by dwubit and by llama.cpp, on the same token ids and windows; token ids by both.

  bench/baselines/llama_cpp_perplexity.py FILE.gguf --data TEXT.jsonl [--window 512] [--limit 16] [--model MODEL]

Prints one JSON object. Exit code 1 where the two perplexities differ by more than 0.5 %. With --model dwubit reads that model instead
(the one that FILE.gguf was exported from) and llama.cpp the file.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys

import llama_cpp
import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def dwubit(options, *arguments):
    done = subprocess.run([options.dwubit, *map(str, arguments), "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def texts_of(path):
    if path.suffix == ".txt":
        return [path.read_text()]
    return [json.loads(line)["text"] for line in path.read_text().splitlines() if line]


def nll_of(model, ids, window, limit):
    """Sum of negative log-likelihoods and their number: windows tile the stream, and each predicts the token after its last (carry)"""
    total, count = 0.0, 0
    for first in list(range(0, len(ids) - 1, window))[:limit]:
        inputs = ids[first:first + window]
        targets = ids[first + 1:first + window + 1]
        model.reset()
        model.eval(inputs)
        logits = numpy.array(model.scores[:len(targets)], dtype=numpy.float64)
        top = logits.max(axis=1)
        norm = top + numpy.log(numpy.exp(logits - top[:, None]).sum(axis=1))
        total += float((norm - logits[numpy.arange(len(targets)), targets]).sum())
        count += len(targets)
    return total, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--model", help="what dwubit reads; default: the file")
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--limit", type=int, default=16, help="windows")
    parser.add_argument("--act", default="f32")
    parser.add_argument("--dwubit", default=str(ROOT / "build/dev/dwubit"))
    parser.add_argument("-t", "--threads", type=int, default=2)
    options = parser.parse_args()
    ours = dwubit(options, "perplexity", options.model or options.file, "--data", options.data, "--window", options.window, "--limit",
                  options.limit, "--act", options.act, "-t", options.threads)
    documents = dwubit(options, "tokenize", options.model or options.file, "--data", options.data)["documents"]
    end = [] if ours["doc_end"] is None else [ours["doc_end"]]
    ids = [id_ for document in documents for id_ in [*document, *end]]

    model = llama_cpp.Llama(model_path=options.file, n_ctx=options.window, n_batch=options.window, n_ubatch=options.window,
                            logits_all=True, type_k=0, type_v=0, n_threads=options.threads, n_threads_batch=options.threads, verbose=False)
    total, count = nll_of(model, ids, options.window, options.limit)
    theirs = math.exp(total / count)
    texts = texts_of(options.data)
    same = sum(model.tokenize(text.encode(), add_bos=True, special=True) == document for text, document in zip(texts, documents))
    ratio = ours["perplexity"] / theirs
    print(json.dumps({"file": options.file, "dwubit": ours["perplexity"], "llama.cpp": theirs, "ratio": ratio,
                      "predictions": [ours["predictions"], count], "documents_of_same_ids": [same, len(texts)]}))
    sys.exit(0 if abs(ratio - 1) <= 0.005 and ours["predictions"] == count else 1)


if __name__ == "__main__":
    main()
