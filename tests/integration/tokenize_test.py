"""`dwubit tokenize`: texts, corpora of every kind, decoding."""
import gzip
import json
import shutil
import subprocess
import unittest

import support
import tiny

TEXTS = ["kot ma kota", "Zażółć gęślą jaźń 😀", " dwie  spacje\ti\nwiersz ", "</s>", "z"]
CORPUS = "".join(json.dumps({"text": text}) + "\n" for text in TEXTS)


def expected(text):
    return [tiny.EOS] if text == "</s>" else tiny.encode(text)


class Tokenize(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def documents(self, *arguments):
        found = self.ok("tokenize", self.model, *arguments)
        self.assertEqual(found["count"], sum(map(len, found["documents"])))
        return found["documents"]

    def test_prompt(self):
        for text in TEXTS:
            self.assertEqual(self.documents("-p", text), [[tiny.BOS, *expected(text)]], text)
        self.assertEqual(self.documents("--prompt", TEXTS[0]), self.documents("-p", TEXTS[0]))
        self.assertEqual(self.documents("-p", ""), [[tiny.BOS]])

    def test_text_output(self):
        run = self.run_program("tokenize", self.model, "-p", TEXTS[0])
        self.assertEqual(run.out, " ".join(map(str, [tiny.BOS, *expected(TEXTS[0])])) + "\n", run)

    def test_no_bos(self):
        self.assertEqual(self.documents("-p", TEXTS[1], "--no-bos"), [expected(TEXTS[1])])
        path = self.write("a.jsonl", CORPUS)
        self.assertEqual(self.documents("--data", path, "--no-bos"), [expected(text) for text in TEXTS])

    def test_kinds_of_files(self):
        whole = "kot\nma kota\n"
        for suffix, pack in (("", bytes), (".gz", gzip.compress), (".zst", support.zstd_frame)):
            with self.subTest(suffix=suffix):
                path = self.write("a.jsonl" + suffix, pack(CORPUS.encode()))
                self.assertEqual(self.documents("--data", path), [[tiny.BOS, *expected(text)] for text in TEXTS])
                path = self.write("a.txt" + suffix, pack(whole.encode()))
                self.assertEqual(self.documents("--data", path), [[tiny.BOS, *expected(whole)]])

    def test_several_members(self):
        lines = CORPUS.splitlines(keepends=True)
        path = self.write("a.jsonl.gz", b"".join(gzip.compress(line.encode()) for line in lines))
        self.assertEqual(len(self.documents("--data", path)), len(TEXTS))
        path = self.write("a.jsonl.zst", b"".join(support.zstd_frame(line.encode()) for line in lines))
        self.assertEqual(len(self.documents("--data", path)), len(TEXTS))

    @unittest.skipUnless(shutil.which("zstd"), "needs the command zstd")
    def test_compressed_by_zstd(self):
        path = self.write("big.jsonl", CORPUS * 2000)
        subprocess.run(["zstd", "-q", path], check=True)
        self.assertEqual(len(self.documents("--data", path.with_name("big.jsonl.zst"))), 2000 * len(TEXTS))

    def test_lines(self):
        """BOM, CRLF, blank lines, no newline at the end, other members"""
        lines = ["\ufeff" + json.dumps({"id": 3, "text": "kot"}) + "\r\n", "\r\n", "  \n",
                 json.dumps({"text": "ma", "more": {"text": "x"}})]
        path = self.write("a.jsonl", "".join(lines))
        self.assertEqual(self.documents("--data", path), [[tiny.BOS, *expected("kot")], [tiny.BOS, *expected("ma")]])

    def test_field(self):
        path = self.write("a.jsonl", json.dumps({"text": "ma", "body": "kot"}))
        self.assertEqual(self.documents("--data", path, "--field", "body"), [[tiny.BOS, *expected("kot")]])
        self.refused(1, "tokenize", self.model, "--data", path, "--field", "title", names=[f"{path}:1", "'title'"])

    def test_decode(self):
        for text in TEXTS:
            if text == "</s>":
                continue
            ids = ",".join(map(str, expected(text)))
            found = self.ok("tokenize", self.model, "--ids", ids)
            self.assertEqual((found["text"], found["documents"]), (text, [expected(text)]))
            run = self.run_program("tokenize", self.model, "--ids", ids)
            self.assertEqual(run.out, text + "\n", run)

    def test_decode_special_tokens(self):
        ids = ["--ids", f"{tiny.BOS},{tiny.token_id('▁kot')},{tiny.EOS}"]
        self.assertEqual(self.ok("tokenize", self.model, *ids)["text"], "kot")
        self.assertEqual(self.ok("tokenize", self.model, *ids, "--special")["text"], "<s> kot</s>")

    def test_bad_ids(self):
        for ids, place in ((f"1,297,{tiny.VOCAB}", "place 2 of 3"), ("-1", "place 0 of 1"),
                           ("5,2147483647", "place 1 of 2")):
            wrong = ids.split(",")[-1]
            self.refused(1, "tokenize", self.model, f"--ids={ids}", kind="invalid_input",
                         names=[f"no token has id {wrong}", place, f"0 and {tiny.VOCAB - 1}"])
        for ids in ("1,x", "1;2", "1,,2", "2147483648", "1.5", ","):
            self.refused(2, "tokenize", self.model, f"--ids={ids}", kind="usage", names=[f"'{ids}'"], hint="--ids 1,2,3")

    def test_ill_formed_prompt(self):
        """One U+FFFD for each ill-formed part"""
        found = self.ok("tokenize", self.model, "-p", b"k\xff\xc4t".decode("utf-8", "surrogateescape"))
        self.assertEqual(found["documents"], [[tiny.BOS, *tiny.encode("k\ufffd\ufffdt")]])

    def test_orlik(self):
        for text in TEXTS + ["W Szczebrzeszynie chrząszcz brzmi w trzcinie."]:
            if text == "</s>":
                continue
            found = self.ok("tokenize", support.ORLIK, "-p", text)
            ids = found["documents"][0]
            self.assertEqual(ids[0], 1)
            back = self.ok("tokenize", support.ORLIK, "--ids", ",".join(map(str, ids[1:])))
            self.assertEqual(back["text"], text)

    def test_long_lines(self):
        """Time is n log n: 1 MB of one letter, of spaces, of merges"""
        for text in ("a" * 1_000_000, " " * 1_000_000, "kot " * 250_000):
            path = self.write("a.jsonl", json.dumps({"text": text}))
            run = self.run_program("tokenize", support.ORLIK, "--data", path, seconds=5)
            self.assertEqual((run.code, run.out[:2]), (0, "1 "), run.err)


if __name__ == "__main__":
    support.main()
