#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-fuse under hostile layers, races and sudden ends: test_fuse_hard.py [PATTERN...], TAP on stdout."""

import mmap
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

from fusetest import (Stack, attempt, expect, fill_lowers, main, mount, read, same, test, tree, unmount,
                      whiteout, write)


@test
def holes_are_found_while_the_kernel_still_holds_the_data(top):
    s = Stack(top, "s").start("fd")
    fd = os.open(s("grown"), os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"x" * 4096, 1 << 19)
    same(os.lseek(fd, 0, os.SEEK_DATA), 1 << 19, "first data")
    same(os.lseek(fd, 1 << 19, os.SEEK_HOLE), (1 << 19) + 4096, "its end")
    with mmap.mmap(fd, (1 << 19) + 4096) as m:
        m[0:4] = b"head"
        same(os.lseek(fd, 0, os.SEEK_DATA), 0, "data of a mapping")
        same(m[0:4], b"head", "still mapped")
    threads = [threading.Thread(target=os.lseek, args=(fd, 0, os.SEEK_HOLE)) for _ in range(16)]
    for n, t in enumerate(threads):  # more than the server has threads, each with something to write first
        os.pwrite(fd, b"y" * 4096, n * 8192)
        t.start()
    for t in threads:
        t.join()
    same(len(read(s("grown"))), (1 << 19) + 4096, "size")
    os.close(fd)
    s.stop()


SWAPPER = """
import os, sys
upper, outside, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
import time
end = time.time() + seconds
n = 0
while time.time() < end:
    for name in ("d", "d/sub", "f"):
        path = os.path.join(upper, name)
        away = os.path.join(upper, "away%d" % n)
        n += 1
        try:
            os.rename(path, away)
            os.symlink(outside if name != "f" else outside + "/secret", path)
            os.unlink(path)
            os.rename(away, path)
        except OSError:
            pass
print(n)
"""


@test
def f02_directories_swapped_for_links_never_lead_outside(top):
    s = Stack(top, "s")
    outside = os.path.join(top, "outside")
    os.mkdir(outside)
    write(os.path.join(outside, "secret"), "canary")
    os.mkdir(os.path.join(s.lowers[0], "d"))
    os.mkdir(os.path.join(s.lowers[0], "d/sub"))
    for d in ("", "d/", "d/sub/"):
        for n in range(4):
            write(os.path.join(s.lowers[0], "%sf%d" % (d, n)), "lower")
    before = tree(outside)
    s.start("fd")
    write(s("f"), "upper")
    write(s("d/sub/up"), "upper")
    swapper = subprocess.Popen([sys.executable, "-c", SWAPPER, s.upper, outside, "8"], stdout=subprocess.DEVNULL)
    client = os.fork()
    if client == 0:  # as in a container: for it, links lead to nowhere; the server alone could follow them outside
        os.chroot(s.mnt)
        os.chdir("/")
        code = 1
        try:
            end = time.time() + 8
            rounds = 0
            while time.time() < end or rounds <= 20:
                client_round(random.Random(rounds))
                rounds += 1
            code = 0
        finally:
            os._exit(code)
    same(os.waitstatus_to_exitcode(os.waitpid(client, 0)[1]), 0, "the client")
    same(swapper.wait(), 0, "the swapper")
    same(tree(outside), before, "the canary")
    same(s.process.poll(), None, "the server")
    s.stop()


def client_round(rng):
    """Everything that makes the server resolve names in the upper; the canary's text must never be seen."""
    for n in range(40):
        d = rng.choice(("/", "/d/", "/d/sub/"))
        name = d + rng.choice(("f", "f1", "f2", "new%d" % n, "secret", "up"))
        for step in (lambda: write(name, "ours"), lambda: os.chmod(name, 0o600), lambda: os.unlink(name),
                     lambda: os.rename(name, d + "moved"), lambda: os.setxattr(name, "user.a", b"b"),
                     lambda: os.mkdir(name), lambda: os.rmdir(name), lambda: os.listdir(d),
                     lambda: os.truncate(name, 1)):
            attempt(step)
        expect(attempt(read, name) != b"canary", "the canary was read through", name)


@test
def f08_layers_that_others_spoiled_fail_for_their_own_paths(top):
    s = Stack(top, "s", 3)
    fill_lowers(s)
    one, two = s.lowers[:2]
    os.symlink("both", os.path.join(s.upper, "loop"))
    os.symlink("loop2", os.path.join(s.upper, "loop2"))
    os.symlink("/etc", os.path.join(s.upper, "only-l1"))  # where a lower layer has a directory
    write(os.path.join(s.upper, "only-l2"), "a file over a directory")
    for name, value in (("opaque", b""), ("opaque", b"y" * 300), ("redirect", b"/etc"), ("redirect", b"../../.."),
                        ("origin", b"\0" * 200), ("metacopy", b""), ("whiteout", b"x"), ("sbx.ino", b"short")):
        d = os.path.join(s.upper, "x-%s-%d" % (name, len(value)))
        os.mkdir(d)
        os.setxattr(d, "user.overlay." + name, value)
        write(d + "/inside", "i")
        write(d + "-file", "f")
        os.setxattr(d + "-file", "user.overlay." + name, value)
    whiteout(os.path.join(s.upper, "nothing-below"))
    whiteout(os.path.join(s.lowers[2], "last"))
    os.mkfifo(os.path.join(one, "pipe"))
    os.setxattr(os.path.join(one, "f4"), "user.sbx.stat", b"junk:::%n")
    os.setxattr(two, "user.overlay.opaque", b"y")  # a root that hides what is under it
    write(os.path.join(s.lowers[2], "under"), "hidden")
    s.start("fd")
    refused = {"x-redirect-4": "EPERM", "x-redirect-8": "EINVAL"}
    same(sorted(refused), sorted(n for n in os.listdir(s.mnt) if n in refused), "names that are listed")
    for name, code in refused.items():
        same(attempt(os.lstat, s(name)), code, name)
    shown = tree(s.mnt, refused)
    expect({"x-opaque-300/inside", "x-whiteout-1/inside", "x-origin-200/inside", "loop2"} <= set(shown), "the others are all there", sorted(shown))
    same(os.readlink(s("only-l1")), "/etc", "a link is a link")
    same(read(s("only-l2")), b"a file over a directory", "a file hides the directory")
    same(attempt(os.stat, s("loop2")), "ELOOP", "a link to itself")
    same([n for n in ("nothing-below", "last", "under") if n in shown], [], "hidden names")
    for name in [n for n in shown if n.startswith("x-") and n.endswith("inside")]:
        same(read(s(name)), b"i", name)
    # And now underneath the running server: what was known changes its kind.
    for path in (s("both/f1"), s("both/deep/f2")):
        os.stat(path)
    write(s("both/f5"), "up")
    os.rename(os.path.join(s.upper, "both"), os.path.join(s.upper, "gone"))
    write(os.path.join(s.upper, "both"), "no directory any more")
    for path in ("both/f5", "both/new", "both/deep/f2"):
        attempt(write, s(path), "x")
        attempt(os.chmod, s(path), 0o600)
        attempt(os.listdir, s(os.path.dirname(path)))
    same(read(s("f2")), b" 2\n" * 80, "other paths go on")
    same(s.process.poll(), None, "the server")
    s.stop()


WRITER = """
import os, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
db.execute("pragma journal_mode=" + sys.argv[2])
db.execute("pragma synchronous=full")
db.execute("create table if not exists t(n integer primary key, text)")
n = (db.execute("select max(n) from t").fetchone()[0] or 0)
while True:
    n += 1
    db.execute("insert into t values(?, ?)", (n, "x" * (n % 3000)))
    os.write(1, b"%d\\n" % n)
"""


def kill_cycle(s, journal, delay):
    """Number of the last acknowledged row when the server was killed under the writer."""
    child = subprocess.Popen([sys.executable, "-c", WRITER, s("db"), journal], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
    time.sleep(delay)
    s.kill()
    rows = child.communicate(timeout=20)[0].split()
    return int(rows[-1]) if rows else 0


@test
def no_acknowledged_transaction_is_lost_when_the_server_is_killed(top):
    cycles = int(os.environ.get("SBX_TEST_KILLS", "6"))
    for journal in ("delete", "wal"):
        s = Stack(top, journal)
        with sqlite3.connect(os.path.join(s.lowers[0], "db")) as db:
            db.execute("create table t(n integer primary key, text)")
        last = 0
        for n in range(cycles):
            s.start("fd")
            last = max(last, kill_cycle(s, journal, 0.3 + 0.07 * (n % 5)))
            s.start("fd")
            db = sqlite3.connect(s("db"))
            same(db.execute("pragma integrity_check").fetchone()[0], "ok", "integrity")
            count, highest = db.execute("select count(*), max(n) from t").fetchone()
            expect(count == (highest or 0) and count >= last, "rows", count, highest, "acknowledged", last)
            db.close()
            s.stop()
        expect(last > 20, "rows in all", last)


@test
def endless_writing_ends_when_the_disk_is_full(top):
    small = os.path.join(top, "small")
    os.mkdir(small)
    mount("small", small, "tmpfs", 0, "size=4m")
    s = Stack(top, "s")
    s.upper, s.work = os.path.join(small, "u"), os.path.join(small, "w")
    os.mkdir(s.upper)
    os.mkdir(s.work)
    s.start("fd")
    dd = subprocess.run(["dd", "if=/dev/zero", "of=" + s("f"), "bs=64k"], stderr=subprocess.PIPE, timeout=100,
                        env=dict(os.environ, LC_ALL="C"))
    same((dd.returncode, b"No space left" in dd.stderr), (1, True), dd.stderr)
    os.stat(s("f"))  # asking is no error
    os.unlink(s("f"))
    write(s("g"), "there is space again")
    same(read(s("g")), b"there is space again", "after the space came back")
    s.stop()
    unmount(small)


@test
def a_killed_server_lets_its_users_go(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("fd")
    s.process.send_signal(signal.SIGSTOP)
    child = subprocess.Popen([sys.executable, "-c", "import os\nos.stat(%r)" % s("both/nothing")],
                             stderr=subprocess.PIPE)
    time.sleep(0.3)
    same(child.poll(), None, "waits for the stopped server")
    s.kill()
    expect(b"ENOTCONN" in child.communicate(timeout=10)[1] or child.returncode == 1, "ended with the server")
    s.start("fd")
    same(attempt(os.stat, s("both/nothing")), "ENOENT", "served again")
    s.stop()


if __name__ == "__main__":
    main()
