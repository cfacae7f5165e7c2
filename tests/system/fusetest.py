#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the tests of sbx-fuse stand on: a stack of layers that one driver or the other mounts, random
steps, comparison, and a runner that prints TAP from a user namespace of its own."""

import ctypes
import errno
import fnmatch
import os
import random
import stat
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
SBX = os.environ.get("SBX_BIN") or os.path.join(HERE, "../../build/sbx")
FUSE = os.path.join(os.path.dirname(os.path.abspath(SBX)), "sbx-fuse")
TMP = os.environ.get("SBX_TEST_TMP", "/var/tmp")
LIBC = ctypes.CDLL(None, use_errno=True)
TESTS = []
os.environ.setdefault("SBX_CONFINE", "kill")  # a call that the server's list lacks is a failure here


class Skip(Exception):
    pass


def test(fn):
    TESTS.append(fn)
    return fn


def expect(condition, *what):
    if not condition:
        raise AssertionError(" ".join(str(w) for w in what))


def same(a, b, *what):
    if a != b:
        raise AssertionError("%s\n  %r\n  %r" % (" ".join(str(w) for w in what), a, b))


def mount(source, target, kind, flags, data):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount " + data)


def unmount(target):
    if LIBC.umount2(target.encode(), 0) < 0:
        raise OSError(ctypes.get_errno(), "umount " + target)


class Stack:
    """Layers, upper, work and a mount point; mounted by one driver at a time."""

    def __init__(self, top, name, lowers=2):
        self.top = os.path.join(top, name)
        self.lowers = [os.path.join(self.top, "l%d" % (i + 1)) for i in range(lowers)]
        self.upper, self.work, self.mnt = (os.path.join(self.top, n) for n in ("upper", "work", "mnt"))
        for path in self.lowers + [self.upper, self.work, self.mnt]:
            os.makedirs(path)
        self.driver = self.process = self.exit = None

    def start(self, driver, *more):
        self.driver = driver
        if driver == "kernel":
            mount("overlay", self.mnt, "overlay", 0, "userxattr,lowerdir=%s,upperdir=%s,workdir=%s" % (
                ":".join(self.lowers), self.upper, self.work))
        elif driver == "command":
            options = "lowerdir=%s,upperdir=%s,workdir=%s" % (":".join(self.lowers), self.upper, self.work)
            self.process = subprocess.Popen([FUSE, "-f", "-o", options, *more, self.mnt])
            wait_mounted(self.mnt, self.process)
        else:
            self.start_fd(more)
        return self

    def start_fd(self, more):
        """As sbx does: the descriptor is mounted here, the server gets it."""
        dev = os.open("/dev/fuse", os.O_RDWR)
        mount("sbx", self.mnt, "fuse", 0,
              "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other" % dev)
        ready, ready_w = os.pipe()
        exit_r, self.exit = os.pipe()
        self.process = subprocess.Popen(
            [FUSE, "--fd", str(dev), "--lower", ":".join(self.lowers), "--upper", self.upper, "--work", self.work,
             "--ready-fd", str(ready_w), "--exit-fd", str(exit_r), *more], pass_fds=(dev, ready_w, exit_r))
        for fd in (dev, ready_w, exit_r):
            os.close(fd)
        expect(os.read(ready, 1) == b"1", "the server did not become ready")
        os.close(ready)

    def stop(self):
        if self.driver:
            unmount(self.mnt)
        self.driver = None
        if self.process:
            same(self.process.wait(20), 0, "exit status of the server")
        if self.exit:
            os.close(self.exit)
        self.process = self.exit = None

    def kill(self):
        self.process.kill()
        self.process.wait()
        LIBC.umount2(self.mnt.encode(), 2)
        self.driver = self.process = None

    def __call__(self, *path):
        return os.path.join(self.mnt, *path)


def wait_mounted(path, process):
    for _ in range(500):
        if os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev:
            return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError("the file system was not mounted")


def write(path, text, mode="w"):
    with open(path, mode) as f:
        f.write(text)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def whiteout(path):
    os.mknod(path, stat.S_IFCHR, os.makedev(0, 0))


def fill_lowers(s):
    """A little of everything, in both lower layers."""
    one, two = s.lowers[:2]
    for layer in (one, two):
        for d in ("both", "both/deep", "both/deep/deeper"):
            os.mkdir(os.path.join(layer, d))
        os.mkdir(os.path.join(layer, "only-" + os.path.basename(layer)))
    for n in range(12):
        layer = (one, two)[n % 2]
        for d in ("", "both", "both/deep", "both/deep/deeper"):
            path = os.path.join(layer, d, "f%d" % n)
            write(path, ("%s %d\n" % (d, n)) * (n * 40))
            os.chmod(path, 0o600 + n)
            os.utime(path, (1000 + n, 2000 + n))
    write(os.path.join(one, "both/f1"), "hides")
    os.symlink("f1", os.path.join(two, "both/link"))
    os.link(os.path.join(one, "f2"), os.path.join(one, "hard"))
    os.setxattr(os.path.join(one, "f0"), "user.colour", b"blue")
    whiteout(os.path.join(one, "both/f3"))
    os.mkdir(os.path.join(one, "opaque"))
    os.mkdir(os.path.join(two, "opaque"))
    write(os.path.join(two, "opaque/hidden"), "x")
    os.setxattr(os.path.join(one, "opaque"), "user.overlay.opaque", b"y")


def tree(top, refused=()):
    """Everything that should be equal: path -> what it is. refused: names that are listed and cannot be looked up."""
    result = {}
    for folder, dirs, names in os.walk(top):
        dirs[:] = [name for name in dirs if name not in refused]
        for name in dirs + names:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            kind = stat.S_IFMT(st.st_mode)
            about = [oct(st.st_mode), st.st_uid, st.st_gid]
            if not stat.S_ISDIR(st.st_mode):
                about += [st.st_nlink, st.st_rdev, st.st_size]
            if kind == stat.S_IFREG:
                about += [read(path), sorted((n, os.getxattr(path, n)) for n in os.listxattr(path))]
                if st.st_mtime < 1e6:
                    about.append(st.st_mtime_ns)  # untouched
            if kind == stat.S_IFLNK:
                about.append(os.readlink(path))
            result[os.path.relpath(path, top)] = about
    return result


def compare_trees(a, b, what):
    for path in sorted(set(a) | set(b)):
        same(a.get(path), b.get(path), what, path)


def attempt(fn, *args, **more):
    """Result or errno name, so that failures are compared too."""
    try:
        result = fn(*args, **more)
        return result if isinstance(result, (bytes, int, str, list)) else None
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno)


def random_steps(seed, count):
    """Operations as functions of a mount; the same list for every driver."""
    rng = random.Random(seed)
    dirs = ["", "both", "both/deep", "both/deep/deeper", "only-l1", "only-l2", "opaque", "new", "new/sub", "other"]
    names = ["f%d" % n for n in range(8)] + ["hard", "link", "deep", "sub", "x", "y"]

    def path():
        return os.path.join(rng.choice(dirs), rng.choice(names))

    def step():
        kind = rng.randrange(19)
        a, b, n = path(), path(), rng.randrange(5000)
        data = bytes([rng.randrange(256)]) * n
        d = rng.choice(dirs[1:])
        mode = rng.choice((0o600, 0o644, 0o755, 0o4755, 0o2755, 0o1777))
        return [
            lambda s: write(s(a), "new %d" % n),
            lambda s: write(s(a), "more", "a"),
            lambda s: write_at(s(a), data, n * 3),
            lambda s: os.truncate(s(a), n),
            lambda s: os.unlink(s(a)),
            lambda s: os.unlink(s(a)),
            lambda s: os.rename(s(a), s(b)),
            lambda s: os.rename(s(a), s(b)),
            lambda s: os.link(s(a), s(b), follow_symlinks=False),
            lambda s: os.symlink("somewhere", s(a)),
            lambda s: os.mkdir(s(d)),
            lambda s: os.mkdir(s(a)),
            lambda s: os.rmdir(s(d)),
            lambda s: os.rmdir(s(a)),
            lambda s: os.chmod(s(a), mode),
            lambda s: os.chown(s(a), n % 100, n % 50, follow_symlinks=False),
            lambda s: os.setxattr(s(a), "user.n", b"%d" % n, follow_symlinks=False),
            lambda s: os.rename(s(d), s(b)),
            lambda s: sorted(os.listdir(s(d))),
        ][kind], (kind, a, b, d, n)

    return [step() for _ in range(count)]


def write_at(path, data, offset):
    fd = os.open(path, os.O_RDWR)
    try:
        os.pwrite(fd, data, offset)
    finally:
        os.close(fd)


def compare_drivers(top, seed, count):
    kernel, ours = Stack(top, "kernel%d" % seed), Stack(top, "ours%d" % seed)
    for s in (kernel, ours):
        fill_lowers(s)
    kernel.start("kernel")
    ours.start("fd", "--xdev")
    for fn, about in random_steps(seed, count):
        a, b = attempt(fn, kernel), attempt(fn, ours)
        same(a, b, "seed", seed, "step", about, "kernel, then ours:")
    compare_trees(tree(kernel.mnt), tree(ours.mnt), "after the same steps")
    return kernel, ours


def outside(arguments):
    command = ["unshare", "--map-auto", "--map-root-user", "--mount", "--propagation", "private"]
    if subprocess.run(command + ["true"], stderr=subprocess.DEVNULL).returncode != 0:
        print("1..0 # SKIP no user namespace with subordinate ids for this user")
        return 0
    return subprocess.run(command + [sys.executable, os.path.abspath(sys.argv[0]), "--inside"] + arguments).returncode


def run_one(number, fn):
    top = tempfile.mkdtemp(prefix="sbx-fuse-", dir=TMP)
    try:
        fn(top)
        print("ok %d %s" % (number, fn.__name__), flush=True)
        return True
    except Skip as reason:
        print("ok %d %s # SKIP %s" % (number, fn.__name__, reason), flush=True)
        return True
    except Exception:
        print("not ok %d %s" % (number, fn.__name__))
        print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)
        return False
    finally:
        os.chdir("/")
        for line in reversed(open("/proc/self/mounts", encoding="utf-8").read().splitlines()):
            if line.split()[1].startswith(top):
                LIBC.umount2(line.split()[1].encode(), 2)
        subprocess.run(["rm", "-rf", top])


def inside(patterns):
    chosen = [fn for fn in TESTS if not patterns or any(fnmatch.fnmatch(fn.__name__, p) for p in patterns)]
    passed = [run_one(i, fn) for i, fn in enumerate(chosen, 1)]
    print("1..%d" % len(chosen))
    return 0 if all(passed) else 1


def main():
    if sys.argv[1:2] == ["--inside"]:
        sys.exit(inside(sys.argv[2:]))
    sys.exit(outside(sys.argv[1:]))
