#!/usr/bin/env python3
"""Looks into the object files of a build for two mistakes that no compiler reports.

(a) Instructions above the baseline (VEX, EVEX, BMI, AMX) in an object whose source is not named *_avx2 or *_avx512, and
    instructions above AVX2 in an object of a *_avx2 source: such a program dies on a machine without them.
(b) Weak symbols defined in an object of an ISA source: the linker merges inline functions by name and may keep the copy
    compiled for the ISA, which ordinary code then runs. Inline code that ISA files share belongs in an anonymous namespace.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

# One instruction of `objdump -d --no-show-raw-insn`: mnemonic and operands.
INSTRUCTION = re.compile(rb"^\s+[0-9a-f]+:\t(?:(?:lock|rep\w*|bnd|notrack|data16|\{\w+\}) )*([a-z0-9]+)\s*(.*)$", re.M)
NOT_VEX = {b"verr", b"verw", b"vmcall", b"vmlaunch", b"vmresume", b"vmxoff"}
# VEX-encoded without a leading v: BMI1/BMI2 and mask registers
BMI = re.compile(rb"(andn|bextr|blsi|blsmsk|blsr|bzhi|mulx|pdep|pext|rorx|sarx|shlx|shrx)[lq]?|k(and|andn|mov|not|or|ortest|shift[lr]|test|unpck\w\w|xor|xnor|add)[bwdq]")
AMX = re.compile(rb"tile\w+|tdp\w+|ldtilecfg|sttilecfg")
EVEX_OPERAND = re.compile(rb"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])|\{1to\d+\}")
EVEX_MNEMONIC = re.compile(rb"vmovdq[au](8|16|32|64)|vpternlog[dq]|vperm[it]2\w+|vp(min|max)[su]q|vpmullq|vpabsq|vrndscale\w+"
                           rb"|v(scalef|getexp|getmant|range|reduce|fpclass|fixupimm)\w+|vpdp\w+|valign[dq]|vpcmpu?[bwdq]"
                           rb"|vp(mov|compress|expand|conflict|lzcnt|popcnt|rol|ror|multishift|sh[lr]d)\w*[bwdq]"
                           rb"|v(broadcast|insert|extract)[fi](32x8|64x4|64x2|32x4)|vshuf[fi](32x4|64x2)")
VEX_VP = re.compile(rb"vpmov(msk|[sz]x)\w+|vpmaskmov\w+")  # AVX2 names that EVEX_MNEMONIC would catch
# GCC emits the reference to the exception personality as a weak constant in every object that unwinds: data, no code.
HARMLESS_WEAK = {"DW.ref.__gxx_personality_v0"}


def level(source):
    """'avx512', 'avx2' or 'baseline', by the name of the source file"""
    match = re.search(r"_(avx2|avx512)(_[a-z0-9_]+)?\.(cpp|cc|c)$", source)
    return match[1] if match else "baseline"


def forbidden(mnemonic, operands, isa):
    """Whether an instruction is above the level"""
    if AMX.fullmatch(mnemonic):
        return isa != "avx512"
    vex = mnemonic.startswith(b"v") and mnemonic not in NOT_VEX
    if isa == "baseline":
        return vex or bool(BMI.fullmatch(mnemonic)) or b"%ymm" in operands or b"%zmm" in operands
    if isa == "avx2" and (vex or mnemonic.startswith(b"k")):
        if EVEX_OPERAND.search(operands):
            return True
        return bool(EVEX_MNEMONIC.fullmatch(mnemonic)) and not VEX_VP.fullmatch(mnemonic)
    return False


def check_object(source, path):
    """Violations of one object file, as text"""
    isa, found = level(source), []
    if isa != "avx512":
        code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", path],
                              capture_output=True, check=True).stdout
        bad = {}
        for mnemonic, operands in INSTRUCTION.findall(code):
            if forbidden(mnemonic, operands, isa):
                bad.setdefault(mnemonic.decode(), operands.decode(errors="replace").strip())
        if bad:
            shown = ", ".join(f"{m} {o}" for m, o in list(bad.items())[:3])
            found.append(f"{source}: {len(bad)} kinds of instruction above {isa}, such as {shown}")
    if isa != "baseline":
        names = subprocess.run(["nm", "-C", "--defined-only", path], capture_output=True, text=True, check=True).stdout
        weak = [line.split(maxsplit=2)[2] for line in names.splitlines() if re.match(r"[0-9a-f]+ [WVu] ", line)]
        weak = [name for name in weak if name not in HARMLESS_WEAK]
        if weak:
            found.append(f"{source}: defines {len(weak)} weak symbols, such as {weak[0]}: put inline code that ISA files "
                         "share into an anonymous namespace, and no standard containers into ISA files")
    return found


def objects(build, wanted):
    """[(source, object)] of compile_commands.json for the C++ sources below the wanted folders"""
    root = pathlib.Path(__file__).resolve().parent.parent
    listing = build / "compile_commands.json"
    if not listing.exists():
        sys.exit(f"check_isa_objects: {listing} is not there: build first")
    result = []
    for entry in json.loads(listing.read_text()):
        source = os.path.relpath(entry["file"], root)
        command = shlex.split(entry["command"])
        output = pathlib.Path(entry["directory"]) / command[command.index("-o") + 1]
        if source.endswith((".cpp", ".cc", ".c")) and source.split("/")[0] in wanted and not source.endswith("_test.cpp"):
            if not output.exists():
                sys.exit(f"check_isa_objects: {output} is not there: build first")
            result.append((source, str(output)))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("build", type=pathlib.Path, nargs="?", help="a build folder without sanitizers")
    parser.add_argument("--object", nargs=2, action="append", metavar=("SOURCE", "OBJECT"), help="check this pair instead")
    args = parser.parse_args()
    if not args.build and not args.object:
        parser.error("a build folder or --object")
    pairs = args.object or objects(args.build, {"src", "apps"})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [line for lines in pool.map(lambda pair: check_object(*pair), pairs) for line in lines]
    for line in found:
        print(line)
    counts = {isa: sum(level(source) == isa for source, _ in pairs) for isa in ("baseline", "avx2", "avx512")}
    print(f"check_isa_objects: {', '.join(f'{n} {isa}' for isa, n in counts.items())} objects, {len(found)} violations")
    return 1 if found or not pairs else 0


if __name__ == "__main__":
    sys.exit(main())
