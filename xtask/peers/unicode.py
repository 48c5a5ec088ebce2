"""Writes crates/features/UNICODE.md: on which characters Python's and clawsig-features' versions
of Unicode differ.

unicode.py CHARACTERS OUT, where CHARACTERS is what the example `features_parity characters` wrote.
"""

import re
import sys
import unicodedata

WORD = re.compile(r"\w")
KINDS = (
    ("word", "in words here, not in Python's"),
    ("no-word", "in Python's words, not here"),
    ("space", "white space on one side only"),
    ("lower", "lower-cased differently"),
    ("sigma", "changes the form of a capital sigma beside it on one side only"),
)


def codes(text):
    return ".".join(f"{ord(c):x}" for c in text.lower())


def differences(lines):
    found = {kind: [] for kind, _ in KINDS}
    for line in lines:
        code, word, space, *forms = line.split()
        c = chr(int(code, 16))
        if (word == "1") != bool(WORD.match(c)):
            found["word" if word == "1" else "no-word"].append(ord(c))
        if (space == "1") != c.isspace():
            found["space"].append(ord(c))
        theirs = [codes(form) for form in (c, f"A{c}Σ", f"AΣ{c}", f"AΣ{c}A")]
        if forms[0] != theirs[0]:
            found["lower"].append(ord(c))
        elif forms != theirs:
            found["sigma"].append(ord(c))
    return found


def ranges(points):
    spans = []
    for point in points:
        if spans and spans[-1][1] + 1 == point:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return ", ".join(f"{a:04X}" if a == b else f"{a:04X}-{b:04X}" for a, b in spans)


def wrapped(text, width=98):
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join(lines + [line])


def main():
    characters, out = sys.argv[1:]
    with open(characters, encoding="ascii") as lines:
        rust = next(lines).strip()
        found = differences(lines)
    everything = sorted(set().union(*found.values()))
    assigned = [p for p in everything if unicodedata.category(chr(p)) != "Cn"]
    text = "# Characters on which the versions of Unicode differ\n\n" + wrapped(
        f"Made by `cargo xtask unicode`, which compares every code point of Python "
        f"{sys.version.split()[0]} (`unicodedata` {unicodedata.unidata_version}) with this crate: "
        f"words by the tables of regex-syntax (Unicode 16.0.0), lower-casing by the standard "
        f"library's (Unicode {rust}). {len(everything):,} characters differ; "
        f"{len(assigned):,} of them are assigned in Python's version. A text without any of the "
        f"characters below gives the same terms on both sides."
    )
    for kind, what in KINDS:
        points = found[kind]
        text += f"\n\n## {what[0].upper()}{what[1:]}: {len(points):,}\n\n"
        text += wrapped(ranges(points)) if points else "None."
    with open(out, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    print(", ".join(f"{what}: {len(found[kind])}" for kind, what in KINDS))
    print(f"assigned in Python's version: {ranges(assigned) or 'none'}")


if __name__ == "__main__":
    main()
