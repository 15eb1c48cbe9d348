"""Broken checkpoints and configs: a message that names file and place, exit 1, soon, in little memory."""
import json
import os
import struct

import support
import tiny

Q = "model.layers.1.self_attn.q_proj.weight"
NESTED = 100_000


class Broken(support.ProgramTest):
    def folder(self, **parts):
        return tiny.write(self.root / "tiny", **parts)

    def check(self, model, *names, kind="invalid_input"):
        """What computes with the weights refuses the model"""
        return self.refused(1, "generate", model, "-p", "kot", "-n", "1", names=names, kind=kind)

    def check_both(self, model, *names, kind="invalid_input"):
        """So does what reads the headers only"""
        self.refused(1, "inspect", model, names=names, kind=kind)
        return self.check(model, *names, kind=kind)


class Folder(Broken):
    def test_the_model_itself_works(self):
        """Else all the refusals below would mean nothing"""
        self.assertEqual(self.ok("generate", self.folder(), "-p", "a", "-n", "1", "--ignore-eos")["generated_tokens"], 1)
        sharded = tiny.write_sharded(self.root / "sharded")
        self.assertEqual(self.ok("generate", sharded, "-p", "a", "-n", "1", "--ignore-eos")["generated_tokens"], 1)

    def test_no_folder(self):
        missing = self.root / "none"
        corpus = self.write("a.txt", "kot")
        for command in (["inspect", missing], ["generate", missing, "-p", "a"], ["tokenize", missing, "-p", "a"],
                        ["perplexity", missing, "--data", corpus]):
            self.refused(1, *command, names=[missing], kind="not_found")
        run = self.run_program("inspect", "")
        self.assertIn(run.code, (1, 2), run)
        self.assertIn("error: ", run.err)

    def test_a_file_as_model(self):
        path = self.write("model.bin", "kot")
        self.refused(1, "inspect", path, names=[path, "not a folder"], kind="invalid_input")

    def test_missing_files(self):
        for name, commands in (("config.json", ["inspect", "generate"]), ("model.safetensors", ["inspect", "generate"]),
                               ("tokenizer.json", ["generate", "tokenize"])):
            model = tiny.write(self.root / name / "tiny")
            (model / name).unlink()
            for command in commands:
                prompt = [] if command == "inspect" else ["-p", "a"]
                self.refused(1, command, model, *prompt, names=[model, name], kind="not_found")

    def test_zero_bytes(self):
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            model = tiny.write(self.root / name / "tiny")
            (model / name).write_bytes(b"")
            self.check(model, name)

    def test_folders_in_the_place_of_files(self):
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            model = tiny.write(self.root / name / "tiny")
            (model / name).unlink()
            (model / name).mkdir()
            self.check(model, name, kind=None)

    def test_pickle(self):
        model = self.folder()
        (model / "model.safetensors").rename(model / "pytorch_model.bin")
        self.check_both(model, "pytorch_model.bin", "pickle", kind="unsupported")


class Safetensors(Broken):
    def file(self, data, *names):
        model = tiny.write(self.root / "tiny", weights=data)
        return self.check_both(model, "model.safetensors", *names)

    def test_truncated(self):
        whole = tiny.safetensors(tiny.tensors())
        header = struct.unpack("<Q", whole[:8])[0]
        for size in (1, 7, 8, 9, 8 + header // 2, 8 + header - 1):
            with self.subTest(size=size):
                self.file(whole[:size], str(size))
        for size in (8 + header, 9 + header, len(whole) - 1):
            with self.subTest(size=size):
                self.file(whole[:size], "tensor '", "data_offsets", "truncated")
        self.file(whole + b"x", "1 bytes after the last tensor")

    def test_header_length(self):
        for length in (1 << 63, (1 << 64) - 1, (1 << 64) - 8, 100_000_001, 99_999_999):
            with self.subTest(length=length):
                self.file(struct.pack("<Q", length) + b"{}" + bytes(1000), f"header length {length}")
        self.file(bytes(1000), "header of 0 bytes")

    def test_header_text(self):
        data = {Q: ("BF16", (2,), bytes(4))}
        for header, *names in (("hello world", "does not start with '{'"), ("[1, 2]", "does not start with '{'"),
                               ('{"a": ', "JSON header"), ('{"a": 1}', "tensor 'a'"), (b'{"\xff": 1}', "UTF-8"),
                               ('{"a": ' + "[" * NESTED + "]" * NESTED + "}", "JSON header"),
                               ('{"__metadata__": {"format": 1}}', "__metadata__", "'format'"),
                               ('{"__metadata__": 7}', "__metadata__")):
            with self.subTest(header=header[:40]):
                self.file(tiny.safetensors(data, header), *names)

    def test_entries(self):
        def entry(**changes):
            return {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]} | changes

        for changes, *names in (({"data_offsets": [0, 6]},), ({"data_offsets": [4, 0]},), ({"data_offsets": [-4, 0]},),
                                ({"data_offsets": [0, 4, 4]},), ({"data_offsets": [0.0, 4.0]},), ({"data_offsets": None},),
                                ({"data_offsets": [0, 1 << 63]},), ({"shape": [3]},),
                                ({"shape": [1 << 32, 1 << 32]},), ({"shape": [1 << 62, 4]},), ({"shape": [-2]},),
                                ({"shape": "2"},), ({"shape": [2.0]},), ({"dtype": 5},)):
            with self.subTest(changes=changes):
                self.file(tiny.safetensors({Q: ("BF16", (2,), bytes(4))}, json.dumps({Q: entry(**changes)})), Q, *names)
        wide = json.dumps({Q: entry(data_offsets=[0, 1 << 64])})
        self.file(tiny.safetensors({Q: ("BF16", (2,), bytes(4))}, wide), "column", str(1 << 64))
        other = tiny.safetensors({Q: ("BF16", (2,), bytes(4))}, json.dumps({Q: entry(dtype="F4")}))
        self.check_both(self.folder(weights=other), "model.safetensors", Q, "'F4'", kind="unsupported")
        both = {"a": entry(), "b": entry(data_offsets=[2, 6])}
        self.file(tiny.safetensors({"": ("BF16", (3,), bytes(6))}, json.dumps(both)), "'b'", "overlap")
        both = {"a": entry(), "b": entry(data_offsets=[6, 10])}
        self.file(tiny.safetensors({"": ("BF16", (5,), bytes(10))}, json.dumps(both)), "'b'", "hole")

    def test_duplicate_tensor(self):
        whole = tiny.safetensors(tiny.tensors())
        header = struct.unpack("<Q", whole[:8])[0]
        text = whole[8:8 + header].decode()
        first = text[1:text.index("}") + 1]
        self.file(tiny.safetensors(tiny.tensors(), text[:-1] + ", " + first + "}"), "model.embed_tokens.weight")

    def test_not_finite(self):
        for pattern in (0x7fc0, 0x7f80, 0xff80, 0xffff, 0x7f81):  # NaN, infinities, NaNs
            for place in ("model.embed_tokens.weight", Q, "model.norm.weight", "lm_head.weight"):
                with self.subTest(pattern=hex(pattern), place=place):
                    tensors = tiny.tensors()
                    dtype, shape, data = tensors[place]
                    at = len(data) // 2 // 2 * 2
                    tensors[place] = (dtype, shape, data[:at] + struct.pack("<H", pattern) + data[at + 2:])
                    self.check(self.folder(weights=tensors), place)

    def test_not_finite_in_other_types(self):
        for dtype, form in (("F32", "<f"), ("F16", "<e")):
            for value in (float("nan"), float("inf"), float("-inf")):
                tensors = tiny.tensors()
                data = bytearray(struct.pack(form, 1.0) * tiny.HIDDEN)
                data[-len(struct.pack(form, 0)):] = struct.pack(form, value)
                tensors["model.norm.weight"] = (dtype, (tiny.HIDDEN,), bytes(data))
                self.check(self.folder(weights=tensors), "model.norm.weight")

    def test_missing_tensor(self):
        for name in tiny.tensors():
            tensors = tiny.tensors()
            del tensors[name]
            with self.subTest(name=name):
                self.refused(1, "inspect", self.folder(weights=tensors), names=[name])
        self.check(self.folder(weights=tensors), name, kind=None)

    def test_wrong_shape(self):
        for name, shape in ((Q, (32, 16)), ("model.norm.weight", (31,)), ("lm_head.weight", (tiny.VOCAB + 1, tiny.HIDDEN)),
                            ("model.embed_tokens.weight", (tiny.VOCAB * tiny.HIDDEN,)), (Q, (1, 32, 32)), (Q, (0, 32))):
            tensors = tiny.tensors()
            size = 2
            for extent in shape:
                size *= extent
            tensors[name] = ("BF16", shape, bytes(size))
            with self.subTest(name=name, shape=shape):
                self.check_both(self.folder(weights=tensors), name, ", ".join(map(str, shape)))

    def test_wrong_type(self):
        tensors = tiny.tensors()
        tensors[Q] = ("I16", *tensors[Q][1:])
        self.check_both(self.folder(weights=tensors), Q, "I16", kind=None)


class Shards(Broken):
    INDEX = "model.safetensors.index.json"

    def test_truncated_shard(self):
        model = tiny.write_sharded(self.root / "tiny")
        shard = model / "model-00002-of-00002.safetensors"
        shard.write_bytes(shard.read_bytes()[:-10])
        self.check_both(model, shard.name, "truncated")

    def test_missing_shard(self):
        model = tiny.write_sharded(self.root / "tiny")
        (model / "model-00002-of-00002.safetensors").unlink()
        self.check_both(model, "model-00002-of-00002.safetensors", kind="not_found")

    def test_names_that_leave_the_folder(self):
        outside = self.root / "outside.safetensors"
        outside.write_bytes(tiny.safetensors({Q: tiny.tensors()[Q]}))
        for name in ("../outside.safetensors", str(outside), "./../outside.safetensors", "sub/../../outside.safetensors",
                     "..", "", "C:\\x.safetensors", "a\0b.safetensors", 7, None):
            with self.subTest(name=name):
                self.check_both(tiny.write_sharded(self.root / "tiny", {Q: name}), self.INDEX, Q)

    def test_link_that_leaves_the_folder(self):
        model = tiny.write_sharded(self.root / "tiny")
        shard = model / "model-00001-of-00002.safetensors"
        shard.rename(self.root / "elsewhere.safetensors")
        os.symlink(self.root / "elsewhere.safetensors", shard)
        self.check_both(model, shard.name, "leaves the folder")

    def test_index_against_shards(self):
        one = "model-00001-of-00002.safetensors"
        self.check_both(tiny.write_sharded(self.root / "tiny", {Q: one}), Q, one)
        self.check_both(tiny.write_sharded(self.root / "tiny", {"model.extra.weight": one}), "model.extra.weight", one)

    def test_broken_index(self):
        for text, *names in (("", self.INDEX), ("[]", "weight_map"), ("{}", "weight_map"), ('{"weight_map": {}}', "no tensor"),
                             ('{"weight_map": {"a": "x", "a": "y"}}', "'a'"), ("[" * NESTED, self.INDEX)):
            with self.subTest(text=text[:40]):
                model = tiny.write_sharded(self.root / "tiny")
                (model / self.INDEX).write_text(text)
                self.check_both(model, self.INDEX, *names)


if __name__ == "__main__":
    support.main()
