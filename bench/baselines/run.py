#!/usr/bin/env python3
"""dwubit beside llama.cpp and transformers on one machine in one run: they take turns, and the ratios are of the medians.

  bench/baselines/run.py --model MODEL [--packed MODEL2] [--gguf FILE] [--transformers] [-p 512] [-n 128] [-r 5] [-t 2]

README.md beside this has the rules, and how the models are made.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Worker:
    """A peer that stays loaded and runs when asked"""

    def __init__(self, name, python, script, *arguments):
        self.name = name
        self.process = subprocess.Popen([python, "-B", HERE / script, *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended:\n{self.process.stderr.read()[-2000:]}")
        return json.loads(line)

    def run(self, prompt, generated):
        self.process.stdin.write(f"{prompt} {generated}\n")
        self.process.stdin.flush()
        return self.answer()


class Dwubit:
    """The program itself, started anew for each turn: its own clock leaves loading out"""

    def __init__(self, name, program, model, threads, flags):
        self.name = name
        self.command = [program, "bench", model, "-t", threads, "-r", 1, "--json", *flags]
        self.about = {}

    def bench(self, *arguments):
        done = subprocess.run([*map(str, self.command), *map(str, arguments)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{self.name}: {done.stderr}")
        found = json.loads(done.stdout)
        self.about = {"bytes": found["model"]["bytes"], "version": found["version"], "cpu": found["cpu"],
                      "kernel": found["kernels"][0]["kernel"], "read_gb_per_s": found["read_gb_per_s"],
                      "memcpy_gb_per_s": found["memcpy_gb_per_s"]}
        test = found["tests"][0]
        return (test["n_prompt"] + test["n_gen"]) / test["tokens_per_second"]

    def run(self, prompt, generated):
        return [self.bench("-p", prompt, "-n", 0) if prompt else 0.0,
                self.bench("-p", 0, "-n", generated, "-d", prompt) if generated else 0.0]


def contenders(options):
    made = []
    flags = ["--act", options.act] if options.act else []
    if options.model:
        made.append(Dwubit("dwubit bf16", options.dwubit, options.model, options.threads, flags))
    if options.packed:
        made.append(Dwubit("dwubit packed", options.dwubit, options.packed, options.threads, flags))
    context = options.prompt + options.generated
    for file in options.gguf:
        made.append(Worker(f"llama.cpp {pathlib.Path(file).stem}", options.python, "llama_cpp_worker.py", file,
                           options.threads, context))
    if options.transformers:
        for dtype in ("float32", "bfloat16"):
            made.append(Worker(f"transformers {dtype}", options.torch_python, "transformers_worker.py", options.model,
                               dtype, options.threads))
    return made


def report(made, samples, options):
    rates = {}
    for one in made:
        row = {"name": one.name, **one.about}
        for key, tokens, part in (("prompt", options.prompt, 0), ("generated", options.generated, 1)):
            if not tokens:
                continue
            all_rates = sorted(tokens / seconds[part] for seconds in samples[one.name])
            row[key] = {"median": statistics.median(all_rates), "lowest": all_rates[0], "highest": all_rates[-1]}
        rates[one.name] = row
        print(json.dumps(row), flush=True)
    for ours in (name for name in rates if name.startswith("dwubit")):
        for peer in (name for name in rates if not name.startswith("dwubit")):
            for key in ("prompt", "generated"):
                if key in rates[ours]:
                    ratio = rates[ours][key]["median"] / rates[peer][key]["median"]
                    print(f"{key}: {ours} / {peer} = {ratio:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dwubit", default=ROOT / "build/release/dwubit")
    parser.add_argument("--model", help="model folder of bfloat16 weights")
    parser.add_argument("--packed", help="its twin at two bits")
    parser.add_argument("--gguf", action="append", default=[], help="a GGUF file, by llama.cpp")
    parser.add_argument("--transformers", action="store_true", help="MODEL by transformers too")
    parser.add_argument("--python", default=sys.executable, help="one that has llama_cpp")
    parser.add_argument("--torch-python", default=sys.executable, help="one that has torch and transformers")
    parser.add_argument("--act", help="for dwubit")
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--generated", type=int, default=128)
    parser.add_argument("-r", "--rounds", type=int, default=5)
    parser.add_argument("-t", "--threads", type=int, default=2)
    options = parser.parse_args()
    if not options.model and (options.transformers or not options.packed):
        parser.error("--model is missing")
    made = contenders(options)
    samples = {one.name: [] for one in made}
    for one in made:
        one.run(min(options.prompt, 64), min(options.generated, 4))  # warm-up
    for _ in range(options.rounds):
        for one in made:
            samples[one.name].append(one.run(options.prompt, options.generated))
    report(made, samples, options)


if __name__ == "__main__":
    main()
