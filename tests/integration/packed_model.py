"""Small models in a packed format with transforms and fused modules, and their dense twins, in plain Python."""
import json
import random
import struct

import e8p
import hadamard
import tiny


class Sizes:
    """Of a model that tiny makes; sizes without a symmetric Hadamard matrix by default"""

    def __init__(self, hidden=48, intermediate=80, heads=4, kv_heads=2):
        self.hidden, self.intermediate, self.heads, self.kv_heads = hidden, intermediate, heads, kv_heads
        self.head_dim = hidden // heads

    def config(self):
        return tiny.CONFIG | {"hidden_size": self.hidden, "intermediate_size": self.intermediate,
                              "num_attention_heads": self.heads, "num_key_value_heads": self.kv_heads,
                              "head_dim": self.head_dim, "architectures": ["LlamaForCausalLM"], "model_type": "llama"}

    def linears(self, layer):
        """{leaf: (module, out, in)}"""
        attention, mlp = f"model.layers.{layer}.self_attn.", f"model.layers.{layer}.mlp."
        kv = self.kv_heads * self.head_dim
        return {"q_proj": (attention + "q_proj", self.hidden, self.hidden),
                "k_proj": (attention + "k_proj", kv, self.hidden), "v_proj": (attention + "v_proj", kv, self.hidden),
                "o_proj": (attention + "o_proj", self.hidden, self.hidden),
                "gate_proj": (mlp + "gate_proj", self.intermediate, self.hidden),
                "up_proj": (mlp + "up_proj", self.intermediate, self.hidden),
                "down_proj": (mlp + "down_proj", self.hidden, self.intermediate)}


FUSED = {"qkv_proj": ["q_proj", "k_proj", "v_proj"], "o_proj": ["o_proj"], "upgate_proj": ["up_proj", "gate_proj"],
         "down_proj": ["down_proj"]}
UNFUSED = {leaf: [leaf] for leaf in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")}


def dense_matrix(values, t_in, t_out):
    """W = T_outT W' T_in; transforms as arguments of hadamard.rht()"""
    if t_in is not None:
        values = hadamard.multiply(values, hadamard.rht(*t_in))
    if t_out is not None:
        values = hadamard.multiply(hadamard.transpose(hadamard.rht(*t_out)), values)
    return values


def signs(generator, n, sign):
    """Factors of a transform: signs, in f16 and f32 other numbers too"""
    if sign == "bit":
        return [generator.choice((-1.0, 1.0)) for _ in range(n)]
    return [generator.choice((-1, 1)) * generator.randint(48, 80) / 64 for _ in range(n)]


class Model:
    """`modules`: fused leaf -> leaves; `transforms`: (in, out), each a quantization_config entry or None; `packer`: the
    module of the format, e8p or trellis; `params` of the format, or a function of the leaf that gives them"""

    def __init__(self, sizes, params, modules, transforms, seed=5, packer=e8p):
        generator = random.Random(seed)
        self._packer = packer
        self.sizes, self.packed, self.dense, self.codes, self.factors = sizes, {}, {}, {}, {}
        self.module_entries, self.fused, self.scales, self._matrices = {}, {}, {}, []
        self._common(generator)
        for layer in range(tiny.LAYERS):
            linears = sizes.linears(layer)
            for leaf, leaves in modules.items():
                of_leaf = params(leaf) if callable(params) else params
                self._module(generator, of_leaf, [linears[name] for name in leaves], leaf, transforms)

    def _common(self, generator):
        hidden = self.sizes.hidden
        names = {"model.embed_tokens": (tiny.VOCAB, hidden), "model.norm": (hidden,), "lm_head": (tiny.VOCAB, hidden)}
        for layer in range(tiny.LAYERS):
            names |= {f"model.layers.{layer}.{norm}": (hidden,) for norm in ("input_layernorm", "post_attention_layernorm")}
        for name, shape in names.items():
            count = shape[0] * (shape[1] if len(shape) > 1 else 1)
            numbers = [1.0] * count if name.endswith("norm") else [generator.randint(-64, 64) / 128 for _ in range(count)]
            self.packed[f"{name}.weight"] = self.dense[f"{name}.weight"] = ("BF16", shape, tiny.to_bf16(numbers))

    def _module(self, generator, params, parts, leaf, transforms):
        out, columns = sum(rows for _, rows, _ in parts), parts[0][2]
        prefix = parts[0][0].rpartition(".")[0]
        module = f"{prefix}.{leaf}"
        packer = self._packer
        codes, scale, *table = packer.random_codes(generator, (out, columns), params)
        scale = packer.float32(scale * 2)
        for field, tensor in packer.pack((out, columns), params, codes, scale, *table).items():
            self.packed[f"{module}.{field}"] = tensor
        matrices, entry = [], {"format": packer.__name__, "format_version": 1, "params": params}
        for use, side, n in zip(transforms, ("in", "out"), (columns, out)):
            if use is None:
                matrices.append(None)
                continue
            sign = use["params"].get("sign", "f16")
            factors = signs(generator, n, sign)
            self.packed[f"{module}.sign_{side}"] = hadamard.store(sign, factors)
            self.factors[module, side] = factors
            matrices.append((factors, use["params"].get("block")))
            entry[side] = use
        self.module_entries[module], self.codes[module], self.scales[module] = entry, codes, scale
        if len(parts) > 1:
            self.fused[module] = [name.rpartition(".")[2] for name, _, _ in parts]
        self._matrices.append(((out, columns), (params, codes, scale, *table), matrices, parts))

    def _make_dense(self):
        for (out, columns), packed, matrices, parts in self._matrices:
            rows = dense_matrix(self._packer.values((out, columns), *packed), *matrices)
            for name, count, _ in parts:
                part, rows = rows[:count], rows[count:]
                numbers = [value for row in part for value in row]
                self.dense[f"{name}.weight"] = ("F32", (count, columns), struct.pack(f"<{len(numbers)}f", *numbers))
        self._matrices = []

    def config(self):
        quantization = {"quant_method": "dwubit", "format_version": 1, "fused": self.fused,
                        "modules": self.module_entries, "unquantized": []}
        return self.sizes.config() | {"quantization_config": quantization}

    def write_packed(self, folder):
        """The dwubit directory"""
        return tiny.write(folder / "packed", config=json.loads(json.dumps(self.config())), weights=dict(self.packed))

    def write(self, folder):
        """The same, and its dense twin"""
        self._make_dense()
        return self.write_packed(folder), tiny.write(folder / "dense", config=self.sizes.config(), weights=dict(self.dense))
