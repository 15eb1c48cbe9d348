"""`dwubit generate`: what it writes, where it stops."""
import itertools

import support
import tiny


class Tiny(support.ProgramTest):
    """The model whose next token follows from the last one"""

    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")

    def chain(self, prompt, eos=tiny.EOS):
        token = tiny.encode(prompt)[-1]
        while (token := tiny.greedy(token)) != eos:
            yield token

    def generate(self, *arguments, **options):
        return self.ok("generate", self.model, "--act", "f32", *arguments, **options)

    def test_greedy(self):
        ids = list(itertools.islice(self.chain("psa b", eos=None), 12))
        found = self.generate("-p", "psa b", "-n", "12", "--ignore-eos")
        self.assertEqual(found["ids"], ids)
        self.assertEqual((found["prompt_tokens"], found["generated_tokens"]), (1 + len(tiny.encode("psa b")), 12))
        self.assertEqual(found["sampler"]["name"], "greedy")

    def test_end_of_text(self):
        found = self.generate("-p", "ma kot")
        self.assertEqual((found["ids"], found["text"], found["stop_reason"]), ([], "", "eos"))
        text = next(c for c in "abcdefghijlmn" if 1 < len(list(itertools.islice(self.chain(c), 20))) < 20)
        ids = list(self.chain(text))
        found = self.generate("-p", text, "-n", "20")
        self.assertEqual((found["ids"], found["stop_reason"]), (ids, "eos"))
        found = self.generate("-p", text, "-n", str(len(ids)))
        self.assertEqual((found["ids"], found["stop_reason"]), (ids, "length"))

    def test_end_tokens_of_generation_config(self):
        """generation_config.json goes before config.json"""
        first, second = itertools.islice(self.chain("psa b", eos=None), 2)
        (self.model / "generation_config.json").write_text(f'{{"eos_token_id": [{second}]}}')
        self.assertNotEqual(first, second)
        found = self.generate("-p", "psa b", "-n", "5")
        self.assertEqual((found["ids"], found["stop_reason"]), ([first], "eos"))

    def test_context(self):
        prompt = "psa b c d"
        tokens = 1 + len(tiny.encode(prompt))
        found = self.generate("-p", prompt, "-n", "9", "-c", str(tokens + 2), "--ignore-eos", warnings=["room for 2 new tokens"])
        self.assertEqual((found["generated_tokens"], found["stop_reason"]), (2, "length"))
        self.refused(1, "generate", self.model, "-p", prompt, "-c", str(tokens - 1), kind="invalid_input",
                     names=[f"prompt has {tokens} tokens", f"context {tokens - 1}"], hint="-c")

    def test_prompt_beyond_the_trained_context(self):
        found = self.generate("-p", "b" * 300, "-n", "0", warnings=["more than the 256"])
        self.assertEqual((found["prompt_tokens"], found["ids"]), (302, []))

    def test_sizes_out_of_reach(self):
        for size in ("1000000000000", "9223372036854775807"):
            run = self.run_program("generate", self.model, "-p", "kot", "-n", size, "-c", size)
            self.check_error(run, 1, [f"KV cache of {size} positions", "shorter context"])

    def test_empty_prompt(self):
        found = self.generate("-p", "", "-n", "1", "--ignore-eos")
        self.assertEqual((found["prompt_tokens"], found["ids"]), (1, [tiny.greedy(tiny.BOS)]))
        self.refused(1, "generate", self.model, "-p", "", "--no-bos", kind="invalid_input", names=["prompt has no tokens"])

    def test_stop_strings(self):
        whole = self.generate("-p", "psa b", "-n", "12", "--ignore-eos")
        text = whole["text"]
        stop = text[3:6]
        self.assertEqual(len(stop), 3, text)
        found = self.generate("-p", "psa b", "-n", "12", "--ignore-eos", "--stop", "never there", "--stop", stop)
        self.assertEqual((found["text"], found["stop_reason"]), (text[:text.index(stop)], "stop"))
        self.assertEqual(found["ids"], whole["ids"][:len(found["ids"])])
        self.assertLess(found["generated_tokens"], 12)
        # What is held back for a stop that does not come is text after all.
        found = self.generate("-p", "psa b", "-n", "12", "--ignore-eos", "--stop", text[-2:] + "never there")
        self.assertEqual((found["text"], found["stop_reason"]), (text, "length"))
        self.refused(2, "generate", self.model, "-p", "kot", "--stop", "", kind="usage", names=["--stop"])

    def test_ranges_of_sampling(self):
        for flag, value in (("--temp", "-0.1"), ("--temp", "nan"), ("--top-p", "1.5"), ("--min-p", "x"), ("--top-k", "-1"),
                            ("--repeat-penalty", "0"), ("--repeat-last-n", "-2"), ("--seed", "-1")):
            self.refused(2, "generate", self.model, "-p", "kot", flag, value, kind="usage", names=[flag])

    def test_prompt_from_a_file(self):
        text = "psa b\n"
        path = self.write("prompt.txt", text)
        with_file, with_text = (self.generate(*flags, "-n", "3") for flags in (["-f", path], ["-p", text]))
        self.assertEqual((with_file["ids"], with_file["prompt_tokens"]), (with_text["ids"], with_text["prompt_tokens"]))
        missing = self.root / "none.txt"
        self.refused(1, "generate", self.model, "-f", missing, kind="not_found", names=[missing])
        self.refused(1, "generate", self.model, "-f", self.root, names=[self.root])


class Orlik(support.ProgramTest):
    PROMPT = "Ala ma kota, a kot ma"

    def generate(self, *arguments, **options):
        return self.ok("generate", support.ORLIK, "--act", "f32", *arguments, **options)

    def test_fields(self):
        found = self.generate("-p", self.PROMPT, "-n", "16", "--ignore-eos")
        prompt = self.ok("tokenize", support.ORLIK, "-p", self.PROMPT)["documents"][0]
        self.assertEqual((found["prompt_tokens"], found["generated_tokens"]), (len(prompt), 16))
        self.assertEqual((len(found["ids"]), found["stop_reason"]), (16, "length"))
        self.assertGreater(found["prompt_tokens_per_second"], 0)
        self.assertGreater(found["decode_tokens_per_second"], 0)
        joined = ",".join(map(str, [*prompt[1:], *found["ids"]]))
        self.assertEqual(self.ok("tokenize", support.ORLIK, "--ids", joined)["text"], self.PROMPT + found["text"])
        run = self.run_program("generate", support.ORLIK, "--act", "f32", "-p", self.PROMPT, "-n", "16",
                               "--ignore-eos")
        self.assertEqual(run.out, self.PROMPT + found["text"] + "\n", run)

    def test_any_number_of_threads(self):
        one, two, again = (self.generate("-p", self.PROMPT, "-n", "24", "-t", threads) for threads in "122")
        self.assertEqual((one["ids"], one["text"]), (two["ids"], two["text"]))
        self.assertEqual(two["ids"], again["ids"])

    def test_one_token_at_a_time(self):
        """What the cache holds equals what the prompt alone would give"""
        ids = self.generate("-p", self.PROMPT, "-n", "6")
        text = self.PROMPT
        for index in range(6):
            step = self.generate("-p", text, "-n", "1")
            if step["prompt_tokens"] != ids["prompt_tokens"] + index:
                break  # the text so far is cut into other tokens
            self.assertEqual(step["ids"], ids["ids"][index:index + 1])
            text += step["text"]
        self.assertGreaterEqual(index, 2)

    def test_sampling(self):
        flags = ["-p", self.PROMPT, "-n", "24", "--temp", "0.8", "--top-k", "40", "--top-p", "0.95", "--min-p", "0.05",
                 "--repeat-penalty", "1.1", "--repeat-last-n", "32"]
        one, two, other = (self.generate(*flags, "-t", threads, "--seed", seed) for threads, seed in ("17", "27", "18"))
        self.assertEqual((one["ids"], one["text"]), (two["ids"], two["text"]))
        self.assertNotEqual(one["ids"], other["ids"])
        self.assertEqual(one["sampler"], {"name": "random", "temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05,
                                          "repeat_penalty": 1.1, "repeat_last_n": 32, "seed": 7})
        greedy = self.generate("-p", self.PROMPT, "-n", "24")
        self.assertEqual(greedy["sampler"], {"name": "greedy", "temperature": 0, "top_k": 0, "top_p": 1, "min_p": 0,
                                             "repeat_penalty": 1, "repeat_last_n": 64, "seed": 0})
        only = self.generate("-p", self.PROMPT, "-n", "24", "--temp", "1", "--top-k", "1")
        self.assertEqual(only["ids"], greedy["ids"])

    def test_a_prompt_that_ends_with_bytes(self):
        """The newline, a byte token, belongs to the prompt's text and is not written twice"""
        prompt = self.PROMPT + "\n"
        found = self.generate("-p", prompt, "-n", "8", "--ignore-eos")
        ids = self.ok("tokenize", support.ORLIK, "-p", prompt)["documents"][0]
        self.assertEqual(self.ok("tokenize", support.ORLIK, "--ids", ids[-1])["text"], "\n")
        joined = ",".join(map(str, [*ids[1:], *found["ids"]]))
        self.assertEqual(self.ok("tokenize", support.ORLIK, "--ids", joined)["text"], prompt + found["text"])

    def test_bos_matters(self):
        self.assertEqual(self.generate("-p", self.PROMPT, "-n", "0")["prompt_tokens"] - 1,
                         self.generate("-p", self.PROMPT, "-n", "0", "--no-bos")["prompt_tokens"])

    def test_reference_loops(self):
        command = ["-p", self.PROMPT, "-n", "4"]
        self.assertEqual(self.generate(*command, env={"DWUBIT_ISA": "ref"})["ids"], self.generate(*command)["ids"])


if __name__ == "__main__":
    support.main()
