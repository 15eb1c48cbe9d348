#!/usr/bin/env python3
"""What Hugging Face `tokenizers` makes of many texts with byte-level BPE, for src/tokenizer/byte_level_test.cpp.

Trains small tokenizers, on text made here, with the pre-tokenizers, normalizers and flags of the families that dwubit reads
and writes them with their answers to OUT/byte_level.json: hand-written texts with ids and decoded text, and hashes of what
becomes of the strings and ids of golden_texts.cpp. OUT/characters.json has hashes of what its regular expressions take each
character for, and of its NFC. The same inputs and library version give the same bytes.

--print-stand-ins prints the table of src/tokenizer/unicode_stand_in.cpp instead (with a Python whose unicodedata has
Unicode 14). --compare TOKENIZER_JSON... asks the program about the random strings and prints the number of differences.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile
import unicodedata

from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, trainers
from tokenizer_golden import (CASES, LINES, RANDOM_DECODES, RANDOM_STRINGS, SPECIALS, SplitMix64, added, case, fnv, hash_ids,
                              long_line, random_ids, random_string, sequence, write)

VOCABULARY = 640
GROUP = 50  # texts per hash

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
          r"\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+")

MORE_CASES = [
    "I'm, you're; WE'VE, he'll HE'LL it'd 'tis don'T", "it\u2019s", "'S 'ſ 'T'RE'", "x'sx 's's", "1234567 12 1 1,234,567.89",
    "a1b22c333", "١٢٣ ４５６ ² ½ Ⅷ", "tab\there\n\nnew  line \r\n\r\n  x", "   three   spaces   ", "\n \n \n", "a\n", "a \n b", " \t\n ",
    "for (int i = 0; i < n; ++i) {\n\tsum += a[i];\n}\n", "zażółć gęślą jaźń", "zaz\u0307o\u0301\u0142c\u0301", "e\u0301 \u00e9 e\u0323\u0301 e\u0301\u0323",
    "\uac00 \u1100\u1161\u11a8", "\u212b \u2126 \ufb01 \u0344", "中文字符，和标点。", "日本語のテキスト", "\U0001d15e", "👩‍👩‍👧‍👦 👍🏿", "\u1c89\u1c8a\u31350\U00031350\U0001cc00",
    "\u180e a\u180eb", "\u0085x\u00a0y\u2003z", "<tool_call>x</tool_call>", " <mask> ", "a<mask>b", "a  <mask>  b", "word", "words word", "<|im_start|>user\nHi<|im_end|>\n",
]

WORDS = """Ala ma kota a kot ma Alę i nikt nie wie czemu tak jest zażółć gęślą jaźń w szczebrzeszynie chrząszcz brzmi w trzcinie
the quick brown fox jumps over the lazy dog and we're going to say that it isn't what they've said I'll see you'd know
for while if else return int float const std vector string print def self import from include namespace void""".split()


def training_lines():
    rng = SplitMix64(99)
    for _ in range(1500):
        words = [WORDS[rng.below(len(WORDS))] for _ in range(4 + rng.below(8))]
        number = str(rng.below(10 ** (1 + rng.below(6))))
        end = [".", "!\n", "?\n\n", ", ", ":\n    ", ";\r\n", " (x) {\n\t"][rng.below(7)]
        yield " ".join(words).capitalize() + " " + number + end
    for seed in range(300):
        yield random_string(seed + 50_000)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**({"add_prefix_space": False, "use_regex": False} | options))


def bos_template():
    return {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
END_TEMPLATE = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}},
                                                         {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}

# name -> pre-tokenizer, normalizer, post-processor, added tokens beside the special ones, options of the model
FAMILIES = {
    "llama3": (pre_tokenizers.Sequence([split(LLAMA3), byte_level()]), None,
               sequence("processors", BYTE_LEVEL, bos_template()), [], {"ignore_merges": True}),
    "qwen2": (pre_tokenizers.Sequence([split(QWEN2), byte_level()]), normalizers.NFC(), BYTE_LEVEL,
              [("<tool_call>", ""), ("</tool_call>", ""), ("e\u0301", "n")], {}),
    "smollm2": (pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level(use_regex=True)]), None, None,
                [("<mask>", "ls"), ("word", "wn")], {}),
    "gpt2": (byte_level(add_prefix_space=True, use_regex=True), None,
             sequence("processors", END_TEMPLATE, BYTE_LEVEL), [("<mask>", "rn"), ("word", "w")], {}),
    "deepseek": (pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split("[一-龥\u3040-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level()]),
                 normalizers.Sequence([]), bos_template(), [("<mask>", "lr")], {}),
    "contiguous": (pre_tokenizers.Sequence([pre_tokenizers.Digits(False), split(r"\s", "contiguous"),
                                            pre_tokenizers.Split("a", "merged_with_previous"),
                                            split("[eo]", "merged_with_next"), split(r"\p{P}+", "removed"),
                                            split(r"[^\p{L}]+", "isolated", True), byte_level()]), None, None, [], {}),
}


def trained(name):
    pre_tokenizer, normalizer, post_processor, extra, options = FAMILIES[name]
    tokenizer = Tokenizer.from_str(json.dumps({"model": {"type": "BPE", "vocab": {}, "merges": []}}))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=SPECIALS, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(training_lines(), trainer)
    spec = json.loads(tokenizer.to_str())
    spec["model"].update(options)
    vocab = spec["model"]["vocab"]
    if options:
        # Tokens that no merge makes.
        for token in ("Ġkotkot", "Ġ123", "zz"):
            vocab.setdefault(token, len(vocab))
    spec["added_tokens"] += [added(len(vocab) + i, content, flags) for i, (content, flags) in enumerate(extra)]
    spec["post_processor"] = post_processor
    spec["decoder"] = BYTE_LEVEL
    return spec


def grouped(items):
    """A hash of each GROUP of byte strings"""
    items = list(items)
    return "".join(fnv(b"".join(items[i:i + GROUP]), 64) for i in range(0, len(items), GROUP))


def id_bytes(ids):
    return b"".join(i.to_bytes(4, "little") for i in [*ids, 0xFFFFFFFF])


def answers(name):
    spec = trained(name)
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    size = tokenizer.get_vocab_size()
    texts = [random_string(seed) for seed in range(RANDOM_STRINGS)]
    strings = grouped(id_bytes(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    decodes = {skip: grouped(tokenizer.decode(random_ids(seed, size), skip_special_tokens=skip).encode() + b"\xff"
                             for seed in range(RANDOM_DECODES)) for skip in (False, True)}
    lines = {}
    for kind in LINES:
        ids = tokenizer.encode(long_line(kind)).ids
        lines[kind] = {"count": len(ids), "hash": hash_ids(ids, 64)}
    return {"name": name, "tokenizer": spec, "cases": [case(tokenizer, text) for text in CASES + MORE_CASES],
            "strings": strings, "decodes": decodes[False], "decodes_skipping": decodes[True], "lines": lines}


def all_characters():
    return [chr(code) for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]


CLASSES = [r"\p{%s}" % name for name in
           "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl".split()] + [r"\s", r"\d"]
# What stands around a character to see how it combines.
NFC_FRAMES = [["", ""], ["a", "\u0323\u0301"], ["a\u0301", "\u0323"], ["\u03b1\u0345", ""], ["a\u0334", "\u0334"]]


def members(expression):
    """The characters that a class of one character takes"""
    splitter = pre_tokenizers.Split(Regex(f"(?:{expression})+"), "removed")
    characters, found = all_characters(), set()
    for i in range(0, len(characters), 5000):
        part = characters[i:i + 5000]
        found |= set(part) - set("".join(piece for piece, _ in splitter.pre_tokenize_str("".join(part))))
    return found


def code_bytes(characters):
    return b"".join(ord(c).to_bytes(4, "little") for c in sorted(characters))


def characters():
    splitter = pre_tokenizers.Digits(True)
    digits = [c for c in all_characters() if len(splitter.pre_tokenize_str("a" + c + "b")) == 3]
    nfc = normalizers.NFC()
    frames = [fnv(nfc.normalize_str("".join(before + c + after + "\n" for c in all_characters())).encode(), 64)
              for before, after in NFC_FRAMES]
    return {"classes": {name: fnv(code_bytes(members(name)), 64) for name in CLASSES},
            "digits": fnv(code_bytes(digits), 64), "nfc": frames}


def print_stand_ins():
    if unicodedata.unidata_version != "14.0.0":
        raise SystemExit(f"needs the unicodedata of Unicode 14, this Python has {unicodedata.unidata_version}")
    old = {}
    for c in all_characters():
        old.setdefault(unicodedata.category(c), []).append(c)
    rows = [[0x180E, 0x180E, 0x200B]]  # white space for PCRE2, not for Unicode
    for name in "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cf".split():
        for c in sorted(members(r"\p{%s}" % name) - set(old[name])):
            stand_in = next(ord(o) for o in old[name] if len(o.encode()) == len(c.encode()))
            if rows[-1][1] == ord(c) - 1 and rows[-1][2] == stand_in:
                rows[-1][1] = ord(c)
            else:
                rows.append([ord(c), ord(c), stand_in])
    line = "   "
    for row in sorted(rows):
        item = " {{0x{:X}, 0x{:X}, 0x{:X}}},".format(*row)
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)


def compare(path, program):
    """How many of the random strings, and of the hand-written texts, the program encodes otherwise"""
    tokenizer = Tokenizer.from_file(str(path))
    texts = [random_string(seed) for seed in range(RANDOM_STRINGS)] + CASES + MORE_CASES
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
        file.flush()
        run = subprocess.run([program, "tokenize", path, "--data", file.name, "--json"], capture_output=True, check=False)
    if run.returncode:
        print(f"{path}: {run.stderr.decode()}")
        return
    found = json.loads(run.stdout)["documents"]
    wrong = [i for i, text in enumerate(texts) if found[i] != tokenizer.encode(text).ids]
    print(f"{path}: {len(texts)} texts, {len(wrong)} differences {[texts[i] for i in wrong[:5]]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default="tests/golden/tokenizer")
    parser.add_argument("--print-stand-ins", action="store_true")
    parser.add_argument("--compare", nargs="+", type=pathlib.Path)
    parser.add_argument("--program", default="build/dwubit")
    args = parser.parse_args()
    if args.print_stand_ins:
        return print_stand_ins()
    if args.compare:
        for path in args.compare:
            compare(path, args.program)
        return None
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "byte_level.json", {"group": GROUP, "families": [answers(name) for name in FAMILIES]})
    return write(args.out / "characters.json", characters())


if __name__ == "__main__":
    main()
