#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""into.py TABLE PAGE: puts the measured table between the two marks of the page, with the date and the machine."""

import datetime
import os
import platform
import re
import sys

BEGIN, END = "<!-- measured by tests/run.sh --bench compare: do not edit -->", "<!-- end of the measured part -->"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    return "%s, %d × %s, Linux %s" % (datetime.date.today(), os.cpu_count(), model[1] if model else platform.machine(),
                                      platform.release())


with open(sys.argv[1], encoding="utf-8") as source:
    table = source.read()
with open(sys.argv[2], encoding="utf-8") as source:
    page = source.read()
if table.count("\n") < 3 or BEGIN not in page:
    sys.exit("into.py: nothing measured, or no place for it in " + sys.argv[2])
before, rest = page.split(BEGIN)
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write("%s%s\n%s\n%s.\n%s%s" % (before, BEGIN, table, machine(), END, rest.split(END, 1)[1]))
