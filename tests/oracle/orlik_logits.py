#!/usr/bin/env python3
"""Golden logits of models/orlik, from transformers in float32 (eager attention), over data/orlik/heldout.jsonl.

    tests/oracle/orlik_logits.py [OUT]        default OUT: tests/golden/orlik

The text becomes one stream of tokens, [1] + ids + [2] per document. Four windows of 512 tokens start at
floor(k * (tokens - 512) / 3), k = 0..3; each is run from position 0. OUT/logits.json has the ids, OUT/logits.f32 is
float32 [2048, 27]. Row t = 512 * window + position:

    columns 0..23   the logits of vocabulary ids (173 * t + 1021 * j) mod 4096, j = 0..23
    column  24      log of the sum of exp over all logits (summed in float64)
    columns 25, 26  the largest logit and its id (the lowest of equal ones)

Needs torch, transformers, tokenizers and numpy. Same versions give the same bytes; others differ in the last digits.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer

WINDOWS = 4
LENGTH = 512
SAMPLED = 24
BOS, EOS = 1, 2
ROOT = pathlib.Path(__file__).resolve().parents[2]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def token_stream(heldout, tokenizer):
    stream = []
    for line in heldout.read_text(encoding="utf-8").rstrip("\n").split("\n"):  # splitlines() also cuts at U+2028
        ids = tokenizer.encode(json.loads(line)["text"], add_special_tokens=False).ids
        stream += [BOS, *ids, EOS]
    return stream


def golden_rows(logits, first_row):
    """[positions, vocab] float32 -> [positions, SAMPLED + 3]; `first_row` is the t of the first position."""
    t = first_row + np.arange(logits.shape[0])
    columns = (173 * t[:, None] + 1021 * np.arange(SAMPLED)[None, :]) % logits.shape[1]
    top = logits.max(axis=1)
    exponentials = np.exp(logits.astype(np.float64) - top[:, None])
    log_sums = top + np.log(exponentials.sum(axis=1))
    sampled = np.take_along_axis(logits, columns, axis=1)
    return np.column_stack([sampled, log_sums, top, logits.argmax(axis=1)]).astype("<f4")


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "golden" / "orlik"
    out.mkdir(parents=True, exist_ok=True)
    folder = ROOT / "models" / "orlik"
    heldout = ROOT / "data" / "orlik" / "heldout.jsonl"

    torch.set_num_threads(1)
    stream = token_stream(heldout, Tokenizer.from_file(str(folder / "tokenizer.json")))
    starts = [k * (len(stream) - LENGTH) // (WINDOWS - 1) for k in range(WINDOWS)]
    windows = [stream[start : start + LENGTH] for start in starts]
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    rows = []
    with torch.no_grad():
        for index, ids in enumerate(windows):
            rows.append(golden_rows(model(torch.tensor([ids])).logits[0].numpy(), index * LENGTH))

    (out / "logits.f32").write_bytes(np.concatenate(rows).tobytes())
    meta = {
        "heldout_sha256": sha256(heldout),
        "model_sha256": sha256(folder / "model.safetensors"),
        "tokens": len(stream),
        "starts": starts,
        "sampled": SAMPLED,
        "made_with": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in meta.items()]
    lines.append(' "windows": [\n  ' + ",\n  ".join(json.dumps(ids) for ids in windows) + "\n ]")
    (out / "logits.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(stream)} tokens, windows at {starts}, logits up to {np.concatenate(rows)[:, 25].max():.3f}")


if __name__ == "__main__":
    main()
