#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tutorial.py FILE.md: does what a reader of the tutorial would do, and compares what the tutorial shows.

  ```sh                a block that is typed as it stands, into a shell that keeps its variables and folder
  ```sh until          the same, again and again (60 s at most) until it shows what follows
  ```sh fails          the same, and the status is not 0
  ```sh terminal       typed on a terminal; the block that follows says what is answered: "prompt ⟵ answer"
  ```text              what the block before shows: its lines, in this order, among others. "…" stands for anything

Other blocks are not looked at. The first difference ends the program with status 1 and both texts.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

PATIENCE = 60


def blocks(text):
    """(language, words behind it, body) of each fenced block."""
    for match in re.finditer(r"^```(\w+)([^\n]*)\n(.*?)^```$", text, re.M | re.S):
        yield match[1], match[2].split(), match[3]


def pattern(line):
    """A line of a text block: blanks are elastic, … is anything."""
    parts = [r"\s+".join(re.escape(word) for word in part.split()) for part in line.split("…")]
    return re.compile(r".*".join(part if not part else part for part in parts).join((r"\s*", r"\s*$")))


def missing(wanted, shown):
    """The first line of wanted that shown lacks behind those before it, or None."""
    lines = iter(re.sub(r"\r|\x1b\[[0-9;]*m", "", shown).split("\n"))
    for line in filter(str.strip, wanted.split("\n")):
        expected = pattern(line.strip())
        if not any(expected.match(seen) for seen in lines):
            return line
    return None


class Shell:
    """One bash for the whole tutorial; a line that no program prints marks the end of a block."""

    def __init__(self):
        self.bash = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.count = 0

    def type(self, text):
        """(status of the last command, output)."""
        self.count += 1
        mark = "--- end of block %d:" % self.count
        self.bash.stdin.write("{ %s\n} </dev/null\ntutorial_status=$?; echo; echo '%s' $tutorial_status\n" % (text, mark))
        self.bash.stdin.flush()
        out = ""
        for line in self.bash.stdout:
            if line.startswith(mark):
                return int(line.split()[-1]), out[:-1]
            out += line
        sys.exit("tutorial: the shell has ended in block %d:\n%s" % (self.count, out))

    def state(self):
        """Its folder and variables, for a program on a terminal."""
        _, out = self.type("pwd")
        return out.strip()


def on_terminal(command, folder, dialogue):
    """Types the answers when their prompts appear; returns what the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execvp("bash", ["bash", "--norc", "-c", command])
    shown = seen = ""
    for prompt, answer in dialogue + [(None, None)]:
        end = time.monotonic() + PATIENCE
        while prompt is None or prompt not in seen:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                sys.exit("tutorial: no %r on the terminal, only:\n%s" % (prompt, shown))
            if not select.select([fd], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(fd, 65536).decode(errors="replace")
            except OSError:
                data = ""
            shown, seen = shown + data, seen + data
            if not data:
                break
        if prompt is None:
            break
        seen = seen[seen.find(prompt) + len(prompt):] if prompt in seen else seen
        os.write(fd, (answer + "\n").encode())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def follow(path):
    with open(path, encoding="utf-8") as f:
        found = list(blocks(f.read()))
    shell, checked = Shell(), 0
    for i, (language, words, body) in enumerate(found):
        if language != "sh":
            continue
        after = found[i + 1] if i + 1 < len(found) and found[i + 1][0] == "text" else None
        wanted = after[2] if after else ""
        print("$ " + body.rstrip().replace("\n", "\n  "), flush=True)
        if "terminal" in words:
            dialogue = [tuple(part.strip() for part in line.split("⟵")) for line in wanted.split("\n") if "⟵" in line]
            dialogue = [(prompt, shell.type("echo " + answer)[1].strip()) for prompt, answer in dialogue]
            status, shown = on_terminal(body, shell.state(), dialogue)
            wanted = "\n".join(line for line in wanted.split("\n") if "⟵" not in line)
        else:
            status, shown = shell.type(body)
        end = time.monotonic() + PATIENCE
        while "until" in words and (status or missing(wanted, shown)) and time.monotonic() < end:
            time.sleep(0.3)
            status, shown = shell.type(body)
        print(shown, flush=True)
        lack = missing(wanted, shown)
        if lack or bool(status) != ("fails" in words):
            sys.exit("tutorial: status %d%s" % (status, ", and this line is not shown:\n" + lack if lack else ""))
        checked += 1
    if not checked:
        sys.exit("tutorial: %s has no block to type" % path)


if __name__ == "__main__":
    follow(sys.argv[1])
