"""Prints the tables of src/template/unicode_tables.cpp: Unicode's case mappings and properties as this Python has them.

  python3.11 tests/oracle/_template_tables.py     Python 3.11 has Unicode 14, as the golden files
"""

LETTERS = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def runs(has):
    """Ranges [first, last] of the characters with the property."""
    out = []
    for letter in filter(has, LETTERS):
        code = ord(letter)
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def mappings(change):
    """Runs [first, last, step, delta] of mappings to one character, and the mappings to several."""
    out, long = [], []
    for letter in LETTERS:
        changed, code = change(letter), ord(letter)
        if changed == letter:
            continue
        if len(changed) > 1:
            long.append((code, changed))
            continue
        delta = ord(changed) - code
        last = out[-1] if out else None
        if last and last[3] == delta and last[0] == last[1] and code - last[1] in (1, 2):
            last[1:3] = [code, code - last[0]]
        elif last and last[3] == delta and last[0] != last[1] and code - last[1] == last[2]:
            last[1] = code
        else:
            out.append([code, code, 1, delta])
    return out, long


def fill(items):
    line = "   "
    for item in items:
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)


def show(declaration, comment, items):
    print(f"// {comment}" if comment else "", end="\n" if comment else "")
    print(f"constexpr {declaration}[] = {{")
    fill(items)
    print("};\n")


def show_long(name, comment, mapped):
    show(f"LongCase {name}", comment,
         [f" {{0x{code:X}, {{{', '.join(f'0x{ord(c):X}' for c in text)}}}}}," for code, text in mapped])


def show_runs(name, comment, has):
    show(f"Range {name}", comment, [f" {{0x{first:X}, 0x{last:X}}}," for first, last in runs(has)])


def show_case(name, comment, change):
    single, long = mappings(change)
    show(f"CaseRun {name}", comment, [f" {{0x{a:X}, 0x{b:X}, {step}, {delta}}}," for a, b, step, delta in single])
    show_long(name + "Long", "", long)


def main():
    show_case("kUpper", "str.upper()", str.upper)
    show_case("kLower", "str.lower(), the final sigma apart", str.lower)
    show_long("kTitleLong", "str.title(), where it differs from str.upper()",
              [(ord(c), c.title()) for c in LETTERS if c.title() != c.upper()])
    show_runs("kCased", "Unicode property Cased", lambda c: (c + "a").title()[-1] == "a")
    show_runs("kCaseIgnorable", "Unicode property Case_Ignorable",
              lambda c: ("A" + c + "Σ").lower()[-1] == "ς" and ("1" + c + "Σ").lower()[-1] == "σ")
    show_runs("kUnprintable", "what repr() escapes", lambda c: not c.isprintable())


if __name__ == "__main__":
    main()
