#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""fuse.py [ROUNDS [FOLDER]]: sbx-fuse against the kernel's overlay and fuse-overlayfs, operation by operation.

One tree of 2000 files in three lower layers; each round runs every operation on each file system in turn, so
that whatever else the machine does falls on all of them. The best round counts (the others had company).
The floor (floor.c) answers from memory: what FUSE itself costs; with work it also does the system calls without
which nothing would be on the disk: the least that any server of this design does.
Cold means right after the mount. Prints a table, ratios to the kernel's overlay and their geometric mean, what
sbx-fuse holds in memory for files that were looked up, and all of it again as one line of JSON for bench.py.
Runs in a user namespace of its own; FOLDER (default /var/tmp) says on which file system the layers are."""

import io
import json
import math
import os
import random
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SBX = os.environ.get("SBX_BIN") or os.path.join(HERE, "../../build/sbx")
FUSE = os.path.join(os.path.dirname(os.path.abspath(SBX)), "sbx-fuse")
FILES, DIRS, LAYERS = 2000, 20, 3
BIG = 512  # MiB
PIECES = 10000  # of 4 KiB, read and written at random in what was written
LOOKED_UP = 200000  # files, for the memory


class Bench:
    def __init__(self, folder):
        self.top = tempfile.mkdtemp(prefix="sbx-bench-", dir=folder)
        self.floor = self.top + "/floor"
        if shutil.which("cc"):
            subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", self.floor, HERE + "/floor.c"], check=True)
        self.mnt = self.top + "/m"
        self.places = [4096 * n for n in random.Random(1).sample(range(BIG * 256), PIECES)]
        self.files = ["%s/d%d/f%d" % (self.mnt, n % DIRS, n) for n in range(FILES)]
        for n in range(FILES):
            folder = "%s/l%d/d%d" % (self.top, n % LAYERS, n % DIRS)
            os.makedirs(folder, exist_ok=True)
            with open("%s/f%d" % (folder, n), "w", encoding="ascii") as f:
                f.write("x" * 1024)
        with tarfile.open(self.top + "/t.tar", "w") as tar:
            for n in range(5000):
                member = tarfile.TarInfo("t/d%d/f%d" % (n % 50, n))
                member.size = 1000
                tar.addfile(member, io.BytesIO(b"y" * 1000))

    def mount(self, driver):
        for name in "uwm":
            shutil.rmtree("%s/%s" % (self.top, name), ignore_errors=True)
            os.mkdir("%s/%s" % (self.top, name))
        options = "lowerdir=%s,upperdir=%s/u,workdir=%s/w" % (
            ":".join("%s/l%d" % (self.top, n) for n in range(LAYERS)), self.top, self.top)
        command = {"kernel": ["mount", "-t", "overlay", "overlay", "-o", "userxattr," + options],
                   "sbx-fuse": [FUSE, "-o", options], "fuse-overlayfs": ["fuse-overlayfs", "-o", options],
                   "floor": [self.floor], "floor with work": [self.floor]}[driver]
        tail = [str(FILES), str(DIRS)] if driver.startswith("floor") else []
        if driver == "floor with work":
            tail.append(self.work())
        subprocess.run(command + [self.mnt] + tail, check=True, stderr=subprocess.DEVNULL)

    def work(self):
        """A new folder for the floor to work in: all layers in one, beside them a whiteout."""
        work = self.top + "/work"
        shutil.rmtree(work, ignore_errors=True)
        for n in range(LAYERS):
            shutil.copytree("%s/l%d" % (self.top, n), work, dirs_exist_ok=True)
        os.mknod(work + "/whiteout", 0o600 | stat.S_IFCHR, os.makedev(0, 0))
        return work

    def walk(self):
        for folder, _, names in os.walk(self.mnt):
            for name in names:
                os.lstat(folder + "/" + name)

    def stat(self):
        for path in self.files:
            os.stat(path)

    def read(self):
        for path in self.files:
            fd = os.open(path, os.O_RDONLY)
            os.read(fd, 4096)
            os.close(fd)

    def absent(self):
        for n in range(FILES):
            os.access("%s/d%d/none%d" % (self.mnt, n % DIRS, n), os.F_OK)

    def create(self):
        for n in range(FILES):
            fd = os.open("%s/n%d" % (self.mnt, n), os.O_CREAT | os.O_WRONLY, 0o644)
            os.write(fd, b"z" * 1024)
            os.close(fd)

    def rename(self):
        for n in range(FILES):
            os.rename("%s/n%d" % (self.mnt, n), "%s/r%d" % (self.mnt, n))

    def unlink(self):
        for n in range(FILES):
            os.unlink("%s/r%d" % (self.mnt, n))

    def chmod(self):
        for path in self.files[:500]:
            os.chmod(path, 0o640)

    def whiteout(self):
        for path in self.files[500:1500]:
            os.unlink(path)

    def untar(self):
        subprocess.run(["tar", "-C", self.mnt, "-xf", self.top + "/t.tar"], check=True)

    def remove(self):
        subprocess.run(["rm", "-rf", self.mnt + "/t"], check=True)

    def write(self):
        with open(self.mnt + "/big", "wb", buffering=0) as f:
            for _ in range(BIG):
                f.write(b"q" * (1 << 20))

    def read_back(self):
        with open(self.mnt + "/big", "rb", buffering=0) as f:
            while f.read(1 << 20):
                pass

    def open_warm(self):
        for path in self.files:
            os.close(os.open(path, os.O_RDONLY))

    def read_pieces(self):
        fd = os.open(self.mnt + "/big", os.O_RDONLY)
        for at in self.places:
            os.pread(fd, 4096, at)
        os.close(fd)

    def write_pieces(self):
        fd = os.open(self.mnt + "/big", os.O_WRONLY)
        for at in self.places:
            os.pwrite(fd, b"p" * 4096, at)
        os.close(fd)

    def memory(self):
        """kB that sbx-fuse grows by when LOOKED_UP files of a lower layer are looked up, times ten."""
        many = self.top + "/many"
        os.mkdir(many)
        subprocess.run(["mount", "-t", "tmpfs", "many", many], check=True)
        for name in "luw":
            os.mkdir(many + "/" + name)
        for n in range(LOOKED_UP):
            if n % 1000 == 0:
                os.mkdir("%s/l/d%d" % (many, n // 1000))
            os.close(os.open("%s/l/d%d/file%05d" % (many, n // 1000, n), os.O_CREAT | os.O_WRONLY))
        with subprocess.Popen([FUSE, "-f", "-o", "lowerdir=%s/l,upperdir=%s/u,workdir=%s/w" % (many, many, many), self.mnt]) as server:
            while not os.path.ismount(self.mnt):
                if server.poll() is not None:
                    sys.exit("fuse.py: sbx-fuse ended with status %d" % server.returncode)
                time.sleep(0.01)
            before = resident(server.pid)
            self.walk()
            after = resident(server.pid)
            subprocess.run(["umount", self.mnt], check=True)
        subprocess.run(["umount", many], check=True)
        return 1000000 // LOOKED_UP * (after - before)

    def rows(self):
        """Name, function, and whether it is one of those of the geometric mean."""
        return [("walk, cold", self.walk, True), ("walk, warm", self.walk, False), ("stat, warm", self.stat, True),
                ("open+read, cold", self.read, True), ("open+read, warm", self.read, False), ("open, warm", self.open_warm, False),
                ("no such name, cold", self.absent, True), ("no such name, warm", self.absent, False),
                ("create 1 KiB", self.create, True), ("rename", self.rename, True), ("unlink", self.unlink, True),
                ("chmod with copy-up", self.chmod, True), ("unlink of a lower file", self.whiteout, True),
                ("untar 5000 files", self.untar, True), ("rm -rf of them", self.remove, True),
                ("write %d MiB" % BIG, self.write, False), ("read them back", self.read_back, False),
                ("read 4 KiB at random", self.read_pieces, False), ("write 4 KiB at random", self.write_pieces, False)]


def resident(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def measure(bench, drivers, rounds):
    best = {}
    for _ in range(rounds):
        for driver in drivers:
            bench.mount(driver)
            subprocess.run(["sync", "-f", bench.top], check=True)  # nobody pays for what another one wrote
            for name, operation, _ in bench.rows():
                begin = time.perf_counter()
                operation()
                took = time.perf_counter() - begin
                best[name, driver] = min(took, best.get((name, driver), took))
            subprocess.run(["umount", bench.mnt], check=True)
    return best


def report(bench, drivers, best):
    others = drivers[1:]
    print("| ms | %s | %s |" % (" | ".join(drivers), " | ".join("%s / %s" % (d, drivers[0]) for d in others)))
    print("|---" * (len(drivers) + len(others) + 1) + "|")
    sums = dict.fromkeys(others, 0.0)
    counted = [name for name, _, counts in bench.rows() if counts]
    for name, _, _ in bench.rows():
        ratios = [best[name, d] / best[name, drivers[0]] for d in others]
        print("| %s | %s | %s |" % (name, " | ".join("%.1f" % (1000 * best[name, d]) for d in drivers),
                                    " | ".join("%.2f" % r for r in ratios)))
        for d, r in zip(others, ratios):
            sums[d] += math.log(r) if name in counted else 0
    print("| geometric mean of %d |%s %s |" % (len(counted), " |" * len(drivers), " | ".join(
        "%.2f" % math.exp(sums[d] / len(counted)) for d in others)))
    means = [math.exp(sum(math.log(1000 * best[name, d]) for name in counted) / len(counted)) for d in drivers]
    memory = bench.memory()
    print("memory for a million files: %d kB" % memory)
    found = {name: {d: 1000 * best[name, d] for d in drivers} for name, _, _ in bench.rows()}
    print(json.dumps({"ms": dict(found, mean=dict(zip(drivers, means))), "kB": memory}))


def main():
    if sys.argv[1:2] != ["--inside"]:
        return subprocess.run(["unshare", "--map-auto", "--map-root-user", "--mount", "--propagation", "private",
                               sys.executable, os.path.abspath(__file__), "--inside", *sys.argv[1:]]).returncode
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    drivers = ["kernel", "sbx-fuse"] + (["fuse-overlayfs"] if shutil.which("fuse-overlayfs") else [])
    bench = Bench(sys.argv[3] if len(sys.argv) > 3 else "/var/tmp")
    drivers += ["floor", "floor with work"] if os.path.exists(bench.floor) else []
    try:
        report(bench, drivers, measure(bench, drivers, rounds))
    finally:
        for left in (bench.mnt, bench.top + "/many"):  # after an error
            subprocess.run(["umount", "-l", left], stderr=subprocess.DEVNULL, check=False)
        shutil.rmtree(bench.top, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
