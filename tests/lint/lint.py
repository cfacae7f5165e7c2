#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py RULE TREE [BUILD]: one house rule over the whole tree.

Each rule is a function that yields "file:line: what is wrong". Exit status 0 clean, 1 not, 77 when a
tool it needs is not installed. `lint.py selftest TREE` shows every rule a small tree that breaks it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

ORDER = "base options policy image rootfs network process state builder commands".split()
RANK = {stage: i for i, stage in enumerate(ORDER)}

# Beside <stage>/<stage>.h, headers other stages may use. Keep this short and say why.
PUBLIC = {
    # one struct per command beside run: too many for the stage's own header; policies are read by `sbx policy` too
    "options": {"verbs.h", "policy_file.h", "cdi.h"},
    "process": {"exec.h", "attach.h", "inside.h"},  # `sbx exec` and the terminal client need no running monitor
}
# fuse/ and netstack/ outlive the command and must return -ENOMEM: what may exit or allocates with
# xalloc is closed to them.
HELPER_BASE = {"err", "own", "fs", "sys", "spawn", "loop", "log", "userns", "confine", "banned", "kept", "facts", "egress_rules"}
# The control protocol is written down once, beside the other end of the socket.
HELPER_ALSO = {"netstack": {"network/wire.h"}}

THIRD_PARTY = ["archive", "seccomp.h", "fuse", "slirp", "curl", "openssl", "zlib.h", "isa-l", "igzip", "zstd",
               "jansson", "yaml.h"]
FOREIGN_CALLBACK = r"\(\s*fuse_req_t req\b|fuse_fill_dir_t fill\b"  # libfuse says how many parameters its callbacks have
FILE_LINES, FUNCTION_LINES, PARAMETERS, NESTING = 600, 70, 5, 3


class Tree:
    """The source tree as the rules see it: files by relative path, without build folders."""

    def __init__(self, top):
        self.top = os.path.abspath(top)
        self.files = []
        for folder, dirs, names in os.walk(self.top):
            dirs[:] = sorted(d for d in dirs if d not in (".git", "__pycache__") and
                             not (folder == self.top and d.startswith("build")))
            for name in sorted(set(names) - {".git"}):
                self.files.append(os.path.relpath(os.path.join(folder, name), self.top))

    def text(self, name):
        with open(os.path.join(self.top, name), encoding="utf-8", errors="replace") as f:
            return f.read()

    def lines(self, name):
        return list(enumerate(self.text(name).split("\n"), 1))

    def product(self, *ends):
        ends = ends or (".c", ".h")
        return [f for f in self.files if f.split("/")[0] in ("src", "fuse", "netstack") and f.endswith(ends)]

    def code(self, *ends):
        """Product and tests."""
        ends = ends or (".c", ".h")
        return self.product(*ends) + [f for f in self.files if f.startswith("tests/") and f.endswith(ends)]

    def scripts(self):
        for name in self.files:
            if name.endswith((".sh", ".py", ".bash")):
                yield name
            elif "." not in os.path.basename(name) or name.startswith(".ci/"):
                if self.text(name)[:2] == "#!":
                    yield name


def without_comments(text):
    """Comments and literals become blanks; line numbers stay."""
    blank = lambda m: re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def quoted_includes(tree, name):
    for number, line in tree.lines(name):
        m = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
        if m:
            yield number, m.group(1)


def include_fault(name, target):
    """Why `name` may not include "target"; None when it may."""
    parts, to = name.split("/"), target.split("/")
    if parts[0] in ("fuse", "netstack"):
        if len(to) == 1 or to[0] == parts[0]:
            return None
        if to[0] == "base" and to[1][:-2] in HELPER_BASE:
            return None
        if target in HELPER_ALSO.get(parts[0], ()):
            return None
        return "%s/ may include only itself and base/{%s}.h" % (parts[0], ",".join(sorted(HELPER_BASE)))
    here = parts[1] if len(parts) > 2 else "main"
    if len(to) == 1 or to[0] == here:
        return None
    if to[0] not in RANK:
        return "unknown layer"
    if here != "main" and here not in RANK:
        return "the folder src/%s has no place in the order" % here
    if here != "main" and RANK[to[0]] >= RANK[here]:
        return "%s is not left of %s" % (to[0], here)
    if to[0] != "base" and to[1] != to[0] + ".h" and to[1] not in PUBLIC.get(to[0], ()):
        return "not the public header of %s" % to[0]
    return None


def rule_includes(tree):
    """Includes point left in the pipeline, at public headers only; a file's own header comes first."""
    for name in tree.product():
        first = None
        for number, line in tree.lines(name):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
            if m and first is None:
                first = (number, m.group(2))
        for number, target in quoted_includes(tree, name):
            why = include_fault(name, target)
            if why:
                yield '%s:%d: includes "%s": %s' % (name, number, target, why)
        own = name[:-2] + ".h"
        if name.endswith(".c") and own in tree.files and first and \
                os.path.basename(first[1]) != os.path.basename(own):
            yield '%s:%d: the first include is not its own header "%s"' % (name, first[0], os.path.basename(own))


def rule_third_party(tree):
    """A library's headers appear in exactly one .c and in no .h."""
    users = {}
    for name in tree.product():
        for number, line in tree.lines(name):
            m = re.match(r"\s*#\s*include\s*<([^>]+)>", line)
            header = m.group(1) if m else ""
            if header.startswith(("linux/", "sys/")):
                continue
            for lib in THIRD_PARTY:
                if re.match(re.escape(lib) + r"|.*/" + re.escape(lib), header):
                    if name.endswith(".h"):
                        yield "%s:%d: a header includes <%s>" % (name, number, header)
                    users.setdefault(lib, {}).setdefault(name, number)
                    break
    for lib, names in users.items():
        sources = sorted(n for n in names if n.endswith(".c"))
        for name in sources[1:]:
            yield "%s:%d: %s is already the business of %s" % (name, names[name], lib, sources[0])


def functions(text):
    """Yields (first line, last line, signature, body) of each function of kernel-style source."""
    lines = without_comments(text).split("\n")
    start = None
    for i, line in enumerate(lines):
        if line == "{":
            start = i
        elif line == "}" and start is not None:
            head = start - 1
            while head > 0 and lines[head - 1].strip() and not re.search(r"[;}]\s*$|^#", lines[head - 1]):
                head -= 1
            yield head + 1, i + 1, " ".join(lines[head:start]), lines[start:i + 1]
            start = None


def parameter_count(signature):
    """Of the last parenthesised list that is not an attribute. The error, always last, and the one result
    in front of it (ret or ret_…) are how every function answers and do not count."""
    signature = re.sub(r"(,\s*(const )?\w+( \w+)? \**\*ret\w*)?,\s*struct err \*\w+\s*\)$", ")", signature.strip())
    signature = re.sub(r"__attribute__\s*\(\(.*?\)\)(\s*\))?", "", signature)
    m = re.search(r"\w+\s*\((.*)\)\s*$", signature.strip())
    if not m or m.group(1).strip() in ("", "void"):
        return 0
    depth, count = 0, 1
    for c in m.group(1):
        depth += (c in "([{") - (c in ")]}")
        count += c == "," and depth == 0
    return count


def nesting(body):
    """Deepest block inside a function; initialisers and switch bodies' labels do not count."""
    deepest, stack = 0, []
    for line in body[1:-1]:
        for i, c in enumerate(line):
            if c == "{":
                before = line[:i].rstrip()
                stack.append(bool(re.search(r"\)$|\belse$|\bdo$|^$", before)) and
                             not re.search(r"[=(,]\s*\([^()]*\)$|\breturn\s*\([^()]*\)$", before))
                deepest = max(deepest, sum(stack))
            elif c == "}" and stack:
                stack.pop()
    return deepest


def rule_sizes(tree):
    """Files, functions, parameter lists and nesting stay small; tables are data and may be long."""
    for name in tree.code(".c", ".h", ".sh", ".py"):
        count = tree.text(name).count("\n")
        if count > FILE_LINES:
            yield "%s:%d: %d lines, at most %d" % (name, FILE_LINES, count, FILE_LINES)
    for name in tree.code(".c", ".h"):
        for first, last, signature, body in functions(tree.text(name)):
            if last - first + 1 > FUNCTION_LINES:
                yield "%s:%d: function of %d lines, at most %d" % (name, first, last - first + 1, FUNCTION_LINES)
            if parameter_count(signature) > PARAMETERS and not re.search(FOREIGN_CALLBACK, signature):
                yield "%s:%d: %d parameters, at most %d" % (name, first, parameter_count(signature), PARAMETERS)
            if nesting(body) > NESTING:
                yield "%s:%d: blocks nested %d deep, at most %d" % (name, first, nesting(body), NESTING)


def rule_words(tree):
    """goto, raw system calls and left-over marks."""
    for name in tree.code():
        code = without_comments(tree.text(name)).split("\n")
        for number, line in enumerate(code, 1):
            if re.search(r"\bgoto\b", line):
                yield "%s:%d: goto: a function that needs it owns too much" % (name, number)
            if re.search(r"\bsyscall\s*\(", line) and name != "src/base/sys.c" and not name.startswith("tests/"):
                yield "%s:%d: raw system calls live in src/base/sys.c" % (name, number)
    marks = re.compile(r"\b(%s)\b" % "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")))
    for name in tree.code(".c", ".h", ".sh", ".py"):
        for number, line in tree.lines(name):
            if marks.search(line):
                yield "%s:%d: a left-over mark" % (name, number)
            if line.startswith(("<<<<" + "<<< ", ">>>>" + ">>> ")):
                yield "%s:%d: conflict marker" % (name, number)


def rule_licence(tree):
    """Every source file says its licence in its first lines."""
    names = set(tree.code(".c", ".h", ".sh", ".py")) | set(tree.scripts())
    for name in sorted(names):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(tree.text(name).split("\n")[:3]):
            yield "%s:1: no SPDX-License-Identifier line" % name


def rule_untested(tree):
    """Every source file has a unit test file of the same path, or a reason in untested.txt."""
    excuses = {}
    for number, line in tree.lines("tests/lint/untested.txt"):
        if not line or line.startswith("#"):
            continue
        path, colon, reason = line.partition(": ")
        if not colon or len(reason) < 10:
            yield "tests/lint/untested.txt:%d: not of the form 'path: reason'" % number
        excuses[path] = number
    for name in tree.product(".c"):
        test = "tests/unit/" + (name[4:] if name.startswith("src/") else name)
        tested = test in tree.files
        if not tested and name not in excuses:
            yield "%s:1: neither %s nor a reason in tests/lint/untested.txt" % (name, test)
        if tested and name in excuses:
            yield "tests/lint/untested.txt:%d: %s has a test now" % (excuses[name], name)
    for path in excuses:
        if path not in tree.files:
            yield "tests/lint/untested.txt:%d: %s does not exist" % (excuses[path], path)


def rule_paths(tree):
    """Nothing committed points at the machine it was written on."""
    here = [tree.top] if tree.top.count("/") > 1 else []
    home = os.path.expanduser("~")
    if home.startswith("/home/"):
        here.append(home)
    pattern = re.compile("|".join([re.escape(p) + r"\b" for p in here] +
                                  [r"/wor[k]/(?:main|wt|shared|brief)", r"/srv/la[b]\b"]))
    for name in tree.files:
        for number, line in tree.lines(name):
            if pattern.search(line):
                yield "%s:%d: a path of one particular machine: %s" % (name, number, pattern.search(line).group(0))


def rule_map(tree):
    """Paths that the README names exist."""
    if "README.md" not in tree.files:
        yield "README.md:1: there is no README.md"
        return
    path = re.compile(r"(?<![\w/.~-])((?:src|fuse|netstack|tests|policies|docs)/[\w./-]*[\w/])")
    for number, line in tree.lines("README.md"):
        for found in path.findall(line):
            if not os.path.exists(os.path.join(tree.top, found)):
                yield "README.md:%d: %s does not exist" % (number, found)


def rule_environment(tree):
    """Every variable that the programs read is in sbx(1)."""
    page = tree.text("docs/man/sbx.1") if "docs/man/sbx.1" in tree.files else ""
    for name in tree.product():
        for number, line in tree.lines(name):
            for variable in re.findall(r'"(SBX_[A-Z_]+)"', line):
                if variable != "SBX_EXE" and not re.search(variable + r"\b", page):  # SBX_EXE: decision 6
                    yield "%s:%d: %s is not in docs/man/sbx.1" % (name, number, variable)


def rule_policy_keys(tree):
    """Every key of a policy file is in sbx-policy(5), and the page has no other."""
    source, page = "src/options/policy_file.c", "docs/man/sbx-policy.5"
    if source not in tree.files:
        return
    known = {(group + "." if group else "") + key for group, key in
             re.findall(r'^\t\{ (?:NULL|"(\w+)"), "(\w+)", KIND_', tree.text(source), re.M)}
    lines = tree.text(page).split(".SH EXAMPLES")[0].splitlines() if page in tree.files else []
    said = {key for before, line in zip(lines, lines[1:]) if before == ".TP" for key in
            re.findall(r"\\fB([\w.]+)\\fR", line)}
    if not known:
        yield "%s: no keys found" % source
    for key in sorted(known - said):
        yield "%s: the key %s is not in %s" % (source, key, page)
    for key in sorted(said - known):
        yield "%s: there is no key %s" % (page, key)


def need(*names):
    for name in names:
        if shutil.which(name):
            return name
    print("SKIP: %s is not installed" % names[0])
    sys.exit(77)


def output_of(tree, command, names):
    for i in range(0, len(names), 200):
        done = subprocess.run(command + names[i:i + 200], cwd=tree.top, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            yield from done.stdout.rstrip().split("\n")


def rule_format(tree):
    """clang-format 14 (other versions format otherwise) has nothing to change."""
    yield from output_of(tree, [need("clang-format-14"), "--dry-run", "-Werror"], tree.code())


def rule_spelling(tree):
    tops = ["src", "fuse", "netstack", "tests", "docs", "policies", "README.md", "NEWS.md", "CONTRIBUTING.md"]
    names = [t for t in tops if os.path.exists(os.path.join(tree.top, t))]
    yield from output_of(tree, [need("codespell"), "-q", "3", "-L", "vertexes,ser,tre,nmae,fo,nd,te,ue,clen,creat,ans,inout,iif",
                                "--skip", "*/corpus/*,*/fixtures/*.json,*.tar,*.gz,*.zst"], names)


def rule_shell(tree):
    """shellcheck of every shell script."""
    names = [n for n in tree.scripts() if re.match(r"#!\s*\S*(/|env )(ba|da)?sh\b", tree.text(n))]
    yield from output_of(tree, [need("shellcheck"), "-x"], names)


def rule_globals(tree, build):
    """No mutable variables in the built objects, those inside functions included."""
    allowed = re.compile(r"/libbase\.a\.p/log\.c\.o$")
    seen = 0
    for folder, _, names in os.walk(build):
        for name in names:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, build)
            if not name.endswith(".c.o") or relative.startswith("tests/") or "unit-" in relative:
                continue
            seen += 1
            if allowed.search(path):
                continue
            table = subprocess.run(["objdump", "-t", path], text=True, stdout=subprocess.PIPE, check=True).stdout
            for line in table.split("\n"):
                m = re.search(r"\sO\s+(\.data(?!\.rel\.ro)\S*|\.bss\S*|\.tbss\S*|\.tdata\S*|\*COM\*)\s+\S+\s+(\S+)$",
                              line)
                if m:
                    yield "%s: mutable variable %s in %s" % (relative, m.group(2), m.group(1))
    if not seen:
        yield "%s: no objects found" % build


RULES = {
    "includes": rule_includes, "third-party": rule_third_party, "sizes": rule_sizes, "words": rule_words,
    "licence": rule_licence, "untested": rule_untested, "paths": rule_paths, "map": rule_map,
    "environment": rule_environment, "policy-keys": rule_policy_keys,
    "format": rule_format, "spelling": rule_spelling, "shell": rule_shell,
}

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
LONG = SPDX + "int f(void)\n{\n" + "\tx();\n" * 70 + "}\n"
DEEP = SPDX + "int f(void)\n{\n\tif (a) {\n\t\tif (b) {\n\t\t\tif (c) {\n\t\t\t\tif (d) {\n\t\t\t\t}\n\t\t\t}\n" \
       "\t\t}\n\t}\n}\n"
# rule, file, its text, and a piece of the complaint it must draw; None: must be accepted
CASES = [
    ("includes", "src/options/a.c", '#include "image/image.h"\n', "is not left of"),
    ("includes", "src/state/a.c", '#include "image/store.h"\n', "not the public header"),
    ("includes", "src/state/a.c", '#include "curious/a.h"\n', "unknown layer"),
    ("includes", "src/state/a.c", '#include "image/image.h"\n#include "base/err.h"\n', None),
    ("includes", "src/commands/a.c", '#include "process/exec.h"\n', None),
    ("includes", "fuse/a.c", '#include "base/xalloc.h"\n', "may include only itself"),
    ("includes", "netstack/a.c", '#include "network/network.h"\n', "may include only itself"),
    ("includes", "fuse/a.c", '#include "overlay.h"\n#include "base/err.h"\n', None),
    ("third-party", "src/image/a.h", "#include <curl/curl.h>\n", "a header includes"),
    ("third-party", "src/image/a.c", "#include <fuse3/fuse_lowlevel.h>\n", None),
    ("third-party", "src/base/sys.h", "#include <linux/seccomp.h>\n", None),
    ("sizes", "src/base/a.c", SPDX + "\n" * 600, "lines, at most"),
    ("sizes", "src/base/a.c", LONG, "function of 73 lines"),
    ("sizes", "src/base/a.c", DEEP, "nested 4 deep"),
    ("sizes", "src/base/a.c", "int f(int a, int b, int c, int (*d)(int, int), int e,\n\tint g)\n{\n}\n", "6 parameters"),
    ("sizes", "src/base/a.c", "int f(int a, int b, int c, int (*d)(int, int), int e)\n{\n}\n", None),
    ("sizes", "src/base/a.c", "static const int t[] = {\n" + "\t1,\n" * 100 + "};\n", None),
    ("words", "src/base/a.c", "\tgoto out;\n", "goto"),
    ("words", "src/base/a.c", "\tsyscall(1);\n", "raw system calls"),
    ("words", "src/base/a.c", "\t/* never goto; call syscall(2) */\n", None),
    ("words", "src/base/a.c", "/* " + "TO" + "DO */\n", "left-over"),
    ("licence", "src/base/a.c", "int a;\n", "SPDX"),
    ("licence", ".ci/run", "#!/bin/sh\n", "SPDX"),
    ("untested", "src/base/a.c", "int a;\n", "neither tests/unit/base/a.c"),
    ("untested", "tests/lint/untested.txt", "src/gone.c: this file is gone\n", "does not exist"),
    ("untested", "tests/lint/untested.txt", "src/gone.c\n", "not of the form"),
    ("paths", "docs/a.md", "see /wor" + "k/shared/x\n", "particular machine"),
    ("map", "README.md", "- `src/gone.c` is gone\n", "does not exist"),
    ("map", "docs/a.md", "no readme\n", "no README.md"),
    ("environment", "src/base/a.c", '\tgetenv("SBX_NEW");\n', "SBX_NEW is not in"),
    ("environment", "src/base/a.c", '\tgetenv("SBX_EXE");\n', None),
    ("policy-keys", "src/options/policy_file.c", '\t{ "limits", "moons", KIND_TEXT, NULL, NULL },\n', "limits.moons is not in"),
    ("policy-keys", "src/options/policy_file.c", "int a;\n", "no keys found"),
    ("shell", "tests/a.sh", "#!/bin/sh\necho $1\n", "SC2086"),
    ("spelling", "docs/a.md", "rec" + "ieve\n", "receive"),
    ("format", "src/base/a.c", "int  a;\n", "error"),
]


def selftest():
    bad = 0
    for rule, name, text, wanted in CASES:
        with tempfile.TemporaryDirectory() as top:
            for path, content in ((name, text), ("tests/lint/untested.txt", "")):
                full = os.path.join(top, path)
                os.makedirs(os.path.dirname(full) or top, exist_ok=True)
                if not os.path.exists(full):
                    with open(full, "w", encoding="utf-8") as f:
                        f.write(content)
            shutil.copy(os.path.join(sys.argv[2], ".clang-format"), top)
            try:
                found = "\n".join(RULES[rule](Tree(top)))
            except SystemExit:
                continue
        if (wanted is None) != (found == "") or (wanted and wanted not in found):
            print("%s: %r in %s: wanted %r, got %r" % (rule, text[:40], name, wanted, found))
            bad = 1
    # two users of one library need two files
    with tempfile.TemporaryDirectory() as top:
        for name in ("src/image/a.c", "src/image/b.c"):
            os.makedirs(os.path.join(top, "src/image"), exist_ok=True)
            with open(os.path.join(top, name), "w", encoding="utf-8") as f:
                f.write("#include <archive_entry.h>\n")
        if "already the business" not in "\n".join(rule_third_party(Tree(top))):
            print("third-party: two users of one library went unnoticed")
            bad = 1
    return bad


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in (*RULES, "selftest", "globals"):
        print(__doc__)
        return 2
    if sys.argv[1] == "selftest":
        return selftest()
    if sys.argv[1] == "globals":
        need("objdump")
        faults = list(rule_globals(Tree(sys.argv[2]), sys.argv[3]))
    else:
        faults = list(RULES[sys.argv[1]](Tree(sys.argv[2])))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
