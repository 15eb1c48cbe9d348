"""`dwubit chat`: what it sends to the model, what it keeps, and how it ends."""
import itertools
import json
import os
import pty
import select
import signal
import subprocess
import time

import support
import tiny

MARK = "ć"  # stands in every answer
TEMPLATE = ("{{ bos_token }}{% for m in messages %}{{ m.role }} {{ m.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}assistant c{% endif %}")


def lines(*texts):
    return "".join(text + "\n" for text in texts).encode()


def rendered(messages):
    return "".join(f"{m['role']} {m['content']}\n" for m in messages) + "assistant c"


def common(a, b):
    return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b))))


class ChatTest(support.ProgramTest):
    """A model whose next token follows from the last one, and a template that ends with the token c"""

    def setUp(self):
        super().setUp()
        self.model = tiny.write(self.root / "tiny")
        self.configure(bos_token={"content": "<s>", "special": True}, eos_token="</s>", chat_template=TEMPLATE)

    def configure(self, **members):
        self.write("tiny/tokenizer_config.json", json.dumps(members))

    def chat(self, *texts, arguments=(), model=None, **options):
        return self.ok("chat", model or self.model, "--act", "f32", *arguments, stdin=lines(*texts), **options)

    def answer_ids(self):
        token = tiny.token_id("c")
        while (token := tiny.greedy(token)) != tiny.EOS:
            yield token

    def added_text(self, prompt_ids, ids):
        """What decoding `ids` after the prompt adds to its text"""
        def decoded(all_ids):
            return self.ok("tokenize", self.model, "--ids", ",".join(map(str, all_ids)))["text"]
        before = decoded(prompt_ids)
        after = decoded([*prompt_ids, *ids])
        self.assertTrue(after.startswith(before))
        return after[len(before):]


class Conversation(ChatTest):
    def test_history(self):
        """Every turn sees all turns before it, and evaluates only what its prompt does not share with them"""
        found = self.chat("kot ma psa", "", "  ", "żółw?", "kot")
        messages = found["messages"]
        self.assertEqual([m["role"] for m in messages], ["user", "assistant"] * 3)
        self.assertEqual([m["content"] for m in messages[::2]], ["kot ma psa", "żółw?", "kot"])
        ids, cached = list(self.answer_ids()), []
        for index, turn in enumerate(found["turns"]):
            prompt = [tiny.BOS, *tiny.encode(rendered(messages[:2 * index + 1]))]
            self.assertEqual(messages[2 * index + 1]["content"], self.added_text(prompt, ids))
            self.assertEqual(turn, {"prompt_tokens": len(prompt), "reused_tokens": common(cached, prompt),
                                    "generated_tokens": len(ids), "stop_reason": "eos"})
            cached = prompt + ids
        self.assertGreater(found["turns"][2]["reused_tokens"], found["turns"][0]["prompt_tokens"])
        for key in ("prompt_tokens", "reused_tokens", "generated_tokens"):
            self.assertEqual(found[key], sum(turn[key] for turn in found["turns"]))
        self.assertEqual(found["forgotten_messages"], 0)

    def test_the_cache_holds_what_the_prompt_says(self):
        """With attention at work: each answer is what `generate` gives for the same prompt, from an empty cache"""
        model = tiny.write(self.root / "mixing", weights=tiny.mixing_tensors())
        (model / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<s>", "chat_template": TEMPLATE}))
        flags = ["-n", "9", "--repeat-penalty", "1.3"]
        found = self.chat("kot ma", "pies", "mama", arguments=flags, model=model)
        messages = found["messages"]
        for index in (1, 3, 5):
            alone = self.ok("generate", model, "--act", "f32", "-p", rendered(messages[:index]), *flags)
            self.assertEqual(messages[index]["content"], alone["text"])
            self.assertEqual(found["turns"][index // 2]["prompt_tokens"], alone["prompt_tokens"])
        self.assertGreater(found["reused_tokens"], 0)

    def test_lines_of_a_pipe(self):
        one = self.chat("kot")["messages"][1]["content"]
        run = self.run_program("chat", self.model, "--act", "f32", stdin=b"kot\r\n\nma\n/exit\npies\n")
        self.assertEqual((run.code, run.out, run.err), (0, 2 * (one + "\n"), ""), run)
        run = self.run_program("chat", self.model, "--act", "f32", stdin="kot \xff".encode("latin-1"))
        self.assertEqual((run.code, run.out), (0, one + "\n"), run)
        self.assertEqual(self.chat(arguments=["--system", "x"])["messages"], [{"role": "system", "content": "x"}])
        run = self.run_program("chat", self.model, "--json", stdin="kot \xff!".encode("latin-1"))
        self.assertEqual(self.the_object(run, "chat")["messages"][0]["content"], "kot \ufffd!")

    def test_reset_and_system(self):
        found = self.chat("kot", "/reset", "ma", arguments=["--system", "mama"])
        self.assertEqual([m["role"] for m in found["messages"]], ["system", "user", "assistant"])
        self.assertEqual([m["content"] for m in found["messages"][:2]], ["mama", "ma"])
        fresh = self.chat("ma", arguments=["--system", "mama"])
        self.assertEqual(found["messages"], fresh["messages"])
        first, second = found["turns"]
        self.assertEqual(second["prompt_tokens"], fresh["turns"][0]["prompt_tokens"])
        self.assertEqual(second["reused_tokens"], 1 + common(*(tiny.encode(rendered([
            {"role": "system", "content": "mama"}, {"role": "user", "content": text}])) for text in ("kot", "ma"))))

    def test_stops(self):
        whole = self.chat("kot")["messages"][1]["content"]
        self.assertIn(MARK, whole)
        found = self.chat("kot", "ma", arguments=["--stop", "no such", "--stop", MARK])
        self.assertEqual([m["content"] for m in found["messages"][1::2]], [whole.split(MARK)[0]] * 2)
        self.assertEqual({turn["stop_reason"] for turn in found["turns"]}, {"stop"})
        found = self.chat("kot", arguments=["-n", "3"])
        self.assertEqual([(t["generated_tokens"], t["stop_reason"]) for t in found["turns"]], [(3, "length")])
        # The end token of the tokenizer's config counts beside the model's.
        self.configure(bos_token="<s>", eos_token="<0x5B>", chat_template=TEMPLATE)
        found = self.chat("kot")
        self.assertEqual([(t["generated_tokens"], t["stop_reason"]) for t in found["turns"]], [(2, "eos")])

    def test_a_full_context(self):
        """The oldest messages go, a user's with the answer to it, and the system's stays"""
        text = "kot ma psa i kota"
        found = self.chat(*[text] * 8, arguments=["-c", "200", "-n", "20", "--system", "mama"],
                          warnings=["the context is full: the oldest 2 messages are forgotten"] +
                          [f"the oldest {2 * count} messages" for count in range(2, 1 + self.forgetting(8, text))])
        self.assertEqual(len(found["messages"]), 17)
        self.assertEqual(found["forgotten_messages"], 2 * self.forgetting(8, text))
        self.assertTrue(all(turn["prompt_tokens"] + 20 <= 200 for turn in found["turns"]))
        self.assertEqual({turn["stop_reason"] for turn in found["turns"]}, {"eos"})
        error = self.refused(1, "chat", self.model, "-c", "60", kind="invalid_input", stdin=lines("kot " * 60),
                             names=["the context 60", "tokens"], hint="-c")
        self.assertIn("message", error["message"])

    def forgetting(self, turns, text):
        """How many turns drop the oldest two messages: worked out from the tokens of one round"""
        answer = self.chat(text)["messages"][1]["content"]
        system = [{"role": "system", "content": "mama"}]
        round_ = [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
        kept, drops = [], 0
        for _ in range(turns):
            kept += [round_[0]]
            while 1 + len(tiny.encode(rendered(system + kept))) > 200 - 20:
                kept, drops = kept[2:], drops + 1
            kept += [round_[1]]
        self.assertGreater(drops, 2)
        return drops

    def test_sampling(self):
        flags = ["--temp", "1", "--top-k", "30", "-n", "12"]
        one, two, other = (self.chat("kot", "ma", "pies", arguments=[*flags, "-t", threads, "--seed", seed])
                           for threads, seed in ("17", "27", "18"))
        self.assertEqual(one["messages"], two["messages"])
        self.assertNotEqual(one["messages"], other["messages"])
        self.assertEqual((one["sampler"]["name"], one["sampler"]["seed"], one["sampler"]["top_k"]), ("random", 7, 30))


class Templates(ChatTest):
    def refused_template(self, kind, names, *arguments, hint=None):
        return self.refused(1, "chat", self.model, *arguments, kind=kind, names=names, hint=hint, stdin=lines("kot"))

    def prompt_tokens(self, *arguments):
        return self.chat("kot", arguments=["-n", "1", *arguments])["turns"][0]["prompt_tokens"]

    def test_where_it_is_found(self):
        expected = 1 + len(tiny.encode("user kot\nassistant c"))
        self.assertEqual(self.prompt_tokens(), expected)
        self.configure(bos_token="<s>", chat_template=[{"name": "tool_use", "template": "x"},
                                                       {"name": "default", "template": TEMPLATE}])
        self.assertEqual(self.prompt_tokens(), expected)
        self.write("tiny/chat_template.jinja", "{{ messages[0].content }} ma c")
        self.assertEqual(self.prompt_tokens(), len(tiny.encode("kot ma c")))
        file = self.write("other.jinja", "{{ messages[-1]['content'] | upper }}c")
        self.assertEqual(self.prompt_tokens("--chat-template", file), len(tiny.encode("KOTc")))
        self.assertEqual(self.prompt_tokens("--chat-template", "chatml"),
                         len(tiny.encode("<|im_start|>user\nkot<|im_end|>\n<|im_start|>assistant\n")))

    def test_none(self):
        self.configure(bos_token="<s>")
        self.refused_template("not_found", ["no chat template", self.model], hint="dwubit generate")
        (self.model / "tokenizer_config.json").unlink()
        self.refused_template("not_found", ["no chat template", "--chat-template"])
        self.assertGreater(self.prompt_tokens("--chat-template", "chatml"), 20)
        self.refused_template("not_found", ["no-such-file"], "--chat-template", self.root / "no-such-file")

    def test_bad_ones(self):
        config = str(self.model / "tokenizer_config.json")
        cases = {
            "{% include 'x' %}": ("unsupported", ["include", "line 1"]),
            "\n{{ messages": ("invalid_input", ["line 2"]),
            "{{ raise_exception('Roles must alternate: ' + messages[0]['role']) }}":
                ("invalid_input", ["Roles must alternate: user"]),
            "{% for i in range(9999) %}{% for j in range(9999) %}{{ i }}{% endfor %}{% endfor %}": ("invalid_input", ["step"]),
            "{% set x = messages[0].content * 100000000 %}{{ x }}": ("invalid_input", ["bytes"]),
            "{{ messages | nosuchfilter }}": ("unsupported", ["nosuchfilter"]),
            "": ("invalid_input", ["makes no text"]),
            "x" * (2 << 20): ("invalid_input", ["1048576"]),
        }
        for text, (kind, names) in cases.items():
            with self.subTest(text[:60]):
                self.configure(chat_template=text)
                self.refused_template(kind, [*names, *([config] if text else [])])
        for value in (7, [7], [{"name": "x", "template": "y"}], [{"name": "default", "template": 7}], {"default": "x"}):
            with self.subTest(value):
                self.configure(chat_template=value)
                self.refused_template("invalid_input", [config, "chat_template"])
        self.configure(bos_token=[1], chat_template=TEMPLATE)
        self.refused_template("invalid_input", [config, "bos_token"])
        self.write("tiny/tokenizer_config.json", "{")
        self.refused_template("invalid_input", [config])

    def test_flags(self):
        self.refused(2, "chat", self.model, "--stop", "", kind="usage", names=["--stop"])
        self.refused(2, "chat", self.model, "-n", "0", kind="usage", names=["-n"])
        self.refused(1, "chat", self.root / "nowhere", kind="not_found", names=["nowhere"])

    def test_orlik(self):
        """Its own template, against the ids of its prompt"""
        found = self.chat("Co to jest pakiet?", "Dlaczego?", model=support.ORLIK, arguments=["-n", "16"])
        self.assertEqual(len(found["messages"]), 4)
        first = "<s><|im_start|>user\nCo to jest pakiet?<|im_end|>\n<|im_start|>assistant\n"
        ids = self.ok("tokenize", support.ORLIK, "-p", first, "--no-bos")["documents"][0]
        self.assertEqual(found["turns"][0]["prompt_tokens"], len(ids))
        # The answer is encoded again as it was written: all of the first turn is there already.
        self.assertEqual(found["turns"][1]["reused_tokens"], len(ids) + found["turns"][0]["generated_tokens"])


class Terminal(ChatTest):
    """In a pseudo-terminal"""

    def start(self, *arguments):
        master, slave = pty.openpty()
        process = subprocess.Popen([support.program(), "chat", str(self.model), "--act", "f32", *arguments], stdin=slave,
                                   stdout=slave, stderr=slave, start_new_session=True,
                                   preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)))
        os.close(slave)
        self.addCleanup(lambda: (process.kill(), process.wait(), os.close(master)))
        self.screen, self.master, self.process = b"", master, process

    def wait_for(self, text, after=0):
        """Reads until `text` stands on the screen behind `after` bytes; returns where it ends"""
        deadline = time.monotonic() + support.SECONDS * 3
        while (at := self.screen.find(text.encode(), after)) < 0:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            self.assertTrue(ready, f"no {text!r} in {self.screen[after:][:500]!r}")
            try:
                self.screen += os.read(self.master, 65536)
            except OSError:
                self.fail(f"no {text!r} in {self.screen[after:][:500]!r}, and the program has ended")
        return at + len(text.encode())

    def type(self, text):
        os.write(self.master, text.encode())

    def leaves(self):
        try:
            while os.read(self.master, 65536):
                pass
        except OSError:
            pass  # the other side is closed
        return self.process.wait(support.SECONDS * 3)

    def test_a_conversation(self):
        self.start()
        at = self.wait_for("> ")
        self.type("kot\n")
        at = self.wait_for(MARK, at)
        at = self.wait_for("> ", at)
        self.type("/reset\n")
        at = self.wait_for("> ", at)
        self.type("\x04")  # the terminal's end of file
        self.assertEqual(self.leaves(), 0)

    def test_interrupts_at_the_prompt(self):
        self.start()
        at = self.wait_for("> ")
        self.type("half a li\x03")
        at = self.wait_for("again leaves", at)
        at = self.wait_for("> ", at)
        self.type("kot\n")  # alone, without what was typed before
        at = self.wait_for(MARK, at)
        at = self.wait_for("> ", at)
        self.type("\x03")
        at = self.wait_for("again leaves", at)
        self.type("\x03")
        self.assertEqual(self.leaves(), 0)

    def endless(self):
        """A model that ends no answer"""
        config = tiny.CONFIG | {"max_position_embeddings": 100000, "eos_token_id": tiny.token_id("ź")}
        (self.model / "config.json").write_text(json.dumps(config))
        self.configure(bos_token="<s>", chat_template=TEMPLATE)
        self.start("-c", "60000", "-n", "59000")
        at = self.wait_for("> ")
        self.type("kot\n")
        return self.wait_for(MARK, at)

    def test_an_interrupt_ends_the_answer(self):
        at = self.endless()
        self.type("\x03")
        at = self.wait_for("\r\n> ", at)
        self.type("/exit\n")
        self.assertEqual(self.leaves(), 0)

    def test_a_message_that_does_not_fit(self):
        self.start("-c", "60")
        at = self.wait_for("> ")
        self.type("kot " * 60 + "\n")
        at = self.wait_for("the context 60", at)
        at = self.wait_for("> ", at)
        self.type("kot\n")
        at = self.wait_for(MARK, at)
        self.wait_for("> ", at)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.leaves(), -signal.SIGTERM)


if __name__ == "__main__":
    support.main()
