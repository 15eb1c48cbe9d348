#!/usr/bin/env python3
"""Finds types of one qualified name defined in two files: the linker merges their members, and one of them breaks.

Types inside an anonymous namespace are of their file alone and may repeat. Unit tests count per program, not here.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys

from tracked import tracked

FOLDERS = ("include/", "src/", "apps/")
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}


def definitions(root, files):
    """(qualified name, file, line) of every class, struct, union and enum that has a body"""
    command = ["ctags", "--output-format=json", "--languages=C++,CUDA", "--langmap=C++:+.h", "--kinds-C++=csug",
               "--kinds-CUDA=csug", "--fields=+ns", "-L", "-", "-f", "-"]
    run = subprocess.run(command, cwd=root, input="\n".join(files), capture_output=True, text=True)
    if run.returncode or "--output-format=json" in run.stderr:
        sys.exit(f"check_names: needs Universal Ctags with JSON output (Debian: universal-ctags)\n{run.stderr}")
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        scope = tag.get("scope", "")
        # A type inside a class or function is named by it; ctags names anonymous namespaces and types __anon...
        if tag.get("scopeKind", "namespace") == "namespace" and "__anon" not in scope + tag["name"]:
            yield f"{scope}::{tag['name']}".removeprefix("::"), tag["path"], tag["line"]


def check_tree(root):
    files = [name for name in tracked(root) if name.startswith(FOLDERS) and pathlib.PurePath(name).suffix in SUFFIXES
             and not pathlib.PurePath(name).stem.endswith("_test")]
    places = collections.defaultdict(dict)  # name -> {file: line}; specialisations stand in the template's own file
    for name, file, line in definitions(root, files) if files else ():
        places[name].setdefault(file, line)
    failures = []
    for name, found in sorted(places.items()):
        (first, line), *others = sorted(found.items())
        failures += [f"{file}:{at}: {name} is also defined at {first}:{line}" for file, at in others]
    return failures, len(files), len(places)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    failures, files, names = check_tree(args.root)
    for line in failures:
        print(line)
    print(f"check_names: {files} files, {names} types, {len(failures)} defined twice")
    return 1 if failures or not names else 0


if __name__ == "__main__":
    sys.exit(main())
