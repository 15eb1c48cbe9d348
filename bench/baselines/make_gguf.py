#!/usr/bin/env python3
"""Writes a model folder of bfloat16 weights as a GGUF file of float16, and its quantized twin by llama.cpp's own quantizer.

  bench/baselines/make_gguf.py MODEL OUT [--type Q2_K]

OUT/f16.gguf and OUT/<type>.gguf. For timing only: rows of q and k keep the order of Hugging Face, and there is no vocabulary.
"""
import argparse
import json
import pathlib
import struct

import gguf
import llama_cpp
import numpy

NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}


def tensors(folder):
    """name, float32 values of every tensor"""
    index = folder / "model.safetensors.index.json"
    names = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.exists() else ["model.safetensors"]
    for name in names:
        data = numpy.memmap(folder / name, numpy.uint8, "r")
        size = struct.unpack("<Q", data[:8].tobytes())[0]
        for tensor, entry in json.loads(data[8:8 + size].tobytes()).items():
            if tensor == "__metadata__":
                continue
            if entry["dtype"] != "BF16":
                raise SystemExit(f"{tensor} is {entry['dtype']}, not BF16")
            begin, end = (8 + size + at for at in entry["data_offsets"])
            bits = data[begin:end].view(numpy.uint16).astype(numpy.uint32) << 16
            yield tensor, bits.view(numpy.float32).reshape(entry["shape"])


def gguf_name(name):
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def write(folder, path):
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config.get("rope_theta", 10000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for name, values in tensors(folder):
        writer.add_tensor(gguf_name(name), values if values.ndim == 1 else values.astype(numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--type", default="Q2_K")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plain, quantized = options.out / "f16.gguf", options.out / f"{options.type}.gguf"
    write(options.model, plain)
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{options.type}")
    if llama_cpp.llama_model_quantize(str(plain).encode(), str(quantized).encode(), params) != 0:
        raise SystemExit(f"llama.cpp cannot make {quantized}")


if __name__ == "__main__":
    main()
