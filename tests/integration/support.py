"""Runs the program and holds its answers to the command-line contract: envelopes, exit codes, limits.

A test file is started as `python3 -B X_test.py PROGRAM [--sanitized] [unittest's arguments]`.
"""
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ORLIK = ROOT / "models" / "orlik"
SECONDS = 10  # for any input, good or bad
# 1 GiB, and what each thread reserves without using it: 8 MiB of stack, 64 MiB for malloc
ADDRESS_SPACE = (1 << 30) + (os.cpu_count() or 1) * (72 << 20)
MAX_ERROR_LINES = 6
VERSION_FIELDS = {"schema", "version", "warnings"}
# What every object of a command has; more members are allowed.
KEYS = {
    "tokenize": {"documents", "count"},
    "perplexity": {"perplexity", "nll", "stderr", "predictions", "bits_per_byte", "window", "convention", "add_bos",
                   "doc_end", "seconds", "tokens_per_second", "kl"},
    "generate": {"text", "ids", "prompt_tokens", "generated_tokens", "stop_reason", "sampler",
                 "prompt_tokens_per_second", "decode_tokens_per_second"},
    "chat": {"messages", "turns", "prompt_tokens", "reused_tokens", "generated_tokens", "forgotten_messages", "sampler",
             "prompt_tokens_per_second", "decode_tokens_per_second"},
    "eval": {"results", "n-samples", "configs", "versions", "config", "files", "tokens_evaluated", "tokens_reused"},
    "inspect": {"kind", "architecture", "parameters", "bytes", "bits_per_weight_linears", "bits_per_weight_file",
                "bytes_per_token", "layers", "embedding", "head", "tokenizer", "manifest"},
    "calibrate": {"hessians", "tokens", "sequences", "length", "dtype", "nonfinite_rows", "seconds", "fingerprint", "sites",
                  "resumed_layers"},
    "hessians": {"hessians", "tokens", "sequences", "length", "dtype", "nonfinite_rows", "seconds", "fingerprint", "sites",
                 "resumed_layers"},
    "quantize": {"model", "method", "recipe", "parameters", "bits_per_weight_linears", "bits_per_weight_file", "bytes",
                 "bytes_per_token", "mean_relative_proxy", "mean_relative_frobenius", "seconds", "tensors"},
    "export": {"path", "layout", "bytes"},
    "import": {"path", "layout", "bytes"},
    "formats": {"formats"},
    "methods": {"methods"},
    "tasks": {"tasks"},
}
_options = {"program": None, "sanitized": False}


def main():
    arguments = sys.argv[1:]
    _options["program"] = str(pathlib.Path(arguments.pop(0)).resolve())
    if "--sanitized" in arguments:  # no limit on address space, more time
        arguments.remove("--sanitized")
        _options["sanitized"] = True
    unittest.main(argv=[sys.argv[0], *arguments])


def program():
    return _options["program"]


def _limit():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not _options["sanitized"]:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


class Run:
    """One run of the program"""

    def __init__(self, arguments, env=None, seconds=SECONDS, limited=True, stdin=b""):
        self.command = ["dwubit", *map(str, arguments)]
        # Not even a `DWUBIT_ISA` of the caller's is hidden: the whole suite may be run with one.
        environment = {**os.environ, **(env or {})}
        if _options["sanitized"]:
            seconds *= 10
        start = time.monotonic()
        done = subprocess.run([_options["program"], *self.command[1:]], cwd=ROOT, env=environment, capture_output=True,
                              input=stdin, timeout=seconds, preexec_fn=_limit if limited else None)
        self.seconds = time.monotonic() - start
        self.code = done.returncode
        self.out = done.stdout.decode()  # strict: the program writes well-formed UTF-8 only
        self.err = done.stderr.decode()

    def __str__(self):
        return f"{' '.join(self.command)[:300]}\nexit {self.code}\nstdout: {self.out[:2000]}\nstderr: {self.err[:2000]}"


def _object(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key is there twice: {keys}")
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def zstd_frame(data):
    """A Zstandard frame of one raw block"""
    assert len(data) < 1 << 17
    one_segment, four_byte_size = 1 << 5, 2 << 6
    last_raw_block = 1 | len(data) << 3
    return (struct.pack("<IBI", 0xFD2FB528, one_segment | four_byte_size, len(data)) +
            struct.pack("<I", last_raw_block)[:3] + data)


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own, self.root"""

    maxDiff = 2000

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def write(self, name, content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_program(self, *arguments, **options):
        return Run(arguments, **options)

    def the_object(self, run, schema):
        """The one JSON object on stdout"""
        self.assertTrue(run.out.endswith("}\n"), run)
        try:
            value = json.loads(run.out, object_pairs_hook=_object, parse_constant=_no_constant)
        except ValueError as error:
            self.fail(f"{error}\n{run}")
        self.assertIsInstance(value, dict, run)
        self.assertEqual(value.get("schema"), f"dwubit.{schema}/1", run)
        self.assertRegex(value.get("version", ""), r"^\d+\.\d+\.\d+$", run)
        self.assertIsInstance(value.get("warnings"), list, run)
        self.assertTrue(all(isinstance(text, str) and text for text in value["warnings"]), run)
        return value

    def ok(self, command, *arguments, warnings=(), **options):
        """The object of a run with --json that succeeds, with exactly one warning that holds each of `warnings`"""
        run = self.run_program(command, *arguments, "--json", **options)
        self.assertEqual(run.code, 0, run)
        value = self.the_object(run, command)
        self.assertEqual(KEYS[command] - value.keys(), set(), run)
        self.assertEqual(len(value["warnings"]), len(warnings), run)
        for text, found in zip(warnings, value["warnings"]):
            self.assertIn(text, found)
            self.assertIn(text, run.err)
        return value

    def check_error(self, run, code, needles):
        self.assertEqual(run.code, code, run)
        lines = run.err.splitlines()
        self.assertTrue(1 <= len(lines) <= MAX_ERROR_LINES, run)
        self.assertTrue(all(len(line) <= 500 for line in lines), run)
        self.assertIn("error: ", run.err, run)
        for needle in needles:
            self.assertIn(str(needle), run.err, run)

    def refused(self, code, *arguments, names=(), kind=None, schema=None, hint=None, said="", **options):
        """Fails as the contract says, without and with --json: `names` stand in the text on stderr. Returns the error.

        `said`: what stands on stdout without --json, None if that is not known.
        """
        plain = self.run_program(*arguments, **options)
        self.check_error(plain, code, names)
        if said is not None:
            self.assertEqual(plain.out, said, plain)
        run = self.run_program(*arguments, "--json", **options)
        self.check_error(run, code, names)
        value = self.the_object(run, schema or arguments[0])
        self.assertEqual(value.keys(), {"error"} | VERSION_FIELDS, run)
        error = value["error"]
        self.assertEqual(error.keys(), {"kind", "message", "context", "hint"}, run)
        self.assertTrue(error["message"], run)
        self.assertIsInstance(error["context"], list, run)
        self.assertIn(error["message"][:200].splitlines()[0], run.err, run)
        if kind is not None:
            self.assertEqual(error["kind"], kind, run)
        if hint is not None:
            self.assertIn(hint, error["hint"], run)
            self.assertIn(hint, run.err, run)
        self.assertEqual(code == 2, error["kind"] == "usage", run)
        return error
