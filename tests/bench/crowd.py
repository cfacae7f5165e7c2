# SPDX-License-Identifier: Apache-2.0
"""The rows of many containers: a store with 1,000, a hundred at once, memory of those that only wait; and what :squash
costs. Stores of their own on both sides, so that what other rows left does not count and all can be thrown away."""

import os
import statistics
import time

MANY, AT_ONCE, WAITING = 1000, 100, 20
PATIENCE = 40  # seconds for podman's containers
FILES = "for i in $(seq 1000); do echo $i >/d/f$i; done; cat /d/f* >/dev/null; rm /d/f*"
DATA = "dd if=/dev/zero of=/d/big bs=1M count=256 2>/dev/null; cat /d/big >/dev/null; rm /d/big"


class Crowd:
    """Both sides' stores and commands."""

    def __init__(self, world):
        self.world, self.roots = world, ["%s/crowd-%d" % (world.top, i) for i in range(3)]
        self.sbx, self.empty = ([world.sbx, "--root", root] for root in self.roots[:2])
        self.podman = [*world.podman_command, "--root", self.roots[2]]
        self.mine, self.theirs = "busybox", world.podman_image("busybox")

    def __enter__(self):
        self.drop()
        self.world.run([*self.sbx, "pull", "-q", self.mine])
        return self

    def __exit__(self, *what):
        self.drop()

    def with_podman(self):
        """Of the 2,048 locks that podman has for a user, those of containers that drop() has forgotten are taken."""
        self.world.run([*self.podman, "system", "renumber"])
        self.world.run([*self.podman, "pull", "-q", "--tls-verify=false", self.theirs])

    def clear(self):
        if os.path.exists(self.roots[0]):
            self.world.run(["sh", "-c", "\"$@\" ps -aq | xargs -r \"$@\" rm -f", "sh", *self.sbx])
        if os.path.exists(self.roots[2]):
            self.world.run([*self.podman, "rm", "-f", "-a", "-t", "0"])

    def drop(self):
        """Containers that were only created need no podman to be forgotten, which takes longer than all of the rest."""
        for command, root in ((self.sbx, self.roots[0]), (self.podman, self.roots[2])):
            up = self.world.run([*command, "ps", "-q"], ok=False).split() if os.path.exists(root) else []
            if up:
                self.world.run([*command, "rm", "-f", *up])
        for root in self.roots:  # sub-ids own parts of it, and podman keeps a mount in its namespace
            self.world.run(["podman", "unshare", "sh", "-c", "umount -l \"$0/overlay\" 2>/dev/null; rm -rf \"$0\"", root])

    def create_many(self):
        self.world.run(["sh", "-c", "for i in $(seq %d); do \"$@\" >/dev/null || exit; done" % MANY, "sh",
                        *self.sbx, "create", "--network", "none", self.mine, "true"])

    def sbx_run(self, *options):
        return [*self.sbx, "run", "-d", *options, self.mine, "sleep", "10000"]

    def podman_run(self, *options):
        return [*self.podman, "run", "-d", *options, *self.world.podman_limits, self.theirs, "sleep", "10000"]

    def pairs(self, ours, theirs, runs):
        """Medians in ms; the first of each only warms caches."""
        times = ([], [])
        for i in range(runs + 1):
            for which, command in enumerate((ours, theirs)):
                took = self.world.seconds(command)
                if i:
                    times[which].append(took * 1000)
        return (*(statistics.median(t) for t in times), runs)


def ps_of_many(crowd):
    """Where podman cannot make as many in the time there is, its part that grows with them is scaled, from what it needs
    without any."""
    crowd.create_many()
    crowd.with_podman()
    ours, theirs = [*crowd.sbx, "ps", "-a"], [*crowd.podman, "ps", "-a"]
    none = statistics.median(1000 * crowd.world.seconds(theirs) for _ in range(10))
    made, end = 0, time.monotonic() + PATIENCE
    while made < MANY and time.monotonic() < end:
        crowd.world.run([*crowd.podman, "create", "--network", "none", *crowd.world.podman_limits, crowd.theirs, "true"])
        made += 1
    mine, some, runs = crowd.pairs(ours, theirs, 10)
    note = "podman has as many" if made == MANY else \
        "podman's scaled from %d: %.0f ms, of them %.0f without any" % (made, some, none)
    return mine, none + (some - none) * MANY / made, runs, note


def run_among_many(crowd):
    crowd.create_many()
    crowd.world.run([*crowd.empty, "pull", "-q", crowd.mine])
    options = ["run", "--rm", "--network", "none", crowd.mine, "true"]
    return (*crowd.pairs([*crowd.sbx, *options], [*crowd.empty, *options], 50), None)


def hundred_at_once(crowd):
    crowd.with_podman()
    times = ([], [])
    for _ in range(2):
        for which, (tool, command) in enumerate(((crowd.sbx, crowd.sbx_run("--network", "none")),
                                                 (crowd.podman, crowd.podman_run("--network", "none")))):
            times[which].append(1000 * crowd.world.seconds(
                ["sh", "-c", "for i in $(seq %d); do \"$@\" >/dev/null & done; wait" % AT_ONCE, "sh", *command]))
            up = len(crowd.world.run([*tool, "ps", "-q"]).split())
            if up != AT_ONCE:
                raise SystemExit("bench: %d of %d are up: %s" % (up, AT_ONCE, " ".join(tool)))
            crowd.clear()
    return (*(statistics.median(t) for t in times), 2, "none lost")


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("MemAvailable:"))


def settle():
    """Until what has just ended gives nothing back any more, or somebody else will not let it be quiet."""
    end = time.monotonic() + 10
    before, now = 0, available()
    while abs(now - before) > 500 and time.monotonic() < end:
        time.sleep(0.5)
        before, now = now, available()


def slope(crowd, command):
    """kB of MemAvailable per container, by least squares; one is there before, with all that they share."""
    crowd.world.run(command)
    settle()
    left = [available()]
    for _ in range(WAITING):
        crowd.world.run(command)
        left.append(available())
    middle, mean = (len(left) - 1) / 2, statistics.mean(left)
    fit = sum((i - middle) * (kb - mean) for i, kb in enumerate(left)) / sum((i - middle) ** 2 for i in range(len(left)))
    crowd.clear()
    return -fit


def memory_of_waiting(crowd):
    crowd.with_podman()
    ours, theirs = [], []
    for _ in range(3):
        ours.append(slope(crowd, crowd.sbx_run()))
        theirs.append(slope(crowd, crowd.podman_run()))
    # whatever else runs here moves it too: a slope upwards, or one of thrice another, is not the containers'
    quiet = all(min(kb) > 0 and max(kb) < 3 * min(kb) for kb in (ours, theirs))
    return statistics.median(ours), statistics.median(theirs), 3, None if quiet else NOISE


def squashed(script):
    def measure(crowd):
        folder = crowd.world.top + "/squash"
        os.makedirs(folder, exist_ok=True)

        def command(mode):
            return [*crowd.sbx, "run", "--rm", "--network", "none", "-v", "%s:/d%s" % (folder, mode), crowd.mine, "sh", "-c", script]
        return (*crowd.pairs(command(":squash"), command(""), 5), None)
    return measure


NOISE = "the machine was not quiet, this does not count"


class CrowdRow:
    def __init__(self, name, title, goal, measured, peer_name, unit="ms"):
        self.name, self.title, self.goal, self.measured = name, title, goal, measured
        self.peer_name, self.unit = peer_name, unit

    def measure(self, world):
        with Crowd(world) as crowd:
            ours, peer, runs, note = self.measured(crowd)
        goal, met = ("%.3f" % self.goal, "yes" if ours / peer <= self.goal and note != NOISE else "no") if self.goal else ("", "")
        return "| %s | %s%s | %.2f %s | %s %.2f %s | %.3f | %s | %s | %d |" % (
            self.name, self.title, "; " + note if note else "", ours, self.unit, self.peer_name, peer, self.unit,
            ours / peer, goal, met, runs)


CROWD_ROWS = [
    CrowdRow("ps-many", "`ps -a` of 1,000 containers that do not run", 1 / 50, ps_of_many, "podman"),
    CrowdRow("run-many", "`run --rm --network none` beside 1,000 containers that do not run", 1.1, run_among_many, "empty store"),
    CrowdRow("parallel-many", "100 at once: `run -d --network none`", 1 / 10, hundred_at_once, "podman"),
    CrowdRow("memory", "MemAvailable per idle `run -d` with network, over 20", 1 / 6, memory_of_waiting, "podman", "kB"),
    CrowdRow("squash-files", "1,000 files made, read, removed on a bind mount with `:squash`", None, squashed(FILES), "plain bind"),
    CrowdRow("squash-data", "256 MB written and read there", None, squashed(DATA), "plain bind"),
]
