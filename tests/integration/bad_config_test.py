"""Configs and tokenizers that no model can have: a message that names file and member, exit 1, soon, in little memory."""
import json

import support
import tiny

NESTED = 100_000
HUGE = 1 << 63


class Config(support.ProgramTest):
    def check(self, config, *names, kind="invalid_input"):
        model = tiny.write(self.root / "tiny", config=config)
        for command in (["inspect", model], ["generate", model, "-p", "kot", "-n", "1"]):
            self.refused(1, *command, names=["config.json", *names], kind=kind)

    def test_text(self):
        deep = "[" * NESTED + "]" * NESTED
        objects = '{"a":' * NESTED + "1" + "}" * NESTED
        for text in ("", "{", "[]", "null", "kot", '{"a": 1} x', '{"a": 1, "a": 2}', b'{"a": "\xc4"}', "\0" * 100,
                     deep, objects, json.dumps(tiny.CONFIG)[:-1] + f', "more": {deep}}}', "[" * NESTED,
                     '{"a": 1e999}', '{"a": NaN}'):
            with self.subTest(text=text[:40]):
                self.check(text)

    def test_depth_is_said(self):
        self.check("[" * NESTED + "]" * NESTED, "deep")

    def test_architectures(self):
        self.check(tiny.CONFIG | {"architectures": ["KotForCausalLM"]}, "'KotForCausalLM'", "LlamaForCausalLM",
                   kind="unsupported")
        self.check(tiny.CONFIG | {"architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM", "'mistral'", kind="unsupported")
        self.check(tiny.CONFIG | {"architectures": None, "model_type": "kot"}, "'kot'", kind="unsupported")
        self.check(tiny.CONFIG | {"architectures": "MistralForCausalLM"}, "'architectures'")
        self.check(tiny.CONFIG | {"architectures": [7]}, "'architectures'")
        self.check({key: value for key, value in tiny.CONFIG.items() if key not in ("architectures", "model_type")},
                   "'architectures'", "'model_type'")

    def test_sizes(self):
        for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                    "head_dim", "vocab_size", "max_position_embeddings"):
            for value in (0, -1, -HUGE, HUGE, HUGE - 1, 2 * HUGE - 1, 2.5, "32", True, [], float("inf")):
                with self.subTest(key=key, value=value):
                    names = [] if value == float("inf") else [f"'{key}'"]
                    self.refused(1, "inspect", tiny.write(self.root / "tiny", config=tiny.CONFIG | {key: value}),
                                 names=["config.json", *names], kind="invalid_input")
        self.check(tiny.CONFIG | {"num_key_value_heads": 0}, "'num_key_value_heads'", "got 0")

    def test_missing_sizes(self):
        for key in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size"):
            with self.subTest(key=key):
                self.check({k: v for k, v in tiny.CONFIG.items() if k != key}, f"'{key}'")

    def test_sizes_that_do_not_fit_each_other(self):
        self.check(tiny.CONFIG | {"num_key_value_heads": 3}, "'num_key_value_heads'", "divide", "got 3")
        self.check(tiny.CONFIG | {"head_dim": 7}, "7", "even")
        without = {k: v for k, v in tiny.CONFIG.items() if k != "head_dim"} | {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
        self.check(without | {"num_attention_heads": 3, "num_key_value_heads": 3}, "'hidden_size'", "32")

    def test_sizes_that_do_not_fit_the_weights(self):
        for changes, tensor in (({"hidden_size": 64}, "model."), ({"intermediate_size": 1 << 20}, "mlp."),
                                ({"num_hidden_layers": 3}, "model.layers.2."), ({"num_hidden_layers": 4096}, "model.layers.2."),
                                ({"vocab_size": 301}, "301"), ({"num_key_value_heads": 4}, "k_proj")):
            with self.subTest(changes=changes):
                model = tiny.write(self.root / "tiny", config=tiny.CONFIG | changes)
                for command in (["inspect", model], ["generate", model, "-p", "kot", "-n", "1"]):
                    self.refused(1, *command, names=[tensor])

    def test_other_members(self):
        for changes, name, kind in (({"rms_norm_eps": -1}, "'rms_norm_eps'", "invalid_input"),
                                    ({"rope_theta": 0}, "'rope_theta'", "invalid_input"),
                                    ({"rope_theta": "x"}, "'rope_theta'", "invalid_input"),
                                    ({"hidden_act": "relu"}, "'relu'", "unsupported"),
                                    ({"tie_word_embeddings": "yes"}, "'tie_word_embeddings'", "invalid_input"),
                                    ({"rope_scaling": {"rope_type": "kot", "factor": 2.0}}, "'kot'", "unsupported"),
                                    ({"sliding_window": -8}, "'sliding_window'", "invalid_input"),
                                    ({"eos_token_id": tiny.VOCAB}, "'eos_token_id'", "invalid_input"),
                                    ({"eos_token_id": -1}, "'eos_token_id'", "invalid_input"),
                                    ({"eos_token_id": [2, "x"]}, "'eos_token_id'", "invalid_input"),
                                    ({"bos_token_id": HUGE}, "'bos_token_id'", "invalid_input"),
                                    ({"quantization_config": {"quant_method": "gptq"}}, "gptq", "unsupported")):
            with self.subTest(changes=changes):
                self.check(tiny.CONFIG | changes, name, kind=kind)

    def test_sliding_window(self):
        """Refused where it would matter: past its end"""
        model = tiny.write(self.root / "tiny", config=tiny.CONFIG | {"sliding_window": 8})
        corpus = self.write("a.txt", "kot ma kota i psa")
        self.ok("generate", model, "-p", "b c", "-n", "3", "--ignore-eos")
        self.ok("perplexity", model, "--data", corpus, "--window", "8")
        for command in (["generate", model, "-p", "b c", "-n", "9", "--ignore-eos"],
                        ["perplexity", model, "--data", corpus, "--window", "9"]):
            self.refused(1, *command, names=["position", "sliding-window", "8"], kind="unsupported", said=None)

    def test_generation_config(self):
        model = tiny.write(self.root / "tiny")
        for text, *names in (("{", "generation_config.json"), ('{"eos_token_id": 300}', "'eos_token_id'")):
            (model / "generation_config.json").write_text(text)
            self.refused(1, "inspect", model, names=["generation_config.json", *names], kind="invalid_input")


class Tokenizer(support.ProgramTest):
    def check(self, content, *names, kind="invalid_input"):
        model = tiny.write(self.root / "tiny", tokenizer_json=content)
        for command in (["tokenize", model, "-p", "kot"], ["generate", model, "-p", "kot", "-n", "1"]):
            self.refused(1, *command, names=["tokenizer.json", *names], kind=kind)

    def changed(self, *path, value):
        content = tiny.tokenizer()
        part = content
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        return content

    def test_text(self):
        deep = "[" * NESTED + "]" * NESTED
        for text in ("", "{", "[]", "null", '{"version": "1.0"}', '{"model": 7}', deep, "[" * NESTED, '{"a":' * NESTED,
                     json.dumps(tiny.tokenizer())[:-1] + f', "more": {deep}}}', b'{"a": "\xff"}'):
            with self.subTest(text=text[:40]):
                self.check(text)

    def test_vocabulary_ids(self):
        for value in (-1, HUGE, 2 * HUGE - 1, 1 << 31, 1 << 40, 2.5, "3", None):
            with self.subTest(value=value):
                self.check(self.changed("model", "vocab", "z", value=value), "vocab", "'z'")
        self.check(self.changed("model", "vocab", "z", value=tiny.token_id("y")), "'y'", "'z'", f"id {tiny.token_id('y')}")

    def test_a_token_twice(self):
        text = json.dumps(tiny.tokenizer(), ensure_ascii=False).replace('"vocab": {', '"vocab": {"z": 299, ')
        self.check(text, "'z'")

    def test_added_tokens(self):
        token = tiny.tokenizer()["added_tokens"][2]
        for changes, *names in (({"id": -1}, "'id'"), ({"id": HUGE}, "'id'"), ({"id": 5}, "'</s>'", "5"), ({"id": 1},),
                                ({"content": ""}, "'content'"), ({"content": "<s>"}, "'<s>'"), ({"content": 3}, "'content'"),
                                ({"special": 1}, "'special'"), ({"content": "<new>"}, "'<new>'")):
            with self.subTest(changes=changes):
                self.check(self.changed("added_tokens", 2, value=token | changes), "added_tokens", *names)

    def test_merges(self):
        for merge, *names in (("q w",), ("kot",), ("k o t",), (["k"],), (7,), ("k kot kot",), (["k", "ż2"],)):
            with self.subTest(merge=merge):
                self.check(self.changed("model", "merges", 2, value=merge), "merges[2]", *names)
        self.check(self.changed("model", "merges", value="k o"), "'merges'")

    def test_template(self):
        broken = {"id": "<s>", "ids": [tiny.VOCAB], "tokens": ["<s>"]}
        self.check(self.changed("post_processor", "special_tokens", "<s>", value=broken), "post_processor", str(tiny.VOCAB))
        self.check(self.changed("post_processor", "special_tokens", value={}), "post_processor", "<s>")

    def test_unknown_parts(self):
        for path in (["model", "type"], ["normalizer", "type"], ["normalizer", "normalizers", 0, "type"],
                     ["post_processor", "type"], ["decoder", "type"], ["decoder", "decoders", 2, "type"]):
            with self.subTest(path=path):
                self.check(self.changed(*path, value="Kotlet"), path[0], "'Kotlet'", kind="unsupported")
        self.check(self.changed("pre_tokenizer", value={"type": "Kotlet"}), "pre_tokenizer", "'Kotlet'", kind="unsupported")
        self.check(self.changed("model", "unk_token", value="<kot>"), "'unk_token'")
        self.check(self.changed("model", "dropout", value=0.1), "dropout", kind="unsupported")

    def test_more_tokens_than_the_model(self):
        """A warning; text that needs the others is refused, naming the token"""
        content = tiny.tokenizer()
        content["added_tokens"].append(content["added_tokens"][2] | {"id": tiny.VOCAB, "content": "<more>"})
        model = tiny.write(self.root / "tiny", tokenizer_json=content)
        corpora = {text: self.write(f"{i}.txt", text) for i, text in enumerate(("kot ma", "kot <more>", "kot <more> ma"))}
        warning = f"ids up to {tiny.VOCAB}, the model's vocabulary ends at {tiny.VOCAB - 1}"
        self.ok("generate", model, "-p", "kot ma", "-n", "1", warnings=[warning])
        self.ok("perplexity", model, "--data", corpora["kot ma"], warnings=[warning])
        self.refused(1, "generate", model, "-p", "kot <more>", "-n", "1", names=[f"token id {tiny.VOCAB}", "place 3"],
                     kind="invalid_input")
        for text, end, place in (("kot <more> ma", "</s>", 3), ("kot <more>", "none", 3), ("kot ma", "<more>", 3)):
            # Read by the model, or the last one, which is predicted only
            self.refused(1, "perplexity", model, "--data", corpora[text], "--doc-end", end, kind="invalid_input",
                         names=[f"token {place} of the corpus has id {tiny.VOCAB}"])

    def test_inspect_says_why(self):
        """A model can be inspected without its tokenizer"""
        model = tiny.write(self.root / "tiny", tokenizer_json="{")
        self.assertIn("tokenizer.json", self.ok("inspect", model)["tokenizer"]["error"])


if __name__ == "__main__":
    support.main()
