#!/usr/bin/env python3
"""Counts the blocks that dwubit and llama.cpp's quantizer write alike, for a file of type IQ2_XXS.

  build/dwubit export MODEL --to gguf --type bf16 -o SOURCE.gguf
  build/dwubit hessians export HESSIANS --to imatrix -o IMATRIX.gguf
  build/dwubit quantize MODEL --method iq2_xxs --set search=reference --hessians HESSIANS -o OUT
  build/dwubit export OUT --to gguf -o OURS.gguf
  bench/baselines/llama_cpp_blocks.py SOURCE.gguf IMATRIX.gguf OURS.gguf THEIRS.gguf

THEIRS.gguf is written by llama.cpp from SOURCE and IMATRIX. Exits with 1 below --least of identical blocks.
"""
import argparse
import ctypes
import sys

import gguf
import llama_cpp
import numpy

SUMS = ".in_sum2"


def importance(path):
    """name of a weight -> mean squares of its inputs"""
    tensors = {tensor.name: tensor.data.ravel() for tensor in gguf.GGUFReader(path).tensors}
    return {name[:-len(SUMS)]: (sums / numpy.float32(tensors[name[:-len(SUMS)] + ".counts"][0])).astype(numpy.float32)
            for name, sums in tensors.items() if name.endswith(SUMS)}


def quantize(source, means, out):
    entries = (llama_cpp.llama_model_imatrix_data * (len(means) + 1))()  # the last one is empty
    for entry, (name, values) in zip(entries, means.items()):
        entry.name = name.encode()
        entry.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        entry.size = values.size
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_IQ2_XXS
    params.imatrix = entries
    if llama_cpp.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params)) != 0:
        raise SystemExit(f"llama.cpp cannot make {out}")


def blocks_of(tensor):
    size = gguf.GGML_QUANT_SIZES[tensor.tensor_type][1]
    return numpy.ascontiguousarray(tensor.data).view(numpy.uint8).reshape(-1, size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("imatrix")
    parser.add_argument("ours")
    parser.add_argument("theirs")
    parser.add_argument("--least", type=float, default=0.999)
    options = parser.parse_args()
    quantize(options.source, importance(options.imatrix), options.theirs)
    ours, theirs = ({tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors} for path in (options.ours, options.theirs))
    if {name: tensor.tensor_type for name, tensor in ours.items()} != {name: tensor.tensor_type for name, tensor in theirs.items()}:
        raise SystemExit("tensors or their types differ")
    total = same = 0
    for name, tensor in theirs.items():
        alike = (blocks_of(tensor) == blocks_of(ours[name])).all(1)
        total += alike.size
        same += int(alike.sum())
    size = [sum(int(tensor.n_bytes) for tensor in file.values()) for file in (ours, theirs)]
    print(f"{same} of {total} blocks identical, tensor bytes {size[0]} and {size[1]}")
    sys.exit(0 if same >= options.least * total and size[0] == size[1] else 1)


if __name__ == "__main__":
    main()
