#!/usr/bin/env python3
"""Jinja2's answers to templates.

Writes tests/golden/template/cases.json (templates written for the purpose, in _template_cases.py) and letters.json (hashes
of Python's case mappings and repr() of every character). Then every template of lm-evaluation-harness' task folder goes
through our program (build/dev, or --program), on documents made up from the fields that the template names, and is
compared with Jinja2. Nothing of those templates is kept; the counts are printed.

  template_golden.py [--program build/dev/tests/oracle/template_render] [--only-golden]
"""
import argparse
import collections
import copy
import hashlib
import json
import pathlib
import re
import subprocess
import sys

import jinja2
import jinja2.ext
import jinja2.meta
import jinja2.sandbox
import yaml
from jinja2 import nodes

from _template_cases import CASES

PROGRAMS = ["build/dev/tests/oracle/template_render", "build/release/tests/oracle/template_render"]


def task_environment():
    """As lm_eval.utils makes it."""
    env = jinja2.Environment(loader=jinja2.BaseLoader(), undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    env.filters["regex_replace"] = lambda s, pattern, repl, count=0: re.sub(pattern, repl, s, count=count)
    return env


class Generation(jinja2.ext.Extension):
    """transformers' {% generation %}: it renders its body."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


def chat_environment():
    """As transformers makes it."""
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    return env


ENVIRONMENTS = {"task": task_environment(), "chat": chat_environment()}


def reference(mode, template, variables):
    """Jinja2's text, or None where it fails."""
    try:
        return ENVIRONMENTS[mode].from_string(template).render(**copy.deepcopy(variables))
    except Exception:  # whatever Python raises inside a template
        return None


def hash_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def write_golden(out):
    out.mkdir(parents=True, exist_ok=True)
    groups, lines = [], []
    for mode, variables, templates in CASES:
        answers = []
        for template in dict.fromkeys(templates):
            text = reference(mode, template, variables)
            answers.append({"template": template} | ({"fails": True} if text is None else {"text": text}))
        lines += answers
        groups.append(f'{{"mode": "{mode}", "variables": {json.dumps(variables)}, "cases": [\n'
                      + ",\n".join(map(json.dumps, answers)) + "\n]}")
    (out / "cases.json").write_text(f'{{"jinja2": "{jinja2.__version__}", "groups": [\n' + ",\n".join(groups) + "\n]}\n")
    letters = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
    hashes = {name: hash_of("".join(f(c) + "|" for c in letters)) for name, f in [
        ("upper", str.upper), ("lower", lambda c: ("a" + c + "Σ").lower()), ("title", lambda c: (c + "a").title()),
        ("capitalize", str.capitalize), ("repr", repr), ("strip", lambda c: (c + "x" + c).strip()),
        ("sigma", lambda c: ("1" + c + "Σ" + c + "a").lower())]}
    (out / "letters.json").write_text(json.dumps({"python": sys.version.split()[0]} | hashes, indent=1) + "\n")
    print(f"{out}: {len(lines)} cases, {sum('text' in c for c in lines)} of them with a text")


# --- lm-evaluation-harness' own templates ---------------------------------------------------------------------------

class Loader(yaml.SafeLoader):
    pass


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def strings_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)


def harness_templates():
    import importlib.util
    folder = pathlib.Path(importlib.util.find_spec("lm_eval").submodule_search_locations[0]) / "tasks"
    found = set()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".yml") or path.name.endswith("_yaml"):
            found.update(t for t in strings_of(yaml.load(path.read_text(), Loader)) if "{{" in t or "{%" in t)
    return sorted(found)


def uses_of(tree, name):
    """What the template does with a variable, as a sorted list of words: which kinds of value make sense for it."""
    uses = set()
    for node in tree.find_all((nodes.Getitem, nodes.Getattr, nodes.For, nodes.Filter, nodes.Add, nodes.Call, nodes.Sub)):
        inner = getattr(node, "node", None) or getattr(node, "iter", None)
        if isinstance(inner, nodes.Name) and inner.name == name:
            uses.add(type(node).__name__)
    return uses


TEXTS = ["Żółw i \"jeż\" idą do lasu.\n", "  it's (a) <b>test</b>\t[SEP] of  spaces ", "A", "", "straße ΣΟΦΟΣ \\ 'x' <...>",
         "1. first\n2. second\r\n"]


def documents(tree, rng_names):
    """Several documents for the names a template uses: texts, numbers, lists, dicts, with the keys it asks for."""
    attributes = {n.attr for n in tree.find_all(nodes.Getattr)}
    attributes |= {n.arg.value for n in tree.find_all(nodes.Getitem)
                   if isinstance(n.arg, nodes.Const) and isinstance(n.arg.value, str)}
    constants = [n.value for n in tree.find_all(nodes.Const) if isinstance(n.value, (str, int)) and n.value not in ("", " ")]
    keys = sorted(attributes)
    lists = [["A", "B", "C", "D", "E"], ["it's", 'say "x"', "ż\n", "\u200b", "x", "y"], [1, 2.5, True, None, "x"],
             TEXTS, [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]]]
    for seed in range(24):
        def text(i):
            return TEXTS[(seed + i) % len(TEXTS)]

        def leaf(i):
            return [text(i), lists[(seed + i) % 4], (seed + i) % 4, [text(i), text(i + 1), text(i + 2), text(i + 3)]][(seed // 2 + i) % 4]

        def record(i):
            return {key: leaf(i + j) for j, key in enumerate(keys)} or {"x": text(i)}

        values = [lambda i: text(i), lambda i: (seed + i) % 3, lambda i: lists[(seed + i) % len(lists)],
                  lambda i: [record(i), record(i + 1), record(i + 2), record(i + 3)], record,
                  lambda i: constants[(seed + i) % len(constants)] if constants else text(i), lambda i: i % 2 == 0,
                  lambda i: 0.1 * (seed + i), lambda i: None]
        doc = {}
        for i, name in enumerate(rng_names):
            uses = uses_of(tree, name)
            if seed < 6:  # everything is text
                doc[name] = text(i)
            elif seed < 14 and uses & {"Getitem", "Getattr", "For"} and seed % 2:
                doc[name] = values[2 + (seed + i) % 3](i)
            elif seed < 14:
                doc[name] = values[[0, 1, 5, 0][(seed + i) % 4]](i)
            else:
                doc[name] = values[(seed * 7 + i * (seed % 5)) % len(values)](i)
        yield doc
    yield {}  # every name is missing


def compare_with_harness(program):
    env = ENVIRONMENTS["task"]
    questions, owners = [], []
    counts = collections.Counter()
    for template in harness_templates():
        try:
            tree = env.parse(template)
        except jinja2.TemplateSyntaxError:
            counts["not accepted by Jinja2"] += 1
            continue
        counts["templates"] += 1
        names = sorted(jinja2.meta.find_undeclared_variables(tree) - {"range", "dict", "namespace"})
        for doc in documents(tree, names):
            questions.append(json.dumps({"mode": "task", "template": template, "variables": doc}))
            owners.append((template, doc))
    answers = subprocess.run([program], input="\n".join(questions) + "\n", capture_output=True, text=True,
                             check=True).stdout.splitlines()
    assert len(answers) == len(questions)
    refused, rendered, differing, limited = set(), set(), [], []
    for (template, doc), line in zip(owners, answers):
        answer = json.loads(line)
        if not answer.get("parsed", True):
            refused.add(template)
            continue
        counts["renderings"] += 1
        expected = reference("task", template, doc)
        if "text" in answer and expected is not None:
            counts["texts compared"] += 1
            rendered.add(template)
        elif "text" not in answer and expected is None:
            counts["errors in both"] += 1
        elif answer.get("kind") == "unsupported":
            limited.append((template, doc, answer, expected))
        if answer.get("text") != expected and answer.get("kind") != "unsupported":
            differing.append((template, doc, answer, expected))
    supported = counts["templates"] - len(refused)
    for template, doc, answer, expected in differing[:10] + limited[:5]:
        print(f"DIFFERS: {template[:300]!r}\n  variables {str(doc)[:300]}\n  ours {str(answer)[:200]}\n  theirs {expected!r:.200}")
    for template in sorted(refused)[:5]:
        print(f"refused: {template[:200]!r}")
    print(f"lm-eval's templates: {counts['templates']} (and {counts['not accepted by Jinja2']} that Jinja2 refuses); "
          f"supported {supported} = {100 * supported / counts['templates']:.2f} %, {len(rendered)} of them rendered to a text; "
          f"{counts['texts compared']} texts compared, {counts['errors in both']} errors in both, "
          f"{len(limited)} refused while rendering, {len(differing)} differences")
    return not differing and supported >= 0.9 * counts["templates"]


def find_program():
    for program in PROGRAMS:
        if pathlib.Path(program).exists():
            return program
    sys.exit("template_golden.py: no template_render; build it first: cmake --preset dev && "
             "cmake --build --preset dev --target template_render")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program")
    parser.add_argument("--out", type=pathlib.Path, default="tests/golden/template")
    parser.add_argument("--only-golden", action="store_true")
    args = parser.parse_args()
    write_golden(args.out)
    if not args.only_golden and not compare_with_harness(args.program or find_program()):
        sys.exit("template_golden.py: the program and Jinja2 differ")


if __name__ == "__main__":
    main()
