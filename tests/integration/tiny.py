"""A checkpoint of 38 thousand weights and its tokenizer, written with struct and json, and what they must answer.

In the model as made here attention and MLP add nothing (o_proj and down_proj are zero), so that the logits after a token
follow from that token alone: head . rms_norm(embedding). That is worked out below in plain Python.
"""
import copy
import functools
import json
import math
import random
import struct

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 32, 64, 2, 4, 2, 8, 300
EPS = 1e-5
UNK, BOS, EOS = 0, 1, 2
CONFIG = {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": HIDDEN,
    "intermediate_size": INTERMEDIATE, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "num_key_value_heads": KV_HEADS, "head_dim": HEAD_DIM, "vocab_size": VOCAB, "rms_norm_eps": EPS,
    "rope_theta": 10000.0, "max_position_embeddings": 256, "hidden_act": "silu", "sliding_window": None,
    "tie_word_embeddings": False, "bos_token_id": BOS, "eos_token_id": EOS, "torch_dtype": "bfloat16",
}
_CHARACTERS = "▁" + "abcdefghijklmnopqrstuvwxyz" + "ąćęłńóśźż"
_MERGES = [("k", "o"), ("ko", "t"), ("▁", "kot"), ("m", "a"), ("▁", "ma")]


def to_bf16(values):
    """Bytes of bfloat16, by cutting; the model's weights are such numbers already"""
    return b"".join(struct.pack("<f", value)[2:] for value in values)


def _weights(generator, count, scale):
    """Numbers that bfloat16 holds exactly: multiples of scale / 64, of at most 7 bits"""
    return [generator.randint(-64, 64) / 64 * scale for _ in range(count)]


def safetensors(tensors, header=None):
    """The bytes of a file with `tensors` {name: (dtype, shape, bytes)}; `header` replaces the JSON text"""
    entries, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = header if header is not None else json.dumps(entries)
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data + b"".join(data for _, _, data in tensors.values())


def _shapes():
    shapes = {"model.embed_tokens": (VOCAB, HIDDEN), "model.norm": (HIDDEN,), "lm_head": (VOCAB, HIDDEN)}
    for i in range(LAYERS):
        layer = f"model.layers.{i}"
        shapes |= {f"{layer}.input_layernorm": (HIDDEN,), f"{layer}.post_attention_layernorm": (HIDDEN,),
                   f"{layer}.self_attn.q_proj": (HEADS * HEAD_DIM, HIDDEN),
                   f"{layer}.self_attn.k_proj": (KV_HEADS * HEAD_DIM, HIDDEN),
                   f"{layer}.self_attn.v_proj": (KV_HEADS * HEAD_DIM, HIDDEN),
                   f"{layer}.self_attn.o_proj": (HIDDEN, HEADS * HEAD_DIM),
                   f"{layer}.mlp.gate_proj": (INTERMEDIATE, HIDDEN), f"{layer}.mlp.up_proj": (INTERMEDIATE, HIDDEN),
                   f"{layer}.mlp.down_proj": (HIDDEN, INTERMEDIATE)}
    return shapes


@functools.cache
def values():
    """{module: numbers of its weight}"""
    generator = random.Random(20)
    result = {}
    for module, shape in _shapes().items():
        count = math.prod(shape)
        if module.endswith("norm"):
            result[module] = [1.0] * count
        elif module.endswith(("o_proj", "down_proj")):
            result[module] = [0.0] * count
        else:
            result[module] = _weights(generator, count, 0.5)
    # After "kot" the model ends the text: the head's row of </s> looks like that token's embedding.
    embedding, kot = result["model.embed_tokens"], token_id("▁kot")
    row = embedding[kot * HIDDEN:(kot + 1) * HIDDEN]
    result["lm_head"][EOS * HIDDEN:(EOS + 1) * HIDDEN] = [2 * value for value in row]
    return result


@functools.cache
def _tensors():
    return {f"{module}.weight": ("BF16", shape, to_bf16(values()[module])) for module, shape in _shapes().items()}


def tensors():
    """{name: (dtype, shape, bytes)}, to be changed at will"""
    return dict(_tensors())


def mixing_tensors():
    """The same with attention and MLP at work, so that logits depend on the context"""
    result = tensors()
    generator = random.Random(21)
    for name, (dtype, shape, _) in _tensors().items():
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            result[name] = (dtype, shape, to_bf16(_weights(generator, math.prod(shape), 0.5)))
    return result


@functools.cache
def _vocabulary():
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + list(_CHARACTERS)
    tokens += [left + right for left, right in _MERGES]
    assert len(tokens) == VOCAB
    return {token: index for index, token in enumerate(tokens)}


def token_id(token):
    return _vocabulary()[token]


def tokenizer():
    """tokenizer.json as an object, to be changed at will"""
    added = [{"id": i, "content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, text in enumerate(["<unk>", "<s>", "</s>"])]
    bos, text = {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}
    return copy.deepcopy({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [bos, text],
                           "pair": [bos, text, bos, {"Sequence": {"id": "B", "type_id": 1}}],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": _vocabulary(), "merges": [" ".join(pair) for pair in _MERGES]},
    })


def encode(text):
    """Ids of a text without special tokens in it: characters or their bytes, then the merges in their order"""
    vocabulary, parts = _vocabulary(), []
    for character in "▁" + text.replace(" ", "▁"):
        parts += [character] if character in vocabulary else [f"<0x{byte:02X}>" for byte in character.encode()]
    for left, right in _MERGES:  # no merge makes a part of an earlier one here, so that one pass each is enough
        at = 0
        while at + 1 < len(parts):
            if (parts[at], parts[at + 1]) == (left, right):
                parts[at:at + 2] = [left + right]
            at += 1
    return [vocabulary[part] for part in parts]


@functools.cache
def logits_after(token):
    embedding, head = values()["model.embed_tokens"], values()["lm_head"]
    row = embedding[token * HIDDEN:(token + 1) * HIDDEN]
    scale = 1 / math.sqrt(math.fsum(x * x for x in row) / HIDDEN + EPS)
    return [math.fsum(head[i * HIDDEN + k] * row[k] for k in range(HIDDEN)) * scale for i in range(VOCAB)]


def nll(token, following):
    """Nats of `following` after `token`"""
    logits = logits_after(token)
    top = max(logits)
    return top + math.log(math.fsum(math.exp(x - top) for x in logits)) - logits[following]


def greedy(token):
    logits = logits_after(token)
    return logits.index(max(logits))


def write(folder, config=None, weights=None, tokenizer_json=None):
    """A model folder; each part may be given as object, text or bytes. Returns the folder."""
    def as_bytes(part):
        if isinstance(part, bytes):
            return part
        return (part if isinstance(part, str) else json.dumps(part, ensure_ascii=False)).encode()

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_bytes(as_bytes(CONFIG if config is None else config))
    (folder / "tokenizer.json").write_bytes(as_bytes(tokenizer() if tokenizer_json is None else tokenizer_json))
    if not isinstance(weights, bytes):
        weights = safetensors(tensors() if weights is None else weights)
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def write_sharded(folder, changed_map=None):
    """The model in two shards with an index; `changed_map` {tensor: shard name} overrides entries of weight_map"""
    write(folder)
    (folder / "model.safetensors").unlink()
    names, half = list(_tensors()), len(_tensors()) // 2
    weight_map = {}
    for number, part in enumerate((names[:half], names[half:]), 1):
        shard = f"model-0000{number}-of-00002.safetensors"
        (folder / shard).write_bytes(safetensors({name: _tensors()[name] for name in part}))
        weight_map |= dict.fromkeys(part, shard)
    index = {"metadata": {}, "weight_map": weight_map | (changed_map or {})}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
