#!/usr/bin/env python3
"""Writes a model folder of any shape with random weights and orlik's tokenizer: for timing and for memory tests.

  tools/make_random_model.py OUT --layers 12 --hidden 1024 --intermediate 2816 --heads 16 --kv-heads 4
  tools/make_random_model.py OUT --shape 1b

--shape 1b: Llama 3.2 1B's 16 layers of 2048 and 8192 with 32/8 heads of 64; a vocabulary of 32000, and an untied head. Ids that
orlik's tokenizer lacks are named <unused4096> and so on.

Weights are bfloat16 of both signs between 1/128 and 1/32, the same for the same shape and seed; norms are 1. The model says
nothing sensible; every number in it is finite and every activation stays so.
"""
import argparse
import json
import pathlib
import random
import shutil
import struct

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIGN_AND_EXPONENT = bytes(0x3C | (byte & 0x80) for byte in range(256))  # of +-[1/128, 1/32) in bfloat16


SHAPES = {"1b": {"layers": 16, "hidden": 2048, "intermediate": 8192, "heads": 32, "kv_heads": 8, "head_dim": 64,
                 "vocab": 32000}}


def weights(generator, count):
    """Bytes of `count` random bfloat16"""
    data = bytearray(2 * count)
    data[0::2] = generator.randbytes(count)  # last bit of the exponent, mantissa
    data[1::2] = generator.randbytes(count).translate(SIGN_AND_EXPONENT)
    return bytes(data)


def shapes(options):
    """name -> shape, file by file: the rest first, then one file per layer"""
    head_dim = options.head_dim or options.hidden // options.heads
    files = [{"model.embed_tokens.weight": (options.vocab, options.hidden), "model.norm.weight": (options.hidden,),
              "lm_head.weight": (options.vocab, options.hidden)}]
    for i in range(options.layers):
        layer = f"model.layers.{i}"
        files.append({
            f"{layer}.input_layernorm.weight": (options.hidden,),
            f"{layer}.self_attn.q_proj.weight": (options.heads * head_dim, options.hidden),
            f"{layer}.self_attn.k_proj.weight": (options.kv_heads * head_dim, options.hidden),
            f"{layer}.self_attn.v_proj.weight": (options.kv_heads * head_dim, options.hidden),
            f"{layer}.self_attn.o_proj.weight": (options.hidden, options.heads * head_dim),
            f"{layer}.post_attention_layernorm.weight": (options.hidden,),
            f"{layer}.mlp.gate_proj.weight": (options.intermediate, options.hidden),
            f"{layer}.mlp.up_proj.weight": (options.intermediate, options.hidden),
            f"{layer}.mlp.down_proj.weight": (options.hidden, options.intermediate)})
    return files


def write_file(path, tensors, generator):
    header, at = {}, 0
    for name, shape in tensors.items():
        size = 2
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape in tensors.values():
            if len(shape) == 1:
                file.write(struct.pack("<H", 0x3F80) * shape[0])
                continue
            for _ in range(shape[0]):
                file.write(weights(generator, shape[1]))
    return at


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--shape", choices=SHAPES, help="a known shape, in place of the numbers below")
    for name, value in (("layers", 12), ("hidden", 1024), ("intermediate", 2816), ("heads", 16), ("kv-heads", 4),
                        ("head-dim", 0), ("vocab", 4096), ("positions", 4096), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    vars(options).update(SHAPES.get(options.shape, {}))
    options.out.mkdir(parents=True)
    generator = random.Random(options.seed)
    files = shapes(options)
    index, total = {}, 0
    for number, tensors in enumerate(files, 1):
        name = f"model-{number:05}-of-{len(files):05}.safetensors"
        total += write_file(options.out / name, tensors, generator)
        index |= {tensor: name for tensor in tensors}
    config = json.loads((ROOT / "models/orlik/config.json").read_text())
    config |= {"hidden_size": options.hidden, "intermediate_size": options.intermediate,
               "num_hidden_layers": options.layers, "num_attention_heads": options.heads,
               "num_key_value_heads": options.kv_heads, "head_dim": options.head_dim or options.hidden // options.heads,
               "vocab_size": options.vocab, "max_position_embeddings": options.positions,
               "tie_word_embeddings": False}
    (options.out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (options.out / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=2) + "\n")
    tokenizer = json.loads((ROOT / "models/orlik/tokenizer.json").read_text())
    known = tokenizer["model"]["vocab"]
    known |= {f"<unused{i}>": i for i in range(len(known), options.vocab)}
    (options.out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    shutil.copyfile(ROOT / "models/orlik/tokenizer_config.json", options.out / "tokenizer_config.json")


if __name__ == "__main__":
    main()
