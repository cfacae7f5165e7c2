#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-fuse against its clients: test_fuse_threats.py [PATTERN...], TAP on stdout.

What the kernel's overlay answers to the same calls is the measure where both can be asked."""

import ctypes
import errno
import fcntl
import mmap
import os
import random
import resource
import signal
import stat
import struct
import subprocess
import sys

from fusetest import (LIBC, Stack, attempt, compare_trees, expect, fill_lowers, main, read, same, test, tree, write)

XATTR_MAX = 65536


def resident(pid):
    """KiB."""
    for line in open("/proc/%d/status" % pid, encoding="ascii"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def call(name, *args):
    """A libc function with 64-bit arguments: its result, or the name of the error."""
    ctypes.set_errno(0)
    r = getattr(LIBC, name)(*[ctypes.c_int64(a) if isinstance(a, int) else a for a in args])
    return r if r >= 0 else errno.errorcode[ctypes.get_errno()]


def closing(fd, fn):
    try:
        return fn(fd)
    finally:
        os.close(fd)


def opened(path, fn, flags=os.O_RDWR):
    return attempt(lambda: closing(os.open(path, flags), fn))


def odd_names(s):
    for name in ("", "a", "n" * 255, "n" * 256, "n" * 1024, "x/" * 2000 + "x", "\udcff\udc80", "new\nline", "..", "."):
        for fn in (os.mkdir, os.rmdir, lambda p: write(p, "x"), os.unlink, os.lstat, os.readlink):
            yield attempt(fn, s("both") + "/" + name) if fn is not os.lstat else attempt(os.path.lexists, s(name))
    yield attempt(os.symlink, "t" * 4095, s("long-target"))
    yield attempt(os.symlink, "t" * 4096, s("longer-target"))
    yield attempt(os.readlink, s("long-target"))


def odd_places(s):
    """Offsets and sizes at the ends of their range."""
    write(s("sizes"), "x" * 10)
    for value in (-1, 1 << 62, (1 << 63) - 1):
        yield attempt(os.truncate, s("sizes"), value)
        for fn in (lambda fd: os.pread(fd, 10, value), lambda fd: os.pwrite(fd, b"", value),
                   lambda fd: call("posix_fallocate", fd, value, value), lambda fd: os.lseek(fd, value, os.SEEK_HOLE), lambda fd: os.lseek(fd, value, os.SEEK_DATA)):
            yield opened(s("sizes"), fn)
    yield opened(s("sizes"), lambda fd: call("fallocate", fd, 0, 0, (1 << 63) - 1))
    yield opened(s("sizes"), lambda fd: call("fallocate", fd, 0, -1, 10))
    yield opened(s("sizes"), lambda fd: call("fallocate", fd, 0, 0, 0))
    yield os.stat(s("sizes")).st_size


def odd_copies(s):
    """From a file into itself."""
    write(s("copies"), "0123456789" * 1000)
    for start, end, length in ((0, 5000, 5000), (0, 100, 5000), (9999, 0, 10), (20000, 0, 10)):
        yield opened(s("copies"), lambda fd: os.copy_file_range(fd, fd, length, start, end))
    yield read(s("copies"))


def odd_attributes(s):
    write(s("named"), "x")
    for name in ("user.a", "user." + "n" * 250, "user." + "n" * 251, "user.", "nothing", "trusted.a",
                 "security.a", "system.posix_acl_access", "user.overlay.opaque", "user.overlay.whiteout"):
        for size in (0, 1, XATTR_MAX, XATTR_MAX + 1):
            if name == "user.a" and size == XATTR_MAX:
                continue  # whether it fits is the upper's file system's business
            r = attempt(os.setxattr, s("named"), name, b"v" * size)
            if name.startswith("user.overlay."):
                expect(s.driver == "kernel" or r in ("ENOTSUP", "E2BIG"), name, r)  # that one escapes them
            elif not name.startswith("security."):
                yield r
    yield sorted(n for n in os.listxattr(s("named")) if n.startswith("user.a"))


def odd_moves(s):
    for a, b in (("both", "both/deep/child"), ("both", "both/deep"), ("both", "both"), ("both/deep", "both"),
                 (".", "both/x"), ("both", "."), ("f2", "both"), ("both", "f2"), ("none", "f2"), ("f2/x", "f4")):
        yield attempt(os.rename, s(a), s(b))
        for flags in (1, 2, 3, 4, 1 << 20):
            if flags != 4:
                yield call("renameat2", -100, s(a).encode(), -100, s(b).encode(), flags)
    yield sorted(os.listdir(s.mnt))


def odd_descriptors(s):
    write(s("driven"), "x")
    for request in (0x5401, 0xC0FFEE):
        yield opened(s("driven"), lambda fd: isinstance(attempt(fcntl.ioctl, fd, request, b"\0" * 64), str))
    fd = os.open(s("both"), os.O_RDONLY | os.O_DIRECTORY)
    for offset in (1, 12345, (1 << 63) - 1, 1 << 62):
        attempt(os.lseek, fd, offset, os.SEEK_SET)
        attempt(os.listdir, fd)
    os.lseek(fd, 0, os.SEEK_SET)
    yield sorted(os.listdir(fd))
    os.close(fd)
    fd = os.open(s("both"), os.O_TMPFILE | os.O_RDWR)
    os.write(fd, b"nameless")
    yield call("linkat", -100, b"/proc/self/fd/%d" % fd, -100, s("both/named").encode(), 0x400)
    os.close(fd)
    yield read(s("both/named"))


@test
def f01_calls_at_the_ends_of_their_range_are_answered_as_the_kernel_does(top):
    answers = []
    for driver, more in (("kernel", ()), ("fd", ("--xdev", "--eager"))):
        s = Stack(top, driver)
        fill_lowers(s)
        s.start(driver, *more)
        answers.append([(fn.__name__, n, r) for fn in (odd_names, odd_places, odd_copies, odd_attributes, odd_moves,
                                                       odd_descriptors) for n, r in enumerate(fn(s))])
        s.stop()
    for kernel, ours in zip(*answers):
        same(ours, kernel, "ours, then the kernel's")
    same(len(answers[1]), len(answers[0]), "answers")


def hammer(s, seed, rounds):
    """One of several clients that get in each other's way; whatever the answer is."""
    rng = random.Random(seed)
    names = [d + n for d in ("", "both/", "both/deep/", "new/") for n in ("f0", "f1", "f2", "x", "deep", "sub")]
    for n in range(rounds):
        a, b = s(rng.choice(names)), s(rng.choice(names))
        rng.choice((
            lambda: attempt(write, a, "text %d" % n), lambda: attempt(write, a, "y" * 70000, "a"),
            lambda: attempt(os.rename, a, b), lambda: attempt(os.link, a, b), lambda: attempt(os.unlink, a),
            lambda: attempt(os.mkdir, s("new")), lambda: attempt(os.mkdir, a), lambda: attempt(os.rmdir, a),
            lambda: attempt(os.listdir, os.path.dirname(a)), lambda: attempt(os.truncate, a, rng.randrange(9000)),
            lambda: attempt(os.setxattr, a, "user.n", b"%d" % n), lambda: attempt(os.chmod, a, 0o600 | n & 0o177),
            lambda: attempt(os.symlink, b, a), lambda: attempt(read, a),
            lambda: opened(a, lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, n)),
            lambda: opened(a, lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB))))()


@test
def f01_clients_in_each_others_way_leave_a_tree_that_both_drivers_read(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("fd", "--xdev")
    pids = []
    for seed in range(4):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                hammer(s, seed, int(os.environ.get("SBX_TEST_STEPS", "1500")))
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    for pid in pids:
        same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0, "a client")
    same(s.process.poll(), None, "the server")
    before = tree(s.mnt)
    s.stop()
    for driver in ("fd", "kernel"):
        s.start(driver)
        compare_trees(before, tree(s.mnt), "after the next mount by " + driver)
        s.stop()


@test
def f01_thousands_of_files_and_handles_come_and_go(top):
    s = Stack(top, "s").start("fd")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    many = min(hard - 64, 3000)
    for n in range(3):
        fds = [os.open(s("h%d" % k), os.O_CREAT | os.O_RDWR) for k in range(many)]
        for k, fd in enumerate(fds):
            os.unlink(s("h%d" % k))
            os.write(fd, b"after its name")
        for fd in fds:
            same(os.pread(fd, 5, 0), b"after", "an unlinked file")
            os.close(fd)
        if n == 0:
            first = resident(s.process.pid)
    expect(resident(s.process.pid) < first + 16384, "KiB resident, then and now", first, resident(s.process.pid))
    same(os.listdir(s.mnt), [], "left")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    s.stop()


def caps_of_a_file():
    """A security.capability of version 2: cap_net_raw permitted and effective."""
    return struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


def about(path):
    st = os.lstat(path)
    result = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
    if not stat.S_ISLNK(st.st_mode):
        result.append(sorted((n, os.getxattr(path, n)) for n in os.listxattr(path)
                             if not n.startswith("user.overlay.")))
    return result + ([st.st_nlink, st.st_size, st.st_rdev] if not stat.S_ISDIR(st.st_mode) else [])


def secret_things(low):
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", t, p, i) for t, p, i in (
        (1, 7, 0xffffffff), (2, 4, 1000), (4, 0, 0xffffffff), (16, 4, 0xffffffff), (32, 0, 0xffffffff)))
    for name, mode in (("closed", 0o700), ("closed/sticky", 0o1730), ("closed/sgid", 0o2750)):
        os.mkdir(os.path.join(low, name))
        os.chmod(os.path.join(low, name), mode)
    for name, mode, owner in (("closed/suid", 0o4711, 5), ("closed/sgid/f", 0o2755, 0), ("closed/none", 0, 7),
                              ("closed/sticky/acl", 0o640, 0), ("closed/caps", 0o755, 0)):
        path = os.path.join(low, name)
        write(path, "secret " * 100)
        os.chown(path, owner, owner + 1)
        os.chmod(path, mode)
        os.setxattr(path, "user.a", b"value")
    os.setxattr(os.path.join(low, "closed/sticky/acl"), "system.posix_acl_access", acl)
    os.setxattr(os.path.join(low, "closed/caps"), "security.capability", caps_of_a_file())
    os.symlink("suid", os.path.join(low, "closed/link"))
    for folder, dirs, names in os.walk(low, topdown=False):
        for name in dirs + names:
            os.utime(os.path.join(folder, name), (1000, 2000), follow_symlinks=False)


@test
def f03_a_copy_up_opens_nothing_and_loses_nothing(top):
    s = Stack(top, "s")
    secret_things(s.lowers[0])
    names = [os.path.relpath(os.path.join(folder, name), s.lowers[0])
             for folder, dirs, files in os.walk(s.lowers[0]) for name in dirs + files]
    s.start("fd")
    before = {name: about(s(name)) for name in names}
    for name in names:  # what changes nothing, but copies up
        path = s(name)
        st = os.lstat(path)
        os.utime(path, ns=(5, st.st_mtime_ns + 1), follow_symlinks=False)
        os.utime(path, ns=(5, st.st_mtime_ns), follow_symlinks=False)
    expect(all(os.path.lexists(os.path.join(s.upper, name)) for name in names), "all were copied up")
    for name in names:
        same(about(s(name)), before[name], "shown after the copy-up", name)
        same(about(os.path.join(s.upper, name)), before[name], "in the upper", name)
    same(oct(os.stat(os.path.join(s.work, "work")).st_mode & 0o7777), oct(0o700), "where copies are made")
    s.stop()
    s.start("fd")
    for name in names:
        same(about(s(name)), before[name], "after the next mount", name)
    s.stop()


MAPPER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
m = mmap.mmap(fd, 65536)
m[60000] = 1
os.truncate(sys.argv[1], 10)
m[60000]
"""


@test
def f09_a_mapping_of_a_shortened_file_ends_its_user_and_not_the_server(top):
    s = Stack(top, "s")
    for n, low in enumerate(s.lowers):
        write(os.path.join(low, "f%d" % n), "l" * 65536)
    s.start("fd")
    write(s("new"), "n" * 65536)
    for name in ("f0", "f1", "new"):
        same(subprocess.run([sys.executable, "-c", MAPPER, s(name)]).returncode, -signal.SIGBUS, name)
        same(read(s(name)), read(s(name))[:10], "what is left of " + name)
    fd = os.open(s("new"), os.O_RDWR)
    os.ftruncate(fd, 1 << 20)
    with mmap.mmap(fd, 1 << 20) as m:
        m[:] = b"m" * (1 << 20)
        os.truncate(os.path.join(s.upper, "new"), 0)  # underneath the server, which is about to write it
        m.flush()
    os.close(fd)
    maps = open("/proc/%d/maps" % s.process.pid, encoding="utf-8").read()
    expect("libc" in maps, "maps of the server", maps)
    expect(top not in maps, "the server maps a file of the layers", maps)
    same(s.process.poll(), None, "the server")
    s.stop()


if __name__ == "__main__":
    main()
