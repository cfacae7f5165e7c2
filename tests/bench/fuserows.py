# SPDX-License-Identifier: Apache-2.0
"""The rows of the overlay file system. fuse.py measures, once for all of them; here is what it is held against."""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 2
COUNTED = ("walk, cold", "stat, warm", "open+read, cold", "no such name, cold", "create 1 KiB", "rename", "unlink",
           "chmod with copy-up", "unlink of a lower file", "untar 5000 files", "rm -rf of them")


class OverlayRow:
    """What sbx-fuse took for an operation of fuse.py, against the kernel's overlay or another's."""

    found = {}
    mine = "sbx-fuse"

    def __init__(self, name, title, operation, goal, peer="kernel"):
        self.name, self.title, self.operation, self.goal, self.peer = name, title, operation, goal, peer

    def measure(self, world):
        if not self.found:
            said = subprocess.run([sys.executable, os.path.join(HERE, "fuse.py"), str(ROUNDS), world.top],
                                  env=dict(os.environ, SBX_BIN=world.sbx), stdout=subprocess.PIPE, text=True, check=True).stdout
            self.found.update(json.loads(said.splitlines()[-1]))
        return self.line(self.found)

    def line(self, found):
        times = found["ms"][self.operation]
        for driver in (self.mine, self.peer):
            if driver not in times:
                sys.exit("bench: %s is not installed" % ("a C compiler" if "floor" in driver else driver))
        ratio = times[self.mine] / times[self.peer]
        return "| %s | %s | %.2f ms | %s %.2f ms | %.3f | %.3f | %s | %d |" % (
            self.name, self.title, times[self.mine], self.peer, times[self.peer], ratio, self.goal,
            "yes" if ratio <= self.goal else "no", ROUNDS)


class FloorRow(OverlayRow):
    """What requests of this design cost, whatever is in them (floor.c)."""

    mine = "floor"


class WorkRow(FloorRow):
    """And with the system calls without which nothing would be on the disk."""

    mine = "floor with work"


class WorstRow(OverlayRow):
    def line(self, found):
        ratios = {name: found["ms"][name]["sbx-fuse"] / found["ms"][name]["kernel"] for name in COUNTED}
        self.operation = max(ratios, key=ratios.get)
        self.title = "the slowest of the 11: " + self.operation
        return super().line(found)


class MemoryRow(OverlayRow):
    def line(self, found):
        kb, most = found["kB"], self.goal
        return "| %s | %s | %d kB | - | - | %d kB | %s | 1 |" % (self.name, self.title, kb, most, "yes" if kb <= most else "no")


OVERLAY_ROWS = [
    OverlayRow("overlay", "mean of 11 operations on files, driver fuse", "mean", 1.2),
    OverlayRow("overlay-peer", "the same", "mean", 0.5, "fuse-overlayfs"),
    OverlayRow("overlay-least", "the same; the peer does only the system calls that the work needs", "mean", 1.2, "floor with work"),
    FloorRow("overlay-floor", "the same by a FUSE server that answers from memory and does nothing", "mean", 1.2),
    WorkRow("overlay-floor-work", "the same by one that also does the system calls that the work needs", "mean", 1.2),
    WorstRow("overlay-worst", "", "", 2.5),
    OverlayRow("overlay-walk", "walk of 2,000 files, cold", "walk, cold", 2.5),
    OverlayRow("overlay-stat", "`stat`, warm", "stat, warm", 1.1),
    OverlayRow("overlay-open", "`open` and `close`, warm", "open, warm", 1.1),
    OverlayRow("overlay-read", "`open` and `read` of 1 KiB, cold", "open+read, cold", 2.5),
    OverlayRow("overlay-absent", "a name that is not there, cold", "no such name, cold", 2.5),
    OverlayRow("overlay-create", "create with 1 KiB", "create 1 KiB", 2.5),
    OverlayRow("overlay-rename", "`rename`", "rename", 2.5),
    OverlayRow("overlay-unlink", "`unlink`", "unlink", 2.5),
    OverlayRow("overlay-chmod", "`chmod` with copy-up", "chmod with copy-up", 2.5),
    OverlayRow("overlay-whiteout", "`unlink` of a lower file", "unlink of a lower file", 2.5),
    OverlayRow("overlay-untar", "`tar -x` of 5,000 files", "untar 5000 files", 2.5),
    OverlayRow("overlay-rm", "`rm -rf` of them", "rm -rf of them", 2.5),
    OverlayRow("overlay-sequential-write", "write 512 MiB", "write 512 MiB", 1.5),
    OverlayRow("overlay-sequential-read", "read them", "read them back", 1.1),
    OverlayRow("overlay-random-write", "write 4 KiB at random, 10,000 times", "write 4 KiB at random", 1.3),
    OverlayRow("overlay-random-read", "read 4 KiB at random, 10,000 times", "read 4 KiB at random", 1.3),
    MemoryRow("overlay-memory", "`sbx-fuse` for a million files that were looked up", "", 60000),
]
