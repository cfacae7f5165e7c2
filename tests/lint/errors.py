#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""errors.py TREE: docs/errors.md explains exactly the message ids that the sources use."""

import pathlib
import re
import sys

tree = pathlib.Path(sys.argv[1])
used = {}
for folder in ("src", "fuse", "netstack"):
    for path in sorted((tree / folder).rglob("*.[ch]")):
        for name in re.findall(r'"([EWI]-[A-Z][A-Z-]*[A-Z])\b', path.read_text(encoding="utf-8")):
            used.setdefault(name, path.relative_to(tree))
table = re.findall(r"(?m)^\| ([EWI]-[A-Z-]+) \|", (tree / "docs/errors.md").read_text(encoding="utf-8"))
faults = ["%s: %s is not in docs/errors.md" % (path, name) for name, path in used.items() if name not in table]
faults += ["docs/errors.md: no source uses %s" % name for name in table if name not in used]
faults += ["docs/errors.md: %s stands there twice" % name for name in set(table) if table.count(name) > 1]
print("\n".join(faults), end="\n" if faults else "")
sys.exit(1 if faults or not used else 0)
