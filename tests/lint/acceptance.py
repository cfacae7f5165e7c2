#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""acceptance.py TOP [--write]: docs/acceptance.md lists for each row of acceptance.txt the tests that prove it, found by
their names (row_NN_…, rows_NN_NN_…) or, in unit tests, by a comment "acceptance row NN". Without --write it is compared
and every row must have a test."""

import glob
import os
import re
import sys

DRIVERS = ("overlay", "fuse", "single")
HEAD = """# Acceptance

What its first user asked of sbx, a row each, and the tests that prove it; made from the tests' names by
`tests/lint/acceptance.py . --write`. Drivers: the kernel's overlay, the built-in FUSE overlay, and one single id.

| row | what | tests | drivers |
|---|---|---|---|
"""


def system_tests(top):
    """(rows, file, name, drivers)"""
    for path in sorted(glob.glob(os.path.join(top, "tests/system/*.py"))):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        for match in re.finditer(r"^@(?:\w+\.)?(?:test|case)\((.*?)\)\ndef rows?_(\d+(?:_\d+)*)_(\w+)", text, re.M | re.S):
            drivers = [d for d in DRIVERS if '"%s"' % d in match[1]] or list(DRIVERS)
            if "@case" in match[0]:
                drivers = ["overlay"]
            yield [int(n) for n in match[2].split("_")], os.path.basename(path), match[3], drivers


def unit_tests(top):
    for path in sorted(glob.glob(os.path.join(top, "tests/unit/**/*.c"), recursive=True)):
        with open(path, encoding="utf-8") as f:
            for match in re.finditer(r"acceptance rows? ([\d, to]+)", f.read()):
                for part in match[1].split(","):
                    ends = [int(n) for n in part.split(" to ") if n.strip()]
                    if ends:
                        yield list(range(ends[0], ends[-1] + 1)), os.path.relpath(path, os.path.join(top, "tests")), "", []


def table(top):
    rows = {}
    with open(os.path.join(top, "tests/lint/acceptance.txt"), encoding="utf-8") as f:
        for line in f:
            number, what = line.rstrip("\n").split(" ", 1)
            rows[int(number)] = (what, [], set())
    for numbers, path, name, drivers in [*system_tests(top), *unit_tests(top)]:
        for number in numbers:
            if number not in rows:
                sys.exit("acceptance: %s: there is no row %d" % (path, number))
            _, tests, seen = rows[number]
            text = "%s: %s" % (path, name.replace("_", " ")) if name else path
            if text not in tests:
                tests.append(text)
            seen |= set(drivers)
    lines = []
    for number, (what, tests, seen) in sorted(rows.items()):
        if not tests:
            print("acceptance: row %d (%s) has no test" % (number, what))
        lines.append("| %d | %s | %s | %s |\n" % (number, what, "<br>".join(tests), " ".join(d for d in DRIVERS if d in seen)))
    return HEAD + "".join(lines), all(tests for _, tests, _ in rows.values())


def main():
    text, whole = table(sys.argv[1])
    path = os.path.join(sys.argv[1], "docs/acceptance.md")
    if sys.argv[2:] == ["--write"]:
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    else:
        with open(path, encoding="utf-8") as f:
            if f.read() != text:
                print("acceptance: docs/acceptance.md is not what the tests say: tests/lint/acceptance.py . --write")
                whole = False
    sys.exit(0 if whole else 1)


if __name__ == "__main__":
    main()
