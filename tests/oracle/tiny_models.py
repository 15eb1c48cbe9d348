#!/usr/bin/env python3
"""Golden logits of tiny random models, from transformers in float32.

    tests/oracle/tiny_models.py [OUT]        default OUT: tests/golden/models

Writes <name>.json (config, tensor names and shapes, SHA-256 of the weights, token ids) and <name>.f32 (logits,
float32 [ids, vocab]). Weights follow the rule in tests/support/tiny_model.h, which makes the same ones in C++:
element i of a tensor comes from the i-th output of splitmix64 seeded with fnv1a64 of the tensor's name.

Needs torch, transformers and numpy. Same versions give the same bytes; others differ in the last digits.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import torch
import transformers

IDS = 40
COMMON = {
    "hidden_size": 48,
    "intermediate_size": 80,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 96,
    "max_position_embeddings": 256,
    "hidden_act": "silu",
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
# Both generations of configs on purpose: rope_theta beside rope_scaling, and the rope_parameters of transformers 5.
MODELS = {
    "llama": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": True,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "rope_scaling": LLAMA3,
    },
    "llama-linear": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "mlp_bias": True,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0},
    },
    "mistral": {
        "architectures": ["MistralForCausalLM"],
        "model_type": "mistral",
        "head_dim": 16,
        "num_key_value_heads": 1,
        "sliding_window": None,
        "rope_theta": 1000000.0,
        "tie_word_embeddings": False,
    },
    "qwen2": {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "num_hidden_layers": 3,
        "tie_word_embeddings": True,
        "use_sliding_window": False,
        "sliding_window": 32,
        "max_window_layers": 1,
        "rope_theta": 1000000.0,
    },
    "qwen3": {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "num_hidden_layers": 3,
        "head_dim": 20,
        "tie_word_embeddings": False,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    },
}


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def splitmix64(seed, count):
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def tensor_values(name, shape):
    top = (splitmix64(fnv1a64(name), int(np.prod(shape))) >> np.uint64(56)).astype(np.uint8)
    signed = top.view(np.int8).astype(np.int32)
    if name.endswith("norm.weight"):
        values = 1 + (signed >> 2) / 128
    elif name.endswith(".bias"):
        values = signed / 256
    else:
        values = signed / 512
    return values.astype(np.float32).reshape(shape)


def build(config):
    """The model with its weights, and [(name, shape)] as save_pretrained would write them."""
    options = {key: value for key, value in config.items() if key != "model_type"}
    parsed = transformers.AutoConfig.for_model(config["model_type"], **json.loads(json.dumps(options)))
    parsed._attn_implementation = "eager"
    model = transformers.AutoModelForCausalLM.from_config(parsed, dtype=torch.float32).eval()
    tensors = []
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # a tied head is listed once, as the embedding
            shape = list(parameter.shape)
            parameter.copy_(torch.from_numpy(tensor_values(name, shape)))
            tensors.append([name, shape])
    return model, tensors


def token_ids(name, vocab):
    return [int(value % vocab) for value in splitmix64(fnv1a64("ids of " + name), IDS).tolist()]


def write_golden(name, config, out):
    model, tensors = build(config)
    ids = token_ids(name, config["vocab_size"])
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].numpy().astype("<f4")
    digest = hashlib.sha256()
    for tensor, shape in tensors:
        digest.update(tensor_values(tensor, shape).astype("<f4").tobytes())
    golden = {
        "config": config,
        "ids": ids,
        "tensors": tensors,
        "weights_sha256": digest.hexdigest(),
        "made_with": {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0]},
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()]
    (out / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    (out / f"{name}.f32").write_bytes(logits.tobytes())
    print(f"{name}: {logits.shape[0]} x {logits.shape[1]} logits, deviation {logits.std():.3f}")


def main():
    root = pathlib.Path(__file__).resolve().parents[1]
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "golden" / "models"
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, members in MODELS.items():
        write_golden(name, {**COMMON, **members}, out)


if __name__ == "__main__":
    main()
