#!/usr/bin/env python3
"""Measures files and functions against the limits of docs/style.md: over the hard limit fails, over the review line is listed.

tools/sizes_allow.txt names exceptions, each with the size it may reach and a reason; an exception that is no longer
needed fails too. Functions are found by Universal Ctags.
"""
import argparse
import json
import pathlib
import subprocess
import sys
from typing import NamedTuple

from tracked import tracked


class Limit(NamedTuple):
    review: int
    hard: int


FILES = {
    ".cpp": Limit(500, 800),
    ".h": Limit(300, 500),
    ".cu": Limit(500, 700),
    ".cuh": Limit(500, 700),
    ".py": Limit(500, 800),
    ".sh": Limit(350, 500),
}
FUNCTION = Limit(60, 120)
KERNEL_FUNCTION = Limit(200, 300)  # in GPU and SIMD files
KERNEL_FILES = (".cu", ".cuh", "_avx2.cpp", "_avx512.cpp", "_avx512_vnni.cpp", "_avx512_bf16.cpp", "_inl.h")
WITH_FUNCTIONS = (".cpp", ".h", ".cu", ".cuh")
LEAST_REASON = 4  # words


def sized_files(root):
    return [n for n in tracked(root) if pathlib.PurePath(n).suffix in FILES]


def functions(root, names):
    """[(file, function, line, lines)] by ctags"""
    names = [n for n in names if n.endswith(WITH_FUNCTIONS)]
    if not names:
        return []
    command = ["ctags", "--output-format=json", "--languages=C++,CUDA", "--langmap=C++:+.h", "--map-CUDA=+.cuh",
               "--kinds-C++=f", "--kinds-CUDA=f", "--fields=+neS", "-L", "-", "-f", "-"]
    run = subprocess.run(command, cwd=root, input="\n".join(names), capture_output=True, text=True)
    if run.returncode or "--output-format=json" in run.stderr:
        sys.exit(f"check_sizes: needs Universal Ctags with JSON output (Debian: universal-ctags)\n{run.stderr}")
    found = []
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        name = tag["name"]
        if "end" in tag and not name.startswith("__anon"):  # a lambda counts as part of its function
            if name in ("TEST", "TEST_F", "TEST_P"):
                name += tag.get("signature", "").replace(" ", "")
            elif tag.get("scope") and "__anon" not in tag["scope"]:
                name = f"{tag['scope']}::{name}".removeprefix("dwubit::")
            found.append((tag["path"], name, tag["line"], tag["end"] - tag["line"] + 1))
    return found


def read_allowed(path):
    """{subject: (size, reason)} and the problems of the list itself"""
    allowed, problems = {}, []
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(maxsplit=2)
        if len(parts) < 3 or not parts[1].isdigit() or len(parts[2].split()) < LEAST_REASON:
            problems.append(f"{path.name}:{number}: expected 'subject size reason', the reason in at least {LEAST_REASON} words")
        else:
            allowed[parts[0]] = (int(parts[1]), parts[2])
    return allowed, problems


def check_tree(root, allow_file):
    """(failures, review lines, counts)"""
    names = sized_files(root)
    measured = []
    for name in names:
        lines = (root / name).read_bytes().count(b"\n")
        measured.append((name, name, lines, FILES[pathlib.PurePath(name).suffix]))
    found = functions(root, names)
    for file, function, line, lines in found:
        limit = KERNEL_FUNCTION if file.endswith(KERNEL_FILES) else FUNCTION
        measured.append((f"{file}:{function}", f"{file}:{line}: {function}", lines, limit))

    allowed, failures = read_allowed(allow_file)
    used, review = set(), []
    for subject, place, lines, limit in measured:
        if lines > limit.hard and subject in allowed:
            used.add(subject)
            if lines > allowed[subject][0]:
                failures.append(f"{place}: {lines} lines, allowed {allowed[subject][0]} by {allow_file.name}")
        elif lines > limit.hard:
            failures.append(f"{place}: {lines} lines, at most {limit.hard}")
        elif lines > limit.review:
            review.append(f"{place}: {lines} lines, review above {limit.review}")
    failures += [f"{allow_file.name}: '{subject}' is not over its limit (any more): remove the line"
                 for subject in allowed if subject not in used]
    return failures, review, (len(names), len(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    failures, review, (files, functions_) = check_tree(args.root, args.root / "tools/sizes_allow.txt")
    for line in review:
        print(f"review: {line}")
    for line in failures:
        print(line)
    print(f"check_sizes: {files} files, {functions_} functions, {len(failures)} over a limit")
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main())
