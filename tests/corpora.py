#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""corpora.py BUILDKIT PATTERNMATCHER REFERENCE

Runs sbx's parsers on the tests of moby/buildkit, moby/patternmatcher and distribution/reference, whose checkouts (or
bare repositories) are named; "-" leaves one out. Nothing of them is part of this repository. Prints a line for each
table, and each difference; ends with 1 if there is one that is not explained here. SBX_BIN names the program.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile

SBX = os.environ.get("SBX_BIN", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build/sbx"))
# What differs on purpose: reference.Parse() without the normalization that every client does, and in a program that has not
# linked sha512.
EXPLAINED = {"validname@sha512:" + 128 * "f": "sha512 is a digest of the image specification"}


class Source:
    def __init__(self, path):
        self.path = path
        self.bare = not os.path.isdir(os.path.join(path, ".git")) and os.path.isfile(os.path.join(path, "HEAD"))

    def read(self, name):
        if self.bare:
            return subprocess.run(["git", "-C", self.path, "show", "HEAD:" + name], capture_output=True, check=True).stdout
        with open(os.path.join(self.path, name), "rb") as f:
            return f.read()

    def folders(self, name):
        if self.bare:
            out = subprocess.run(["git", "-C", self.path, "ls-tree", "-d", "--name-only", "HEAD:" + name], capture_output=True,
                                 check=True, text=True).stdout
            return out.split()
        return sorted(os.listdir(os.path.join(self.path, name)))


def sbx(*args, data=b""):
    return subprocess.run([SBX, "debug", *args], input=data, capture_output=True, check=False, timeout=60)


class Table:
    def __init__(self, name):
        self.name, self.all, self.wrong, self.explained = name, 0, [], []

    def row(self, what, good, found):
        self.all += 1
        if good:
            return
        (self.explained if what in EXPLAINED else self.wrong).append("%r: %r" % (what, EXPLAINED.get(what, found)))

    def end(self):
        print("%s: %d of %d" % (self.name, self.all - len(self.wrong) - len(self.explained), self.all))
        for line in self.wrong:
            print("  differs: " + line)
        for line in self.explained:
            print("  on purpose: " + line)
        return len(self.wrong)


def dockerfiles(source):
    top = "frontend/dockerfile/parser/"
    table = Table("buildkit parser/testfiles")
    for name in source.folders(top + "testfiles"):
        result = sbx("dockerfile", "-", data=source.read(top + "testfiles/%s/Dockerfile" % name))
        table.row(name, result.stdout == source.read(top + "testfiles/%s/result" % name), result)
    bad = Table("buildkit parser/testfiles-negative")
    for name in source.folders(top + "testfiles-negative"):
        result = sbx("dockerfile", "-", data=source.read(top + "testfiles-negative/%s/Dockerfile" % name))
        bad.row(name, result.returncode == 1, result)
    return table.end() + bad.end()


def unquote(text):
    return ast.literal_eval("[" + text.replace('" "', '", "') + "]")


def words(source):
    table = Table("buildkit shell/envVarTest (All and Unix)")
    head = "ENV PWD=/home\nENV SHELL=bash\nENV KOREAN=한국어\nENV NULL=\n"
    lines = []
    for line in source.read("frontend/dockerfile/shell/envVarTest").decode().splitlines():
        parts = [part.strip() for part in line.split("|")]
        if not line.startswith("#") and line.strip() and parts[0] in "AU":
            lines.append(parts)
    out = sbx("words", "-", data=(head + "".join(p[1] + "\n" for p in lines)).encode()).stdout.decode().splitlines()
    for (_, given, wanted), found in zip(lines, out, strict=True):
        shown = "error" if found.startswith("error: ") else unquote(found)[0]
        table.row(given, shown == wanted, found)
    more = Table("buildkit shell/wordsTest")
    text, wanted = "", []
    for line in source.read("frontend/dockerfile/shell/wordsTest").decode().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith("ENV "):
            text += "ENV " + line[4:].lstrip() + "\n"
            continue
        given, want = line.split("|")
        text += given.strip() + "\n"
        wanted.append((given.strip(), want.lstrip().split(",")))
    out = sbx("words", "-", data=text.encode()).stdout.decode().splitlines()
    for (given, want), found in zip(wanted, out, strict=True):
        shown = ["error"] if found.startswith("error: ") else unquote(found)[1:]
        more.row(given, shown == want, found)
    return table.end() + more.end()


def go_strings(text):
    """Go's interpreted strings of a text, as Python's."""
    return [ast.literal_eval(s) for s in re.findall(r'"(?:[^"\\]|\\.)*"', text)]


def ignored(patterns, path):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as f:
        f.write("\n".join(patterns) + "\n")
        f.flush()
        result = sbx("ignore", f.name, path)
    if result.returncode:
        return None
    return result.stdout.startswith(b"ignored ")


def patterns(source):
    text = source.read("patternmatcher_test.go").decode()
    body = text[text.index("func TestMatches("):text.index("func TestCleanPatterns(")]
    table = Table("patternmatcher TestMatches")
    for line in body.splitlines():
        m = re.match(r"\s*\{(?:\[\]string\{(.*)\}, (\".*\")|(\".*\")), (true|false)\},", line)
        if m:
            given = go_strings(m.group(1)) + go_strings(m.group(2)) if m.group(1) else go_strings(m.group(3))
            found = ignored(given[:-1], given[-1])
            table.row(" ".join(given), found == (m.group(4) == "true"), found)
    body = text[text.index("var matchTests = "):text.index("func errp(")]
    match = Table("patternmatcher TestMatch")
    for line in body.splitlines():
        m = re.match(r"\s*\{(\".*\"), (true|false), (nil|filepath.ErrBadPattern)\},", line)
        if m:
            given = go_strings(m.group(1))
            found = ignored(given[:1], given[1])
            wanted = None if m.group(3) != "nil" else m.group(2) == "true"
            match.row(" ".join(given), found == wanted, found)
    return table.end() + match.end()


def go_value(text):
    """A Go expression of strings, + and strings.Repeat()."""
    return eval(re.sub(r"strings\.Repeat\((\"[^\"]*\"), (\d+)\)", r"\1 * \2", text), {})  # pylint: disable=eval-used


def refs(names):
    out = sbx("ref", "-", data="".join(name + "\n" for name in names).encode()).stdout.decode().splitlines()
    return [None if line.startswith("error: ") else line.split(" ") for line in out]


def references(source):
    text = source.read("reference_test.go").decode()
    body = text[text.index("func TestReferenceParse("):text.index("for _, tc := range tests")]
    cases = []
    for block in re.findall(r"^\t\t\{\n(.*?)^\t\t\},", body, re.M | re.S):
        block = "\n".join(line for line in block.splitlines() if not line.lstrip().startswith("//"))
        fields = dict(re.findall(r"^\s*(\w+):\s*(.*?),(?:\s*//.*)?$", block, re.M))
        given = go_value(fields["input"])
        if given:
            cases.append((given, "err" not in fields))
    table = Table("reference TestReferenceParse (accepted or not)")
    for (given, good), found in zip(cases, refs([c[0] for c in cases]), strict=True):
        table.row(given, (found is not None) == good, found)
    text = source.read("normalize_test.go").decode()
    names = Table("reference normalize_test.go, names")
    for which, good in (("validRepoNames", True), ("invalidRepoNames", False), ("validRepositoryNames", True),
                        ("invalidRepositoryNames", False)):
        block = re.search(r"%s := \[\]string\{\n(.*?)\n\t\}" % which, text, re.S).group(1)
        given = [go_value(line.strip().rstrip(",")) for line in block.splitlines() if line.strip().startswith(('"', "strings."))]
        for name, found in zip(given, refs(given), strict=True):
            names.row(name, (found is not None) == good, found)
    body = text[text.index("func TestParseRepositoryInfo("):text.index("func TestParseReferenceWithTagAndDigest(")]
    full = Table("reference TestParseRepositoryInfo")
    for block in re.findall(r"^\t\t\{\n(.*?)^\t\t\},", body, re.M | re.S):
        fields = {k: ast.literal_eval(v) for k, v in re.findall(r"^\s*(\w+):\s*(\".*\"),$", block, re.M)}
        for given in {fields["FullName"], fields["FamiliarName"], fields["AmbiguousName"]} - {""}:
            found = refs([given])[0]
            wanted = [fields["FullName"] + ":latest", fields["FamiliarName"] + ":latest"]
            full.row(given, found == wanted, found)
    return table.end() + names.end() + full.end()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    wrong = 0
    for path, checks in zip(sys.argv[1:], ((dockerfiles, words), (patterns,), (references,)), strict=True):
        for check in checks if path != "-" else ():
            wrong += check(Source(path))
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
