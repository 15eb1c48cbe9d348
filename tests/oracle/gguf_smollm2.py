#!/usr/bin/env python3
"""Token ids and negative log-likelihood by llama.cpp of data/smollm2 (make data-smollm2) on a text of our own.

llama.cpp multiplies Q4_1 with activations rounded to 8 bits. So that only the reading of the file is compared, its weights are
first dequantized to F32 by the gguf package. Writes tests/golden/gguf/smollm2.json.
"""
import json
import pathlib
import sys
import tempfile

import gguf
import llama_cpp
import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = ROOT / "data/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TEXT = """A heron stood in the shallow water near the old mill. It had been there since 6:45, and it did not move.
The miller's daughter watched it from the window; she couldn't say why, but she counted: 1, 2, 3 ... 27 minutes.

"It's fishing," said her brother. "They wait until a fish forgets that they're there."
Then the bird struck - once - and flew over the dam with something silver in its beak.
Zażółć gęślą jaźń: that is what Polish typists write where English ones let a quick brown fox jump.
"""


def dequantized(path):
    """The file with F32 weights"""
    reader = gguf.GGUFReader(FILE)
    writer = gguf.GGUFWriter(path, "llama")
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type", "general.quantization_version"):
            continue
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, gguf.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    if not FILE.exists():
        print(f"{FILE} is not there: make data-smollm2 fetches it; its golden file stays as it is", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "f32.gguf"
        dequantized(path)
        model = llama_cpp.Llama(model_path=str(path), n_ctx=512, n_batch=512, n_ubatch=512, logits_all=True, type_k=0, type_v=0,
                                verbose=False)
        ids = model.tokenize(TEXT.encode(), add_bos=True, special=True)
        model.eval(ids)
        logits = numpy.array(model.scores[:len(ids) - 1], dtype=numpy.float64)
    top = logits.max(axis=1)
    norm = top + numpy.log(numpy.exp(logits - top[:, None]).sum(axis=1))
    nll = float((norm - logits[numpy.arange(len(ids) - 1), ids[1:]]).mean())
    answer = {"llama.cpp": llama_cpp.__version__, "text": TEXT, "ids": ids, "nll": nll}
    (ROOT / "tests/golden/gguf/smollm2.json").write_text(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
