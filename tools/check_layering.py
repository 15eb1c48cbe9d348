#!/usr/bin/env python3
"""Reads the #include lines of include/, src/ and apps/ and fails where one goes against the direction of the layers.

MODULES below is the whole rule: a module may include itself, the modules it names, the C++ standard library, and the
third-party headers it names. Unit tests (*_test.cpp) are free to include anything.
"""
import argparse
import pathlib
import re
import sys
from typing import NamedTuple


class Module(NamedTuple):
    may_use: str = ""      # modules, separated by blanks
    third_party: str = ""  # keys of THIRD_PARTY, separated by blanks


RUNTIME_LOW = "runtime/cpu runtime/cuda runtime/cuda_none"
RUNTIME_BELOW_ENGINE = f"{RUNTIME_LOW} runtime/ops runtime/ops/attention runtime/gemm runtime/transforms runtime/formats runtime/model"
RUNTIME = f"{RUNTIME_BELOW_ENGINE} runtime/engine"

# folder -> what it may include. The longest matching folder counts; a folder without a row is an error.
MODULES = {
    "include/dwubit": Module(),
    "src/base": Module("include/dwubit", "fmt posix cpuid"),
    "src/json": Module("base", "nlohmann fmt"),
    "src/ggml": Module("runtime/cpu base"),
    "src/checkpoint": Module("ggml json base", "fmt zlib"),
    "src/hessians": Module("runtime/model checkpoint ggml json base", "fmt"),
    "src/template": Module("base", "fmt"),
    "src/regex": Module("", "fmt pcre2"),
    "src/tokenizer": Module("regex template json base", "fmt pcre2 utf8proc"),
    "src/corpus": Module("tokenizer json base", "fmt zlib zstd arrow"),
    "src/runtime/cpu": Module("base", "fmt cpuid posix"),
    "src/runtime/cuda": Module("base", "fmt cuda"),
    "src/runtime/cuda_none": Module("base", "fmt"),
    "src/runtime/ops": Module(f"{RUNTIME_LOW} base", "fmt"),
    "src/runtime/ops/attention": Module(f"runtime/gemm runtime/ops {RUNTIME_LOW} base", "fmt"),
    "src/runtime/gemm": Module(f"runtime/ops {RUNTIME_LOW} checkpoint base", "fmt onednn blas openmp"),
    "src/runtime/transforms": Module(f"runtime/gemm runtime/ops {RUNTIME_LOW} checkpoint ggml json base", "fmt"),
    "src/runtime/formats": Module(f"runtime/transforms runtime/gemm runtime/ops {RUNTIME_LOW} checkpoint ggml json base", "fmt"),
    "src/runtime/model": Module(
        f"runtime/formats runtime/transforms runtime/ops/attention runtime/gemm runtime/ops {RUNTIME_LOW} checkpoint ggml json base",
        "fmt"),
    "src/runtime/engine": Module(f"{RUNTIME_BELOW_ENGINE} tokenizer checkpoint json base", "fmt"),
    "src/tasks": Module("corpus template json base", "fmt nlohmann yaml pcre2"),
    "src/eval": Module(f"eval/metrics {RUNTIME} tasks corpus template tokenizer checkpoint ggml json base", "fmt"),
    "src/eval/metrics": Module("regex tasks template json base", "fmt pcre2 utf8proc"),
    "src/report": Module("json base", "fmt"),
    "src/convert": Module(f"{RUNTIME} tokenizer checkpoint ggml json base", "fmt"),
    "src/lab_api": Module("json base", "fmt dl"),
    "src/lab": Module(f"lab/kernels lab_api hessians eval report {RUNTIME} tasks corpus template tokenizer checkpoint ggml json base", "fmt torch"),
    "src/lab/kernels": Module("runtime/cpu base", "fmt cuda"),
    "src/study": Module(f"lab_api hessians convert eval report {RUNTIME} tasks corpus template tokenizer checkpoint ggml json base", "fmt toml sqlite posix"),
    "apps/cli": Module(f"study lab_api hessians convert eval report {RUNTIME} tasks corpus template tokenizer checkpoint ggml json base",
                       "fmt nlohmann cli11 spdlog dl posix"),
}
EVERYWHERE = {"include/dwubit"}  # Result and Error

# key -> the header names it stands for
THIRD_PARTY = {
    "fmt": r"fmt/.*",
    "nlohmann": r"nlohmann/.*",
    "yaml": r"yaml-cpp/.*",
    "pcre2": r"pcre2\.h",
    "utf8proc": r"utf8proc\.h",
    "zlib": r"zlib\.h",
    "zstd": r"zstd(_errors)?\.h",
    "arrow": r"(arrow|parquet)/.*",
    "onednn": r"(oneapi/dnnl/)?dnnl.*",
    "blas": r"(openblas/)?cblas\.h|openblas_config\.h",
    "openmp": r"omp\.h",
    "cli11": r"CLI/.*",
    "spdlog": r"spdlog/.*",
    "toml": r"toml\+\+/.*",
    "sqlite": r"sqlite3\.h",
    "torch": r"(torch|ATen|c10)/.*",
    "cuda": r"cuda.*\.h|cublas.*\.h",
    "dl": r"dlfcn\.h|link\.h",
    "cpuid": r"cpuid\.h",
    "posix": r"(sys/.*|unistd|fcntl|sched|pthread|signal|poll|termios)(\.h)?",
    "intrinsics": r"\w*intrin\.h",
}
# Headers that the name of the file permits, whatever its module.
ISA_FILE = re.compile(r"_(avx2|avx512(_vnni|_vbmi|_bf16)*|shani)(_inl)?\.(cpp|h)$")
# Code compiled per ISA sees no standard header whose inline functions the linker would merge with the baseline's.
PER_ISA_FILE = re.compile(r"(_(avx2|avx512(_vnni|_vbmi|_bf16)*|shani)\.cpp|_inl\.h)$")
PER_ISA_STANDARD = {"bit", "cstddef", "cstdint", "cstring", "limits", "type_traits"}
TORCH_ONLY_IN = "src/lab"

STANDARD = set("""algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstddef
    cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem format forward_list
    fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits list locale map
    memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex scoped_allocator
    semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf string string_view
    syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray
    variant vector version""".split())

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', re.M)
CONDITIONAL = re.compile(r"^[ \t]*#[ \t]*if", re.M)
SOURCES = {".h", ".cpp", ".cu", ".cuh", ".inc"}


def module_of(path):
    """The row of MODULES that holds the file, or None"""
    parent = path.parent
    while parent != pathlib.PurePath("."):
        if parent.as_posix() in MODULES:
            return parent.as_posix()
        parent = parent.parent
    return None


def short(module):
    return module.removeprefix("src/")


def third_party_key(name):
    return next((key for key, pattern in THIRD_PARTY.items() if re.fullmatch(pattern, name)), None)


def resolve(root, path, name):
    """The repository's file that `#include "name"` in `path` means, relative to root, or None"""
    for base in (path.parent, pathlib.PurePath("src"), pathlib.PurePath("include"), pathlib.PurePath("apps")):
        candidate = base / name
        if (root / candidate).is_file():
            return candidate
    return None


def check_include(root, path, name, edges):
    """The violation of one #include as text, or None; records module edges"""
    module = module_of(path)
    row = MODULES[module]
    if name.startswith("../") or "/../" in name:
        return f'"{name}" climbs out of its folder: include by path from src/'
    target = resolve(root, path, name)
    if target is not None:
        other = module_of(target)
        if other is None:
            return f'"{name}" lies in no module of the table'
        if other == module:
            return None
        edges.setdefault(module, {}).setdefault(other, f"{path} includes {name}")
        if other in EVERYWHERE or short(other) in row.may_use.split():
            return None
        return f'{short(module)} must not use {short(other)} ("{name}"); it may use: {row.may_use or "nothing"}'
    if name in STANDARD:
        if PER_ISA_FILE.search(path.name) and name not in PER_ISA_STANDARD:
            return f"<{name}> in a file compiled per ISA; it may include: {' '.join(sorted(PER_ISA_STANDARD))}"
        return None
    key = third_party_key(name)
    if key == "intrinsics":
        return None if ISA_FILE.search(path.name) else f"<{name}>: intrinsics belong in files named *_avx2, *_avx512 or *_shani"
    if key == "cuda" and path.suffix in (".cu", ".cuh"):
        return None
    if key == "torch" and not path.as_posix().startswith(TORCH_ONLY_IN):
        return f"<{name}>: torch headers are for {TORCH_ONLY_IN} alone"
    if key is None:
        return f"<{name}> is neither the repository's, nor the standard library's, nor in the table of third-party headers"
    if key not in row.third_party.split():
        return f"{short(module)} must not include {key} (<{name}>); it may include: {row.third_party or 'std only'}"
    return None


def find_cycle(edges):
    """A list of modules that form a cycle, or []"""
    done, trail = set(), []

    def visit(node):
        if node in trail:
            return trail[trail.index(node):] + [node]
        if node in done:
            return []
        trail.append(node)
        for other in sorted(edges.get(node, ())):
            if cycle := visit(other):
                return cycle
        trail.pop()
        done.add(node)
        return []

    for start in sorted(edges):
        if cycle := visit(start):
            return cycle
    return []


def check_tree(root):
    """(violations, number of files read)"""
    violations, edges, count = [], {}, 0
    files = sorted(p for top in ("include", "src", "apps") for p in (root / top).rglob("*") if p.suffix in SOURCES)
    for file in files:
        path = pathlib.PurePath(file.relative_to(root).as_posix())
        if file.name.endswith("_test.cpp"):
            continue
        count += 1
        if module_of(path) is None:
            if len(path.parts) > 2:  # src/<file> holds nothing; anything deeper needs a row
                violations.append(f"{path}: its folder has no row in tools/check_layering.py")
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(1) if match[1] else match.start(2)) + 1
            if problem := check_include(root, path, match[1] or match[2], edges):
                violations.append(f"{path}:{line}: {problem}")
        if path.parts[0] == "include" and (match := CONDITIONAL.search(text)):
            line = text.count("\n", 0, match.start()) + 1
            violations.append(f"{path}:{line}: a public header must not depend on macros (#if)")
    if cycle := find_cycle(edges):
        steps = "; ".join(edges[a][b] for a, b in zip(cycle, cycle[1:]))
        violations.append(f"cycle of modules {' -> '.join(map(short, cycle))}: {steps}")
    return violations, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    args = parser.parse_args()
    violations, count = check_tree(args.root)
    for line in violations:
        print(line)
    print(f"check_layering: {count} files, {len(violations)} violations")
    return 1 if violations or not count else 0


if __name__ == "__main__":
    sys.exit(main())
