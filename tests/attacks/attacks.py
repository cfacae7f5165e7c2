#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""attacks.py TREE BUILD [ID...]: runs the tests behind every row of table.txt and prints what was seen.

Each program is run once per pattern; a row is good when every pattern matched a test and none failed. Rows without a
test are printed as such and counted as skipped."""

import fnmatch
import os
import re
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


def rows():
    with open(os.path.join(FOLDER, "table.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                yield [cell.strip() for cell in line.split("|")]


def command(tree, build, program, pattern):
    if program.startswith("unit/"):
        return [os.path.join(build, "tests/unit/unit-" + program[5:].replace("/", "_")), pattern]
    return ["python3", os.path.join(tree, "tests", program), pattern]


def run(argv, known):
    """(passed, names of the failed); the same program and pattern only once."""
    key = " ".join(argv)
    if key not in known:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600, check=False, text=True,
                              errors="replace")
        good = re.findall(r"^ok \d+ (?!#).*$", done.stdout, re.M)
        bad = re.findall(r"^not ok \d+ *-? *(\S+)", done.stdout, re.M)
        known[key] = len([line for line in good if "# SKIP" not in line]), bad
    return known[key]


def seen(tree, build, tests, known):
    """What came of one row: (verdict, words)."""
    if tests.startswith("none:"):
        return "skip", "not tested: " + tests[5:].strip()
    passed, failed = 0, []
    for ref in tests.split():
        program, pattern = ref.rsplit(":", 1)
        n, bad = run(command(tree, build, program, pattern), known)
        if n + len(bad) == 0:
            failed.append("%s matches nothing" % ref)
        passed += n
        failed += bad
    if passed == 0 and not failed:
        failed.append("no test ran")
    return ("fail", "FAILED: " + ", ".join(failed)) if failed else ("ok", "held in %d tests" % passed)


def main():
    tree, build, wanted = sys.argv[1], sys.argv[2], sys.argv[3:] or ["*"]
    known, count = {}, {"ok": 0, "fail": 0, "skip": 0}
    for number, attack, expected, tests in rows():
        if not any(fnmatch.fnmatch(number.lower(), w.lower()) for w in wanted):
            continue
        verdict, words = seen(tree, build, tests, known)
        count[verdict] += 1
        print("%-4s | %s | %s | %s" % (number, attack, expected, words), flush=True)
    print("@ %d %d %d" % (count["ok"], count["fail"], count["skip"]))
    return 1 if count["fail"] else 0


if __name__ == "__main__":
    sys.exit(main())
