#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""man.py [--update] SBX_TABLES FOLDER: the man pages agree with the option tables.

Every command has a page and every page a command; sbx.1 names them all. NAME, SYNOPSIS and OPTIONS of the page are what the
program SBX_TABLES prints. --update rewrites those sections, and leaves the others alone."""

import pathlib
import re
import subprocess
import sys


def printed(tool, *args):
    return subprocess.run([tool, *args], check=True, capture_output=True, text=True).stdout


def sections(text):
    """[(title, body)], the part before the first .SH under ''."""
    parts = re.split(r"(?m)^\.SH (.*)\n", text)
    return [("", parts[0])] + list(zip(parts[1::2], parts[2::2]))


def joined(parts):
    return "".join((".SH %s\n" % title if title else "") + body for title, body in parts)


def wanted(tool, page, summary):
    """The sections that the tables dictate, by title."""
    escaped = page.replace("-", "\\-")
    result = {"NAME": "%s \\- %s\n" % (escaped, summary)}
    for title, body in sections(printed(tool, "man", page)):
        if title:
            result[title] = body
    return result


def merged(text, new):
    """The page with its dictated sections replaced; OPTIONS is added after DESCRIPTION or dropped."""
    parts = [(t, new.get(t, b)) for t, b in sections(text) if t != "OPTIONS" or t in new]
    titles = [t for t, _ in parts]
    if "OPTIONS" in new and "OPTIONS" not in titles:
        parts.insert(titles.index("DESCRIPTION") + 1, ("OPTIONS", new["OPTIONS"]))
    return joined(parts)


def strange_requests(text):
    """A line of text that begins with a dot would silently vanish."""
    return [line for line in re.findall(r"(?m)^[.'].*", text)
            if not re.match(r"\.(TH|SH|SS|TP|PP|B|BR|RB|BI|I|IR|RS|RE|nf|fi|\\\")( |$)", line)]


def unnamed(overview, pages):
    """The pages that the COMMANDS of sbx.1 do not name."""
    text = dict(sections(overview)).get("COMMANDS", "").replace("\\-", "-")
    named = set(re.findall(r'(?m)(sbx-[a-z-]+) ?"?\(1\)', text))
    return sorted(set(pages) - named - {"sbx"})


def main():
    update = sys.argv[1:2] == ["--update"]
    tool, folder = sys.argv[-2], pathlib.Path(sys.argv[-1])
    pages = dict(line.split(" ", 1) for line in printed(tool).splitlines())
    faults = ["%s.1: there is no such command" % p.stem for p in folder.glob("sbx*.1") if p.stem not in pages]
    faults += ["sbx.1: COMMANDS does not name %s" % page for page in
               unnamed((folder / "sbx.1").read_text(encoding="utf-8"), pages)]
    for page, summary in pages.items():
        path = folder / (page + ".1")
        if not path.exists():
            faults.append("%s: missing" % path.name)
            continue
        text = path.read_text(encoding="utf-8")
        faults += ["%s: not a request: %s" % (path.name, line) for line in strange_requests(text)]
        want = merged(text, wanted(tool, page, summary))
        if want == text:
            continue
        if update:
            path.write_text(want, encoding="utf-8")
        else:
            faults.append("%s: differs from the option table: run tests/lint/man.py --update" % path.name)
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


sys.exit(main())
