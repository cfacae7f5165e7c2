#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""commands.py SBX_TABLES PAGE: docs/commands.md agrees with the option tables.

Every section is a command that exists, a flag that is "same" or "different" is in its table, one that is "not there" is
not, and the commands that are not there do not exist. "different" and "not there" say how or why, and what is not there
is answered with the same words when it is typed."""

import pathlib
import re
import subprocess
import sys


def printed(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout


def flags_of(tool, page):
    found = re.findall(r"\\-\\-((?:[a-z0-9]|\\-)+)\\fR", printed(tool, "man", page))
    return {name.replace("\\-", "-") for name in found}


def absent_of(tool):
    """What sbx answers when it is typed: {(page, flag): why} and {command: why}."""
    flags, commands = {}, {}
    for line in printed(tool, "absent").splitlines():
        kind, of, names, why = line.split("|")
        for name in names.split(" "):
            if kind == "flags":
                flags.update({(page, name): why for page in of.split(",")})
            else:
                commands[(of + " " + name).strip()] = why
    return flags, commands


def absent_faults(tool, parts):
    """Page and tables give the same reasons for what is not there."""
    flags, commands, told = {}, {}, absent_of(tool)
    for title, body in zip(parts[1::2], parts[2::2]):
        if title.startswith("Commands that"):
            commands = dict(re.findall(r"(?m)^\| `([a-z -]+)` \| (\S.*?) *\|$", body))
        else:
            for name, why in re.findall(r"(?m)^\| `--([a-z0-9-]+)` \| not there \| *(.*?) *\|$", body):
                flags[(title, name)] = why
    for ours, page in zip(told, (flags, commands)):
        for key in sorted(set(ours) | set(page)):
            if ours.get(key) != page.get(key):
                yield "%s: the program says '%s', the page '%s'" % (key, ours.get(key), page.get(key))


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
    faults += absent_faults(tool, parts)
    print("\n".join(faults), end="\n" if faults else "")
    sys.exit(1 if faults or len(parts) < 50 else 0)


if __name__ == "__main__":
    main()
