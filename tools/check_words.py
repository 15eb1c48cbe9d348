#!/usr/bin/env python3
"""Reads the repository's text for what goes stale or does not belong.

- no absolute path of somebody's machine, no link out of the repository, no talk of how the work was organised
- relative links in Markdown lead to a file that exists, and their #anchor to a heading
- every `make X` quoted in Markdown is a target of the Makefile, and every `dwubit X` a command that `dwubit --help` lists
"""
import argparse
import pathlib
import re
import subprocess
import sys

from tracked import tracked

# What no file may say. Brackets keep this list from matching itself.
BANNED = {
    r"[/]work/|[/]home/\w+/|[/]root/|[/]farm/": "a path of one machine",
    r"[.][.]/shared": "a path out of the repository",
    r"\b(this|next|previous|last|earlier|later) [s]ession\b": "talk of how the work was organised",
    r"\b[T]ODO\b|\b[F]IXME\b": "unfinished business: file an issue, or finish it",
}
# Verbatim copies, golden files and bytes meant to be odd.
SKIPPED = re.compile(r"(tools/orlik-data/|tools/carry-deps\.sh|LICENSE|models/|tests/golden/|tests/fuzz/corpus/|tests/data/)")
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
# Commands in `code` or at the start of a line of a code block or an indented block
COMMAND = re.compile(r"(?:`|^(?: {4,}|\t|\$ ?)?\$? ?)(?:(?:build/)?(dwubit)|(make)) ([a-z][a-z0-9-]*)", re.M)
NOT_MAKE_TARGETS = {"sure"}


def checked(root):
    return [n for n in tracked(root) if not SKIPPED.match(n)]


def read(path):
    """The file's text, or None if it is not text"""
    data = path.read_bytes()
    if b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", "replace")


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def anchors(text):
    """The #anchors that a Markdown page offers, as GitHub names them"""
    headings = re.findall(r"^#+ +(.+?) *#*$", CODE_BLOCK.sub("", text), re.M)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", h)).strip().lower().replace(" ", "-") for h in headings}


def check_banned(name, text):
    for pattern, what in BANNED.items():
        for match in re.finditer(pattern, text, re.I if "ession" in pattern else 0):
            yield f"{name}:{line_of(text, match.start())}: '{match[0]}' is {what}"


def check_links(root, name, text):
    for match in LINK.finditer(CODE_BLOCK.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)):
        target, _, anchor = match[1].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = (root / name).parent / target if target else root / name
        place = f"{name}:{line_of(text, match.start())}"
        if not path.exists() or root.resolve() not in [path.resolve(), *path.resolve().parents]:
            yield f"{place}: link to '{match[1]}', which is not in the repository"
        elif anchor and path.suffix == ".md" and anchor not in anchors(path.read_text(encoding="utf-8")):
            yield f"{place}: link to '{match[1]}': no such heading"


def check_commands(name, text, targets, commands):
    for match in COMMAND.finditer(text):
        place, word = f"{name}:{line_of(text, match.start())}", match[3]
        if match[2] and word not in targets and word not in NOT_MAKE_TARGETS:
            yield f"{place}: 'make {word}', but the Makefile has no such target"
        if match[1] and commands is not None and word not in commands:
            yield f"{place}: 'dwubit {word}', but the program has no such command"


def make_targets(root):
    makefile = root / "Makefile"
    text = makefile.read_text() if makefile.exists() else ""
    return {t for line in re.findall(r"^([a-z][\w .-]*):(?!=)", text, re.M) for t in line.split()}


def program_commands(program):
    """The commands that `program --help` lists: indented lines of a name, blanks and what it does"""
    run = subprocess.run([program, "--help"], capture_output=True, text=True)
    commands = set(re.findall(r"^ +([a-z][a-z-]*) {2,}\S", run.stdout, re.M))
    if run.returncode or not commands:
        sys.exit(f"check_words: '{program} --help' lists no commands")
    return commands


def check_tree(root, commands):
    targets, violations, count = make_targets(root), [], 0
    for name in checked(root):
        text = read(root / name)
        if text is None:
            continue
        count += 1
        violations += check_banned(name, text)
        if name.endswith(".md"):
            violations += check_links(root, name, text)
            violations += check_commands(name, text, targets, commands)
    return violations, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--program", help="dwubit, to compare the commands that the documents quote with")
    args = parser.parse_args()
    violations, count = check_tree(args.root, program_commands(args.program) if args.program else None)
    for line in violations:
        print(line)
    print(f"check_words: {count} files, {len(violations)} violations")
    return 1 if violations or not count else 0


if __name__ == "__main__":
    sys.exit(main())
