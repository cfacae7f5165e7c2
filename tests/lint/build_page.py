#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""build_page.py SBX_TABLES TREE: docs/build.md has a row for every instruction, every flag of one and every flag of
`sbx build`, with what is to be said about it, and no row for a flag that is not there."""

import pathlib
import re
import subprocess
import sys


def first_cells(text, title):
    """What the first column of the section's table names, as one text; rows that say nothing are faults."""
    body = re.split(r"(?m)^## ", text.split("## %s\n" % title)[1])[0]
    rows = [re.split(r"(?<!\\) *\| *", line.strip("|\n ")) for line in body.splitlines() if line.startswith("| ")]
    return rows[1:]


def main():
    tree = pathlib.Path(sys.argv[2])
    text = (tree / "docs/build.md").read_text(encoding="utf-8")
    faults = []
    instructions, flags = first_cells(text, "Instructions"), first_cells(text, "Flags")
    for row in instructions + flags:
        if len(row) < 2 or not row[1]:
            faults.append("a row says nothing: %s" % row[0])

    named = " ".join(row[0] for row in instructions)
    for name in re.findall(r"\[INS_[A-Z]+\] = \"([A-Z]+)\"", (tree / "src/builder/instruction.c").read_text(encoding="utf-8")):
        if not re.search(r"\b%s\b" % name, named):
            faults.append("no row for the instruction %s" % name)
    said = " ".join(" ".join(row) for row in instructions)
    for name in re.findall(r"\{ \"([a-z-]+)\", FLAG_", (tree / "src/builder/parse.c").read_text(encoding="utf-8")):
        if "--" + name not in said:
            faults.append("nothing about the instructions' flag --%s" % name)

    page = subprocess.run([sys.argv[1], "man", "sbx-build"], check=True, capture_output=True, text=True).stdout.replace("\\-", "-")
    have = re.findall(r"(?m)^(?:\\fB-([a-zA-Z])\\fR, )?\\fB--([a-z0-9-]+)\\fR", page)
    cells = set(re.findall(r"(?<![a-z0-9-])--?[a-zA-Z][a-z0-9-]*", " ".join(row[0] for row in flags)))
    both = {"--" + long: {"--" + long} | ({"-" + short} if short else set()) for short, long in have}
    for name, words in both.items():
        if not words & cells:
            faults.append("no row for %s" % name)
    told = {word for row in flags if "not there" not in row[1] for word in re.findall(r"(?<![a-z0-9-])--[a-z0-9-]+", row[0])}
    faults += ["%s has a row, and is no flag" % word for word in sorted(told - set(both))]
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(1 if faults or len(have) < 40 or len(instructions) < 15 else 0)


if __name__ == "__main__":
    main()
