#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""commands.py SBX_TABLES PAGE: docs/commands.md agrees with the option tables.

Every section is a command that exists, a flag that is "same" or "different" is in its table, one that is "not there" is
not, and the commands that are not there do not exist. "different" and "not there" say how or why."""

import pathlib
import re
import subprocess
import sys


def printed(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def flags_of(tool, page):
    found = re.findall(r"\\-\\-((?:[a-z0-9]|\\-)+)\\fR", printed(tool, "man", page))
    return {name.replace("\\-", "-") for name in found}


def section_faults(title, body, flags):
    rows = re.findall(r"(?m)^\| `--([a-z0-9-]+)` \| ([a-z ]+) \| *(.*?) *\|$", body)
    if not rows and "No flags." not in body:
        yield "%s: no table of flags" % title
    for name, verdict, words in rows:
        if verdict not in ("same", "different", "not there"):
            yield "%s --%s: what is '%s'?" % (title, name, verdict)
        if (verdict == "not there") == (name in flags):
            yield "%s --%s is '%s' and %s in the table" % (title, name, verdict, "is" if name in flags else "is not")
        if (verdict == "same") == bool(words):
            yield "%s --%s: '%s' says %s" % (title, name, verdict, "too much" if words else "not how or why")


def main():
    tool, text = sys.argv[1], pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    pages = {line.split(" ", 1)[0] for line in printed(tool).splitlines()}
    faults = []
    parts = re.split(r"(?m)^## (.*)\n", text)
    for title, body in zip(parts[1::2], parts[2::2]):
        if title.startswith("Commands that"):
            for name in re.findall(r"(?m)^\| `([a-z -]+)` \| \S", body):
                if "sbx-" + name.replace(" ", "-") in pages:
                    faults.append("%s is there" % name)
            continue
        page = "sbx-" + title.replace(" ", "-")
        if page not in pages:
            faults.append("%s: there is no such command" % title)
        else:
            faults += section_faults(title, body, flags_of(tool, page))
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(1 if faults or len(parts) < 50 else 0)


if __name__ == "__main__":
    main()
