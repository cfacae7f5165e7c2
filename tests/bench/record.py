#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""record.py PAGE OUT.svg: types the page's `sh` blocks on a real terminal and draws what it showed, each line at the moment at
which it came (a second is waited before each command, for the reader). record.py --check PAGE SVG: the commands of both are
the same. Run by tests/run.sh --bench recording, as the unprivileged user, with sbx in PATH and its images pulled."""

import html
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl

COLUMNS, PAUSE, PATIENCE = 112, 1.0, 60
PROMPT = "\x02$ "  # no program of the page prints the first of these
CHARACTER, LINE = 7.83, 19  # of the font that is asked for, in pixels
STYLE = """@keyframes show { from { visibility: hidden } to { visibility: visible } }
text { font: 13px 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d6d6d6; white-space: pre; animation: show .01s step-end backwards }
.typed { fill: #8fd18f }"""


def commands_of(page):
    """(command line, what the block that follows shows if the page says "until", else None)."""
    found = re.findall(r"^```sh( until)?\n(.*?)^```$(?:\n```text\n(.*?)^```$)?", page, re.M | re.S)
    return [(line, shown.strip() if until else None) for until, body, shown in found for line in body.strip().split("\n")]


class Terminal:
    def __init__(self, folder):
        self.begun, self.lines, self.seen = time.monotonic(), [], ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noediting"], dict(os.environ, PS1=PROMPT, TERM="xterm"))
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))

    def until_prompt(self):
        """Keeps the lines with the moment of their ends."""
        end = time.monotonic() + PATIENCE
        while not self.seen.endswith(PROMPT):
            if time.monotonic() > end or not select.select([self.fd], [], [], PATIENCE)[0]:
                sys.exit("record.py: no end after %d s: %r" % (PATIENCE, self.seen))
            self.seen += os.read(self.fd, 65536).decode(errors="replace")
            *whole, self.seen = self.seen.split("\r\n")
            self.lines += [(time.monotonic() - self.begun, line) for line in whole]

    def type(self, command):
        time.sleep(PAUSE)
        os.write(self.fd, (command + "\n").encode())
        self.seen = self.seen[:-len(PROMPT)] + PROMPT[1:]
        self.until_prompt()


def record(page):
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(folder)
        terminal.until_prompt()
        for command, wanted in commands_of(page):
            end = time.monotonic() + PATIENCE
            while wanted and subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                            check=False).stdout.strip() != wanted:
                if time.monotonic() > end:
                    sys.exit("record.py: %s never shows %s" % (command, wanted))
                time.sleep(0.05)
            terminal.type(command)
        os.write(terminal.fd, b"exit\n")
        os.waitpid(terminal.pid, 0)
        subprocess.run(["sbx", "unshare", "rm", "-rf", folder + "/data"], check=True)
    return terminal.lines


def draw(lines):
    parts = []
    for i, (moment, line) in enumerate(lines):
        parts.append('<text x="14" y="%d"%s style="animation-delay: %.2fs">%s</text>' % (
            (i + 2) * LINE - 6, ' class="typed"' if line.startswith("$ ") else "", moment, html.escape(line[:COLUMNS])))
    return """<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img">
<title>sbx at work, recorded %s</title>
<desc>made by tests/run.sh --bench recording from a real terminal: do not edit</desc>
<style>%s</style>
<rect width="100%%" height="100%%" rx="8" fill="#1c1f24"/>
%s
</svg>
""" % (COLUMNS * CHARACTER + 28, (len(lines) + 2) * LINE, time.strftime("%Y-%m-%d"), STYLE, "\n".join(parts))


def check(page, drawing):
    typed = [html.unescape(line)[2:] for line in re.findall(r'class="typed"[^>]*>(.*?)</text>', drawing)]
    wanted = [command[:COLUMNS - 2] for command, _ in commands_of(page)]
    if typed != wanted:
        sys.exit("record.py: the recording has other commands than the page (tests/run.sh --bench recording makes it anew):\n%s\n%s" % (
            "\n".join(typed), "\n".join(wanted)))


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        check(read(sys.argv[2]), read(sys.argv[3]))
    else:
        result = draw(record(read(sys.argv[1])))
        with open(sys.argv[2], "w", encoding="utf-8") as out:
            out.write(result)
