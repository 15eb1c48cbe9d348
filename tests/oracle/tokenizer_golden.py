#!/usr/bin/env python3
"""What Hugging Face `tokenizers` makes of many texts, for src/tokenizer/golden_test.cpp.

Writes OUT/fetched.json (counts and hashes of the ids of data/orlik, per document), OUT/random.json (hashes for strings
and ids that src/tokenizer/golden_texts.cpp generates likewise), OUT/cases.json (hand-written texts with ids and decoded
text), OUT/synthetic.json (small tokenizers made for what orlik's does not use) and OUT/words.json (the characters that
count as part of a word).  The same inputs and library version give the same bytes.

--print-word-characters prints the table of src/tokenizer/word_characters.cpp instead.
"""
import argparse
import hashlib
import json
import pathlib

from tokenizers import Tokenizer, __version__

MASK = (1 << 64) - 1
RANDOM_STRINGS = 10_000
RANDOM_DECODES = 2_000
LINE_BYTES = 1 << 20
SPECIALS = ["<s>", "</s>", "<unk>", "<|im_start|>", "<|im_end|>"]
POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻaeiozkrw"
EMOJI = ["👩‍👩‍👧‍👦", "👨🏽‍🚀", "🏳️‍🌈", "🇵🇱", "👍🏿", "❤️", "😀", "🤦🏼‍♀️", "1️⃣", "🧑‍🤝‍🧑"]


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return self.next() % bound


def any_character(rng):
    code = rng.below(0x110000 - 0x800)
    return chr(code if code < 0xD800 else code + 0x800)


def part(rng):
    """One piece of a random string; golden_texts.cpp draws the same numbers in the same order."""
    kind = rng.below(16)
    if kind < 4:
        return "".join(chr(ord("a") + rng.below(26)) for _ in range(1 + rng.below(8)))
    if kind < 6:
        return "".join(POLISH[rng.below(len(POLISH))] for _ in range(1 + rng.below(8)))
    if kind == 6:
        return "".join(chr(ord("a") + rng.below(26)) + chr(0x300 + rng.below(0x70)) for _ in range(1 + rng.below(4)))
    if kind == 7:
        return EMOJI[rng.below(len(EMOJI))]
    if kind == 8:
        return "".join(chr(0x4E00 + rng.below(20000)) for _ in range(1 + rng.below(4)))
    if kind == 9:
        code = rng.below(66)
        return chr(code if code < 32 else code + 95)
    if kind == 10:
        return " \t\n\r"[max(0, rng.below(7) - 3)] * (1 + rng.below(10))
    if kind == 11:
        return SPECIALS[rng.below(len(SPECIALS))]
    if kind == 12:
        whole = SPECIALS[rng.below(len(SPECIALS))]
        cut = rng.below(len(whole))
        return whole[:cut] + whole[cut + 1:]
    if kind == 13:
        return any_character(rng)
    if kind == 14:
        byte = rng.below(257)
        return "▁" if byte == 256 else f"<0x{byte:02X}>"
    return chr(0x21 + rng.below(94))


def random_string(seed):
    rng = SplitMix64(seed)
    text = ""
    for _ in range(1 + rng.below(12)):
        text += part(rng)
        if rng.below(3) == 0:
            text += " "
    return text


def random_ids(seed, vocab_size):
    """Ids of any kind: runs of byte tokens that are and are not UTF-8, special tokens, others."""
    rng = SplitMix64(seed)
    ids = []
    for _ in range(1 + rng.below(16)):
        kind = rng.below(8)
        if kind == 0:
            ids.append(rng.below(5))
        elif kind < 3:
            ids.append(5 + rng.below(256))
        elif kind < 5:
            ids += [5 + byte for byte in any_character(rng).encode()]
        else:
            ids.append(rng.below(vocab_size))
    return ids


def long_line(kind):
    unit = {"letter": "a", "space": " ", "bytes": "\x01", "emoji": "😀", "polish": "zażółć gęślą jaźń ", "bos": "<s>",
            "broken": "<|im_start<s"}.get(kind)
    if unit:
        return unit * (LINE_BYTES // len(unit.encode()))
    rng = SplitMix64(7)
    parts, size = [], 0
    while size < LINE_BYTES:
        parts.append(chr(ord("a") + rng.below(26)) if kind == "letters" else part(rng))
        size += len(parts[-1].encode())
    return "".join(parts)


LINES = ["letter", "space", "bytes", "emoji", "polish", "bos", "broken", "letters", "parts"]


def fnv(data, bits):
    value, prime = (0xCBF29CE484222325, 0x100000001B3) if bits == 64 else (0x811C9DC5, 0x01000193)
    for byte in data:
        value = ((value ^ byte) * prime) & ((1 << bits) - 1)
    return f"{value:0{bits // 4}x}"


def hash_ids(ids, bits):
    return fnv(b"".join(i.to_bytes(4, "little") for i in ids), bits)


CASES = [
    "", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n\n", " \n ", "a", " a", "a ", "  a  ", "\0", "a\0b", "\ufeff",
    "\ufeffkot", "kot", "Ala ma kota, a kot ma Alę.", "Zażółć gęślą jaźń", "ZAŻÓŁĆ GĘŚLĄ JAŹŃ",
    "Zaz\u0307o\u0301\u0142c\u0301", "w Szczebrzeszynie chrząszcz brzmi w trzcinie", "3,14159 + 2 = 5,14159",
    "https://example.org/?q=kot&n=10", "if (x < 3) { return -1; }", "e-mail: kot@example.org",
    "😀", "👩‍👩‍👧‍👦", "🇵🇱", "👍🏿", "a😀b", "😀😀 😀", "日本語", "你好,世界", "한국어", "עברית", "العربية", "ไทย", "ﬁ ½ Ⅷ ㎏",
    "▁", "▁▁", " ▁ ", "a▁b", "<0x0A>", "<0xFF>", "<0x0a>", "x<0x41>y", "\x01\x02\x7f\x80", "\u2028\u2029\u00a0\u3000",
    "<s>", "</s>", "<unk>", "<s><s>", "<s> <s>", " <s>", "<s> ", "a<s>b", "a <s> b", "<s", "s>", "<<s>>", "<s></s>",
    "<|im_start|>", "<|im_start|>user\nKto ty?<|im_end|>\n<|im_start|>assistant\n", "<|im_start", "|im_end|>",
    "<|im_start|<|im_end|>", "<|IM_START|>", "a" * 100, "ab" * 64, " " * 100, "\n" * 40, "0" * 77, "." * 130, "-" * 65,
    "ą" * 50, "ż ó " * 20, "kot " * 25, "\U0010ffff\U00010000\ufffd", "\ud7ff\ue000", "e\u0301\u0323\u0302",
]


def case(tokenizer, text):
    ids = tokenizer.encode(text).ids
    out = {"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)}
    skipped = tokenizer.decode(ids, skip_special_tokens=True)
    return out if skipped == out["decoded"] else out | {"skipped": skipped}


def added(token_id, content, flags=""):
    names = {"w": "single_word", "l": "lstrip", "r": "rstrip", "n": "normalized", "s": "special"}
    return {"id": token_id, "content": content} | {name: key in flags for key, name in names.items()}


def make(tokens, merges=(), added_tokens=(), normalizer=None, decoder=None, post_processor=None, **model):
    vocab = tokens if isinstance(tokens, dict) else {token: i for i, token in enumerate(tokens)}
    options = {"unk_token": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False} | model
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added_tokens),
            "normalizer": normalizer, "pre_tokenizer": None, "post_processor": post_processor, "decoder": decoder,
            "model": {"type": "BPE", "dropout": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      **options, "vocab": vocab, "merges": list(merges)}}


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


def sequence(key, *steps):
    return {"type": "Sequence", key: list(steps)}


PREPEND = {"type": "Prepend", "prepend": "▁"}
LLAMA = sequence("normalizers", PREPEND, replace(" ", "▁"))
FALLBACK, FUSE = {"type": "ByteFallback"}, {"type": "Fuse"}


def strip(start, stop, content=" "):
    return {"type": "Strip", "content": content, "start": start, "stop": stop}


def template(*pieces):
    single = [{"Sequence": {"id": "A", "type_id": 0}} if p == "A" else {"SpecialToken": {"id": p, "type_id": 0}}
              for p in pieces]
    ids = {"<b>": [1], "<e>": [2, 1]}
    return {"type": "TemplateProcessing", "single": single, "pair": single + [{"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {p: {"id": p, "ids": ids[p], "tokens": [p] * len(ids[p])} for p in pieces if p != "A"}}


def written_tokenizers():
    letters = ["a", "b", "c", " ", "▁", "x", "_"]
    flags = ["", "l", "r", "lr", "w", "wl", "wr", "wlr"]
    texts = ["", "aXb", "a X b", "a  X  b", "X X", "XX", " X ", "aX", "Xa", "a\tX\nb", "\u3000X\u3000", "ąXą", "-X-", "_X",
             "X  X  X", "  ", "aX X Xb X", "X\u0301", "xX", "a\u200dX"]
    for added_flags in flags:
        for normalized in ["", "n"]:
            yield (f"added token, flags '{added_flags}{normalized}'",
                   make(letters, added_tokens=[added(7, "X", added_flags + normalized), added(8, "<s>", "s")]),
                   texts + ["<s>X<s>", "<s> X"])
            yield (f"added token and Prepend, flags '{added_flags}{normalized}'",
                   make(letters, added_tokens=[added(7, "X", added_flags + normalized), added(8, "<s>", "s")],
                        normalizer=LLAMA), texts + ["<s>X<s>", "<s> X"])
    yield ("overlapping added tokens",
           make(letters, added_tokens=[added(7, "X"), added(8, "XX", "w"), added(9, "XXY"), added(10, "  Y", "r"),
                                       added(11, "Z", "r"), added(12, " -")]),
           ["X", "XX", "XXX", "XXY", "aXXX", "XX a", "Z   Yb", "Z  Y", "Z   ", "a   X", "aXXYX XX", "Z  -Y"])
    yield ("normalized forms that coincide",
           make(letters, added_tokens=[added(7, "q"), added(8, "Q", "n"), added(9, "qq", "ns")],
                normalizer=sequence("normalizers", replace("Q", "q"), replace("qq", "q"))), ["Q", "q", "qq", "aQb QQ"])
    fuse_texts = ["zz", "azzb", "z", "zaz", "", "az z", "zzżz", "żzżz", "zża", "ża", "zżżz"]
    for fuse in [False, True]:
        yield (f"unknown tokens, fuse {fuse}", make(["<unk>"] + letters, unk_token="<unk>", fuse_unk=fuse), fuse_texts)
        yield (f"some byte tokens, fuse {fuse}",
               make(["<unk>"] + letters + ["<0xC5>", "<0xBC>"], unk_token="<unk>", fuse_unk=fuse, byte_fallback=True),
               fuse_texts)
    yield "no unknown token", make(letters), fuse_texts
    yield ("merges as arrays", make(["a", " ", "b", "a ", "a b", " b"], [["a", " "], ["a ", "b"], [" ", "b"]]),
           ["a b", "ab", " b", "a  b", "a ba b"])
    merged = ["a", "b", "c", "ab", "bc", "abc", "abcabc"]
    yield ("ignore_merges", make(merged, ["b c"], ignore_merges=True), ["abc", "ab", "abcabc", "abcab", "c"])
    yield ("two merges to one token", make(merged, ["ab c", "b c", "a bc", "a b"]), ["abc", "abcabc", "aabcc", "bcabc"])
    # The pair at hand has changed when its turn comes, but its new merge gives the same token.
    yield ("a stale candidate of the same result",
           make(["a", "b", "aa", "aaa", "aab", "ab", "aaaa"], ["aa a", "a b", "a a", "a ab", "a aa", "aa aa", "aa b"]),
           ["a" * n for n in range(1, 12)] + ["aab", "aaab", "aaaab", "abaab"])
    yield ("a merge given twice", make(["a", "b", "c", "ab", "bc"], ["a b", "b c", "a b"]), ["abc", "ababc", "bcabc"])
    yield ("template at both ends", make(["a", "<b>", "<e>"], post_processor=template("<b>", "A", "<e>", "<b>"),
                                         added_tokens=[added(1, "<b>", "s"), added(2, "<e>")]), ["", "a", "a<b>a", "<e>"])
    pieces = ["▁a", "▁", "a▁", " a ", "  ", "<0xC5>", "<0xBC>", "<0x+A>", "<0x4>", "hh", "h", "<0xzz>", "<0x41>"]
    decoders = {"none": None, "replace": replace("▁", " "), "replace two": replace("hh", "H"), "fallback": FALLBACK,
                "fuse, replace": sequence("decoders", FUSE, replace("hh", "H")), "strip": strip(1, 0),
                "fuse, strip": sequence("decoders", replace("▁", " "), FALLBACK, FUSE, strip(1, 0)),
                "strip two": sequence("decoders", FUSE, strip(2, 1, "h")), "empty": sequence("decoders"),
                "fuse, fallback": sequence("decoders", FUSE, FALLBACK), "fuse": FUSE,
                "fuse, strip end": sequence("decoders", FUSE, strip(0, 2, "h"), replace("h", "▁h"))}
    for name, decoder in decoders.items():
        yield f"decoder: {name}", make(pieces, decoder=decoder), []


def random_tokenizer(seed):
    """A tokenizer with random merges over few letters, so that candidates often go stale, and random added tokens."""
    rng = SplitMix64(seed)
    tokens, merges = ["a", "b", "▁", "<unk>"], []
    for _ in range(4 + rng.below(24)):
        usable = [t for t in tokens if t != "<unk>"]
        left, right = usable[rng.below(len(usable))], usable[rng.below(len(usable))]
        if len(left + right) > 8:
            continue
        if left + right not in tokens:
            tokens.append(left + right)
        merges.insert(rng.below(len(merges) + 1), [left, right] if seed % 2 else f"{left} {right}")
    extra = []
    for _ in range(rng.below(4)):
        flags = "".join(f for f in "wlrns" if rng.below(3) == 0)
        # tokenizers panics where the white space that one token takes along holds another's with lstrip.
        letters = "abXX" if "l" in flags else "ab X"
        content = "".join(letters[rng.below(4)] for _ in range(1 + rng.below(3)))
        if content not in tokens + [t["content"] for t in extra]:
            extra.append(added(len(tokens) + len(extra), content, flags))
    return make(tokens, merges, extra, unk_token="<unk>" if rng.below(2) else None, fuse_unk=rng.below(2) == 0,
                normalizer=[None, LLAMA, replace(" ", "▁"), PREPEND][rng.below(4)], ignore_merges=rng.below(4) == 0,
                decoder=[None, sequence("decoders", replace("▁", " "), FUSE, strip(1, 0))][rng.below(2)])


def random_text(rng):
    return "".join("aaaaabbbb XX-"[rng.below(13)] for _ in range(rng.below(24)))


def synthetic():
    out = []
    for name, spec, texts in written_tokenizers():
        tokenizer = Tokenizer.from_str(json.dumps(spec))
        entry = {"name": name, "tokenizer": spec, "cases": [case(tokenizer, text) for text in texts]}
        if not texts:  # a decoder: every pair of tokens, and all in a row
            ids = list(spec["model"]["vocab"].values())
            rows = [[i, j] for i in ids for j in ids] + [ids, ids[::-1]]
            # tokenizers panics where Strip's two ends meet.
            aitch = {spec["model"]["vocab"]["h"], spec["model"]["vocab"]["hh"]}
            entry["decodes"] = [[row, tokenizer.decode(row, skip_special_tokens=False)] for row in rows
                                if set(row) - aitch]
        out.append(entry)
    for seed in range(40):
        spec = random_tokenizer(seed)
        tokenizer = Tokenizer.from_str(json.dumps(spec))
        rng = SplitMix64(1000 + seed)
        out.append({"name": f"random {seed}", "tokenizer": spec,
                    "cases": [case(tokenizer, random_text(rng)) for _ in range(8)]})
    return out


def word_ranges():
    spec = make(["a"], added_tokens=[added(1, "<x>", "w")])
    tokenizer = Tokenizer.from_str(json.dumps(spec))
    codes = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    ranges = []
    for code, encoding in zip(codes, tokenizer.encode_batch([chr(code) + "<x>" for code in codes])):
        if 1 in encoding.ids:
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def print_word_characters():
    line = "   "
    for first, last in word_ranges():
        item = f" {{0x{first:X}, 0x{last:X}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)


def fetched(tokenizer, data):
    files = {}
    for name in ["heldout.jsonl", "calibration.jsonl"]:
        content = (data / name).read_bytes()
        ids = [tokenizer.encode(json.loads(line)["text"]).ids for line in content.splitlines()]
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "tokens": sum(map(len, ids)),
                       "counts": [len(i) for i in ids], "hashes": "".join(hash_ids(i, 64) for i in ids)}
    return files


def random_goldens(tokenizer):
    strings = [tokenizer.encode(random_string(seed)).ids for seed in range(RANDOM_STRINGS)]
    size = tokenizer.get_vocab_size()
    decodes = {skip: "".join(fnv(tokenizer.decode(random_ids(seed, size), skip_special_tokens=skip).encode(), 32)
                             for seed in range(RANDOM_DECODES)) for skip in (False, True)}
    lines = {}
    for kind in LINES:
        ids = tokenizer.encode(long_line(kind)).ids
        lines[kind] = {"count": len(ids), "hash": hash_ids(ids, 64)}
    return {"strings": "".join(hash_ids(ids, 32) for ids in strings), "decodes": decodes[False],
            "decodes_skipping": decodes[True], "lines": lines}


def write(path, content):
    content = {"tokenizers": __version__} | content
    path.write_text(json.dumps(content, ensure_ascii=True, separators=(",", ":")).replace('},{', '},\n{') + "\n")
    print(f"{path}: {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default="models/orlik")
    parser.add_argument("--data", type=pathlib.Path, default="data/orlik")
    parser.add_argument("--out", type=pathlib.Path, default="tests/golden/tokenizer")
    parser.add_argument("--print-word-characters", action="store_true")
    args = parser.parse_args()
    if args.print_word_characters:
        return print_word_characters()
    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    args.out.mkdir(parents=True, exist_ok=True)
    write(args.out / "fetched.json", {"files": fetched(tokenizer, args.data)})
    write(args.out / "random.json", random_goldens(tokenizer))
    write(args.out / "cases.json", {"cases": [case(tokenizer, text) for text in CASES]})
    write(args.out / "synthetic.json", {"entries": synthetic()})
    ranges = word_ranges()
    flat = b"".join(code.to_bytes(4, "little") for r in ranges for code in r)
    write(args.out / "words.json", {"ranges": len(ranges), "hash": fnv(flat, 64)})


if __name__ == "__main__":
    main()
