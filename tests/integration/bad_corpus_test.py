"""Broken corpora: a message that names file and line, exit 1, soon, in little memory."""
import gzip
import json
import os

import support
import tiny

GOOD = json.dumps({"text": "kot ma kota"})


class Corpus(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def check(self, path, *names, kind="invalid_input"):
        """`tokenize` may have printed the documents before the fault"""
        for command, said in (("tokenize", None), ("perplexity", "")):
            self.refused(1, command, self.model, "--data", path, names=[path, *names], kind=kind, said=said)

    def test_the_good_line(self):
        self.assertEqual(self.ok("perplexity", self.model, "--data", self.write("a.jsonl", GOOD))["documents"], 1)

    def test_missing(self):
        self.check(self.root / "none.jsonl", kind="not_found")
        self.check(self.root / "none" / "a.txt.gz", kind="not_found")

    def test_empty(self):
        for name in ("a.jsonl", "a.txt", "a.jsonl.gz", "a.txt.zst"):
            self.check(self.write(name, b""), kind=None)
        for name, data in (("b.jsonl.gz", gzip.compress(b"")), ("b.txt.gz", gzip.compress(b"")),
                           ("b.jsonl.zst", support.zstd_frame(b"")), ("b.jsonl", "\ufeff"), ("b.txt", "\ufeff")):
            self.check(self.write(name, data), "no document")

    def test_blank_lines_only(self):
        self.check(self.write("a.jsonl", "\n\n  \r\n\t\n"), "no document")

    def test_broken_line(self):
        for line, *names in (('{"text": "kot', ), ("kot",), ('{"text": "a"} {"text": "b"}',), ("[]", "object"),
                             ('"kot"', "object"), ('{"text": "a", "text": "b"}',), ('{"text": NaN}',), ("{" * 100_000,),
                             ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}",), ('{"text": "\x01"}',),
                             ('{"text": "\\ud800"}',), ("\0",)):
            with self.subTest(line=line[:40]):
                lines = [GOOD] * 20
                lines[11] = line
                self.check(self.write("a.jsonl", "\n".join(lines) + "\n"), "a.jsonl:12", *names)

    def test_line_without_text(self):
        for line in ("{}", '{"body": "kot"}', '{"text": 7}', '{"text": null}', '{"text": ["a"]}'):
            with self.subTest(line=line):
                self.check(self.write("a.jsonl", f"{GOOD}\n\n{line}\n"), "a.jsonl:3", "'text'")

    def test_invalid_utf8(self):
        """An error with its line in .jsonl; U+FFFD in .txt, as for a prompt"""
        for data in (b'{"text": "k\xff"}', b'{"text": "\xc5"}', b'{"text": "\xed\xa0\x80"}', b'{"text": "\xc0\xaf"}'):
            with self.subTest(data=data):
                self.check(self.write("a.jsonl", GOOD.encode() + b"\n" + data + b"\n"), "a.jsonl:2", "UTF-8")
        found = self.ok("tokenize", self.model, "--data", self.write("a.txt", b"k\xfft"))
        self.assertEqual(found["documents"], [[tiny.BOS, *tiny.encode("k\ufffdt")]])

    def test_names(self):
        for name in ("a.json", "a.csv", "a", "a.gz", "a.parquet.gz", "a.jsonl.xz", ".jsonl.bak"):
            with self.subTest(name=name):
                self.check(self.write(name, GOOD), ".jsonl", ".txt", kind="unsupported")

    def test_parquet(self):
        """Refused by a build that reads no Parquet, which says so; by one that does, as damaged"""
        self.check(self.write("a.parquet", GOOD), "Parquet", kind=None)

    def test_folder(self):
        for name in ("a.jsonl", "a.txt", "a.txt.gz"):
            (self.root / name).mkdir()
            self.check(self.root / name, kind=None)
        self.check(self.root, kind=None)

    def test_special_files(self):
        """A pipe that nobody writes to is refused, not waited for"""
        path = self.root / "a.jsonl"
        os.mkfifo(path)
        self.check(path, kind=None)

    def test_truncated_gzip(self):
        noise = "".join(json.dumps({"text": "kot " + os.urandom(40).hex()}) + "\n" for _ in range(300)).encode()
        for name, whole in (("a.jsonl.gz", gzip.compress(noise)), ("a.jsonl.zst", support.zstd_frame(noise))):
            for size in (1, 9, 10, 11, len(whole) // 2, len(whole) - 1):
                with self.subTest(name=name, size=size):
                    self.check(self.write(name, whole[:size]), kind="invalid_input")

    def test_damaged_gzip(self):
        for name, whole in (("a.txt.gz", gzip.compress(b"kot ma " * 9)), ("a.txt.zst", support.zstd_frame(b"kot ma "))):
            self.check(self.write(name, b"kot ma kota"), "damaged")
            self.check(self.write(name, whole + b"kot"), kind="invalid_input")
        whole = bytearray(gzip.compress(b"kot ma " * 9))
        whole[-6] ^= 1  # its checksum
        self.check(self.write("a.txt.gz", bytes(whole)), "damaged")

    def test_small_file_of_much_text(self):
        """256 MiB of one document is the limit; memory stays bounded on the way there"""
        text = gzip.compress(b"k" * (1 << 20), 9) * 300  # members in a row: 300 MiB in 300 kB
        for name in ("a.txt.gz", "a.jsonl.gz"):
            self.check(self.write(name, text), "268435456")


if __name__ == "__main__":
    support.main()
