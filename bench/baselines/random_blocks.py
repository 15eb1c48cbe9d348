#!/usr/bin/env python3
"""Writes a GGUF file again with random blocks of another type in its layers, for timing: speed does not depend on the values.

  bench/baselines/random_blocks.py IN.gguf OUT.gguf [--type IQ2_XXS]

Metadata, vocabulary, embedding, head and norms stay as they are in IN. Every bit pattern of a type is a value but for its F16
scales, which are at the beginning of a block (`d`) in the types taken here; they become small finite numbers.
"""
import argparse

import gguf
import numpy

TYPES = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "Q8_0", "Q4_0", "IQ4_NL")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--type", choices=TYPES, default=TYPES[0])
    options = parser.parse_args()
    kind = gguf.GGMLQuantizationType[options.type]
    weights, size = gguf.GGML_QUANT_SIZES[kind]
    reader = gguf.GGUFReader(options.source)
    writer = gguf.GGUFWriter(options.out, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], inner)
    random = numpy.random.default_rng(1)
    for tensor in reader.tensors:
        if len(tensor.shape) == 1 or not tensor.name.startswith("blk."):
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        columns, rows = (int(n) for n in tensor.shape)
        blocks = random.integers(0, 256, (rows, columns // weights, size), numpy.uint8)
        blocks[:, :, :2] = numpy.frombuffer(numpy.float16(1e-3).tobytes(), numpy.uint8)
        writer.add_tensor(tensor.name, blocks.reshape(rows, -1), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
