#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-fuse mounted for real, by itself, without sbx: test_fuse.py [PATTERN...], TAP on stdout.

Runs in a user namespace of its own (unshare). What the overlay should do is what the kernel's overlayfs
with userxattr does: many tests do the same to both and compare."""

import fcntl
import mmap
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys

from fusetest import (FUSE, LIBC, Stack, attempt, compare_drivers, compare_trees, expect, fill_lowers, main, mount,
                      random_steps, read, same, test, tree, unmount, whiteout, write)


@test
def the_same_steps_give_the_same_as_the_kernels_overlay(top):
    for seed in range(1, 1 + int(os.environ.get("SBX_TEST_SEEDS", "8"))):
        kernel, ours = compare_drivers(top, seed, 400)
        kernel.stop()
        ours.stop()


@test
def each_driver_reads_what_the_other_wrote(top):
    kernel, ours = compare_drivers(top, 99, 300)
    before = tree(ours.mnt)
    kernel.stop()
    ours.stop()
    kernel.start("fd", "--xdev")
    ours.start("kernel")
    compare_trees(before, tree(kernel.mnt), "written by the kernel, read by sbx-fuse")
    compare_trees(before, tree(ours.mnt), "written by sbx-fuse, read by the kernel")
    for fn, about in random_steps(100, 300):
        same(attempt(fn, ours), attempt(fn, kernel), "after the change of drivers, step", about)
    compare_trees(tree(ours.mnt), tree(kernel.mnt), "after the change of drivers")
    kernel.stop()
    ours.stop()


@test
def directories_of_lower_layers_move_as_on_a_plain_file_system(top):
    """And the kernel's overlay reads the result."""
    for seed in range(201, 207):
        ours, plain = Stack(top, "ours%d" % seed), os.path.join(top, "plain%d" % seed)
        fill_lowers(ours)
        os.unlink(os.path.join(ours.lowers[0], "hard"))  # names of one lower file part when it is copied up
        ours.start("fd")
        subprocess.run(["cp", "-a", ours.mnt, plain], check=True)
        for fn, about in random_steps(seed, 300):
            a = attempt(fn, lambda name, plain=plain: os.path.join(plain, name))
            same(a, attempt(fn, ours), "seed", seed, "step", about, "plain, then ours:")
        after = tree(ours.mnt)
        compare_trees(tree(plain), after, "plain, then ours")
        ours.stop()
        ours.start("kernel")
        compare_trees(after, tree(ours.mnt), "written by sbx-fuse, read by the kernel")
        ours.stop()


@test
def the_command_line_of_fuse_overlayfs_mounts(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("command")
    write(s("new"), "x")
    expect(os.path.exists(os.path.join(s.upper, "new")), "not in the upper")
    s.stop()
    result = subprocess.run([FUSE, "-o", "lowerdir=%s" % s.lowers[0], s.mnt])  # goes to the background
    same(result.returncode, 0, "status")
    same(attempt(write, s("no"), "x"), "EROFS", "a mount without an upper is read-only")
    unmount(s.mnt)


@test
def mount_calls_it_as_a_helper(top):
    """mount -t fuse.sbx runs mount.fuse.sbx SOURCE MOUNTPOINT -o OPTIONS."""
    s = Stack(top, "s")
    fill_lowers(s)
    helper = os.path.join(top, "mount.fuse.sbx")
    os.symlink(FUSE, helper)
    subprocess.run([helper, "layers", s.mnt, "-o", "rw,nosuid,lowerdir=%s,upperdir=%s,workdir=%s" % (
        ":".join(s.lowers), s.upper, s.work)], check=True)
    write(s("new"), "x")
    same(read(os.path.join(s.upper, "new")), b"x", "in the upper")
    unmount(s.mnt)


@test
def a_signal_unmounts(top):
    s = Stack(top, "s").start("command")
    s.process.send_signal(signal.SIGTERM)
    same(s.process.wait(20), 0, "exit status")
    expect(os.stat(s.mnt).st_dev == os.stat(s.top).st_dev, "still mounted")


@test
def bad_layers_are_named(top):
    for options, word in (("lowerdir=/nowhere", "/nowhere"), ("lowerdir=/etc/passwd", "/etc/passwd"),
                          ("lowerdir=/,upperdir=%s,workdir=/proc" % top, "file system"), ("bad", "bad")):
        result = subprocess.run([FUSE, "-f", "-o", options, top], stderr=subprocess.PIPE, text=True)
        expect(result.returncode == 1 and word in result.stderr, options, result.stderr)


@test
def open_files_outlive_their_names(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("fd")
    for name in ("f4", "new"):
        write(s(name), "0123456789")
        with open(s(name), "r+b", buffering=0) as f:
            os.unlink(s(name))
            f.write(b"AB")
            f.seek(0)
            same(f.read(), b"AB23456789", name)
            same(os.fstat(f.fileno()).st_nlink, 0, "links of", name)
            f.truncate(3)
            os.fchmod(f.fileno(), 0o611)
            same(os.fstat(f.fileno()).st_size, 3, "size")
            same(os.fstat(f.fileno()).st_mode, stat.S_IFREG | 0o611, "mode")
    lower = open(s("f6"), "r+b", buffering=0)  # never opened for writing before it loses its name
    old = lower.read()
    os.unlink(s("f6"))
    lower.seek(0)
    lower.write(b"late")
    lower.seek(0)
    same(lower.read(), b"late" + old[4:], "a removed lower file that is written")
    lower.close()
    with open(s("f5"), "rb", buffering=0) as reader:
        first = reader.read(3)
        os.rename(s("f7"), s("f5"))
        same(first + reader.read(), (" %d\n" % 5).encode() * 200, "a replaced file that is open")
    s.stop()
    same(os.listdir(os.path.join(s.work, "work")), ["whiteout"], "left in the work directory")


@test
def mappings_see_and_make_changes(top):
    s = Stack(top, "s")
    write(os.path.join(s.lowers[0], "f"), "a" * 10000)
    s.start("fd")
    with open(s("f"), "r+b") as f, mmap.mmap(f.fileno(), 10000) as shared, \
            mmap.mmap(f.fileno(), 10000, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE) as private:
        private[0:1] = b"P"
        shared[5000:5003] = b"xyz"
        shared.flush()
        with open(s("f"), "rb") as g:
            data = g.read()
        same(data[0:1] + data[5000:5003], b"axyz", "after a write to the shared mapping")
        with open(s("f"), "r+b", buffering=0) as g:
            g.seek(100)
            g.write(b"file")
        same(shared[100:104], b"file", "mapping after a write")
    s.stop()
    same(read(os.path.join(s.upper, "f"))[5000:5003], b"xyz", "on disk")


@test
def appends_of_two_writers_do_not_overlap(top):
    s = Stack(top, "s")
    write(os.path.join(s.lowers[0], "log"), "start\n")
    s.start("fd")
    code = "f=open(%r,'ab',0)\nfor i in range(500): f.write(b'%%s %%d\\n' %% (b'%s', i))"
    children = [subprocess.Popen([sys.executable, "-c", code % (s("log"), who)]) for who in "ab"]
    for child in children:
        same(child.wait(), 0, "writer")
    lines = read(s("log")).decode().splitlines()
    same(len(lines), 1001, "lines")
    same(sorted(lines[1:]), sorted("%s %d" % (w, i) for w in "ab" for i in range(500)), "contents")
    s.stop()


@test
def holes_are_found_also_before_data_reached_the_disk(top):
    s = Stack(top, "s").start("fd")
    fd = os.open(s("sparse"), os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"data", 1 << 20)
    os.ftruncate(fd, 4 << 20)
    same(os.lseek(fd, 0, os.SEEK_DATA), 1 << 20, "first data")
    same(os.lseek(fd, 1 << 20, os.SEEK_HOLE), (1 << 20) + 4096, "the hole behind")
    os.close(fd)
    subprocess.run(["cp", s("sparse"), s("copy")], check=True)
    same(read(s("copy")), read(s("sparse")), "copied")
    s.stop()


@test
def locks_work_between_processes(top):
    s = Stack(top, "s")
    write(os.path.join(s.lowers[0], "l"), "x")
    s.start("fd")
    with open(s("l"), "r+") as f:
        for lock, other in ((fcntl.flock, "fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)"),
                            (fcntl.lockf, "fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)")):
            lock(f, fcntl.LOCK_EX)
            code = "import fcntl\nf=open(%r,'r+')\ntry: %s\nexcept BlockingIOError: raise SystemExit(7)" % (
                s("l"), other)
            same(subprocess.run([sys.executable, "-c", code]).returncode, 7, other)
            lock(f, fcntl.LOCK_UN)
            same(subprocess.run([sys.executable, "-c", code]).returncode, 0, other)
    s.stop()


@test
def special_files_sockets_and_nameless_files(top):
    s = Stack(top, "s")
    os.mkfifo(os.path.join(s.lowers[1], "fifo"))
    s.start("fd")
    os.mkfifo(s("fifo2"))
    for name in ("fifo", "fifo2"):
        reader = os.open(s(name), os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open(s(name), os.O_WRONLY)
        os.write(writer, b"through")
        same(os.read(reader, 20), b"through", name)
        os.close(reader)
        os.close(writer)
    os.chdir(s.mnt)
    server = socket.socket(socket.AF_UNIX)
    server.bind("sock")
    server.listen(1)
    client = socket.socket(socket.AF_UNIX)
    client.connect("sock")
    client.close()
    server.close()
    os.chdir("/")
    fd = os.open(s.mnt, os.O_TMPFILE | os.O_RDWR, 0o640)
    os.write(fd, b"nameless")
    same(LIBC.linkat(-100, b"/proc/self/fd/%d" % fd, -100, s("named").encode(), 0x400), 0, "linkat")
    os.close(fd)
    same(read(s("named")), b"nameless", "named")
    same(attempt(os.mknod, s("dev"), stat.S_IFCHR | 0o600, os.makedev(1, 3)), "EPERM", "a device node")
    s.stop()


@test
def names_may_be_long_or_no_text(top):
    s = Stack(top, "s").start("fd")
    names = [b"n" * 255, b"\xff\xfe\x80", b"new\nline", b"\xc3\xa4", b".wh.x", b" ", b"-"]
    for name in names:
        write(os.path.join(s.mnt.encode(), name), "x")
    same(sorted(os.listdir(s.mnt.encode())), sorted(names), "listed")
    same(attempt(write, s("n" * 256), "x"), "ENAMETOOLONG", "256 bytes")
    same(os.statvfs(s.mnt).f_namemax, 255, "NAME_MAX")
    for name in names:
        os.unlink(os.path.join(s.mnt.encode(), name))
    same(os.listdir(s.upper), [], "left in the upper")
    s.stop()


@test
def numbers_stay_and_agree_with_listings(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("fd")

    def numbers():
        return {e.path: (e.inode(), os.lstat(e.path).st_ino) for d in ("", "both") for e in os.scandir(s(d))}

    before = numbers()
    for path, (listed, shown) in before.items():
        same(listed, shown, "number of", path)
    for path in before:
        if os.path.isfile(path) and not os.path.islink(path):
            os.chmod(path, 0o640)
    write("/proc/sys/vm/drop_caches", "2") if os.access("/proc/sys/vm/drop_caches", os.W_OK) else None
    same(numbers(), before, "numbers after copy-up")
    s.stop()


@test
def set_id_bits_go_with_a_strangers_write(top):
    s = Stack(top, "s").start("fd")
    os.chmod(s.mnt, 0o755)
    os.chmod(top, 0o755)
    os.chmod(s.top, 0o755)
    for action in ("os.write(os.open(p, os.O_WRONLY), b'x')", "os.truncate(p, 1)",
                   "os.write(os.open(p, os.O_WRONLY | os.O_TRUNC), b'x')"):
        write(s("prog"), "program")
        os.chmod(s("prog"), 0o6777)
        code = "import os\nos.setgroups([])\nos.setgid(1234)\nos.setuid(1234)\np=%r\n%s" % (s("prog"), action)
        same(subprocess.run([sys.executable, "-c", code]).returncode, 0, action)
        same(oct(os.stat(s("prog")).st_mode), oct(0o100777), "after", action)
        os.unlink(s("prog"))
    write(s("mine"), "x")
    os.chmod(s("mine"), 0o4755)
    os.chown(s("mine"), 5, 5)
    same(oct(os.stat(s("mine")).st_mode), oct(0o100755), "after chown")
    s.stop()


@test
def owners_and_permissions_are_the_callers(top):
    s = Stack(top, "s").start("fd")
    for path in (top, s.top):
        os.chmod(path, 0o755)
    os.mkdir(s("open"))
    os.chmod(s("open"), 0o1777)
    os.mkdir(s("closed"), 0o700)
    code = """import os
os.setgroups([]); os.setgid(1234); os.setuid(1000)
os.umask(0o027)
open(%r, 'w').write('x')
for path, fn in ((%r, os.listdir), (%r, lambda p: open(p, 'w'))):
    try: fn(path)
    except PermissionError: continue
    raise SystemExit(9)
""" % (s("open/mine"), s("closed"), s("new"))
    same(subprocess.run([sys.executable, "-c", code]).returncode, 0, "stranger")
    st = os.stat(s("open/mine"))
    same((st.st_uid, st.st_gid, oct(st.st_mode)), (1000, 1234, oct(0o100640)), "owner and mode")
    s.stop()


def acl(*entries):
    """The xattr of (tag, permissions, id) entries; owner, group, mask and others come along."""
    tags = [(1, 7, -1), *entries, (4, 5, -1), (16, 7, -1), (32, 4, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", t, p, i & 0xffffffff) for t, p, i in sorted(tags))


@test
def acls_are_kept_inherited_and_checked_as_in_the_kernels_overlay(top):
    access, default = "system.posix_acl_access", "system.posix_acl_default"
    stacks = [Stack(top, driver) for driver in ("kernel", "fd")]
    results = []
    for s in stacks:
        for path in (top, s.top):
            os.chmod(path, 0o755)
        low = os.path.join(s.lowers[0], "d")
        os.makedirs(low + "/sub")
        write(low + "/covered", "lower")
        write(low + "/f", "lower")
        os.setxattr(low, default, acl((2, 5, 9)))
        os.setxattr(low + "/f", access, acl((2, 6, 1000)))
        s.start(os.path.basename(s.top))
        before = os.umask(0o027)
        log = []

        def look(name, s=s, log=log):
            shown = [attempt(os.getxattr, s(name), x) for x in (access, default)]
            log.append((name, oct(os.stat(s(name)).st_mode), *shown))

        look("d/f")
        write(s("d/new"), "made")
        os.mkdir(s("d/newdir"))
        os.unlink(s("d/covered"))
        write(s("d/covered"), "over a whiteout")
        os.rmdir(s("d/sub"))
        os.mkdir(s("d/sub"))
        write(s("d/sub/deep"), "made")
        write(s("plain"), "made with a mask")
        os.chmod(s("d/f"), 0o640)
        for name in ("d", "d/f", "d/new", "d/newdir", "d/covered", "d/sub", "d/sub/deep", "plain"):
            look(name)
        stranger = "import os\nos.setgroups([]); os.setgid(1234); os.setuid(1000)\nopen(%r).read()" % s("plain")
        for allowed in (False, True):
            if allowed:
                os.setxattr(s("plain"), access, acl((2, 4, 1000)))
            run = subprocess.run([sys.executable, "-c", stranger], stderr=subprocess.DEVNULL)
            same(run.returncode == 0, allowed, s.driver, "read by the user of an entry")
        os.chown(s("plain"), 1000, 55)
        os.chmod(s("plain"), 0o2775)
        setter = "import os\nos.setgroups([]); os.setgid(1234); os.setuid(1000)\nos.setxattr(%r, %r, %r)" % (
            s("plain"), access, acl((2, 4, 7)))
        subprocess.run([sys.executable, "-c", setter], check=True)
        look("plain")
        os.removexattr(s("plain"), access)
        look("plain")
        os.umask(before)
        s.stop()
        results.append(log)
    for kernel, ours in zip(*results):
        same(ours, kernel, "ours, then the kernel's")
    same(sorted(os.listdir(os.path.join(stacks[1].work, "work"))), ["whiteout"], "left in the work directory")


@test
def where_devices_are_refused_whiteouts_are_files_with_an_xattr(top):
    kernel, ours, below = Stack(top, "kernel"), Stack(top, "ours"), Stack(top, "below")
    below.start("kernel")  # an overlay of the kernel lets nobody make 0:0 in it
    ours.upper, ours.work = below("upper"), below("work")
    os.mkdir(ours.upper)
    os.mkdir(ours.work)
    same(attempt(whiteout, below("try")), "EPERM", "a whiteout made on an overlay")
    for s in (kernel, ours):
        fill_lowers(s)
    kernel.start("kernel")
    ours.start("fd", "--xdev")
    for fn, about in random_steps(7, 600):
        same(attempt(fn, ours), attempt(fn, kernel), "step", about)
    os.unlink(kernel("f2")), os.unlink(ours("f2"))
    compare_trees(tree(kernel.mnt), tree(ours.mnt), "after the same steps")
    same(os.getxattr(os.path.join(ours.upper, "f2"), "user.overlay.whiteout"), b"y", "the whiteout")
    ours.stop()
    ours.start("fd")
    compare_trees(tree(kernel.mnt), tree(ours.mnt), "mounted again")
    for s in (ours, kernel, below):
        s.stop()


@test
def layers_unpacked_for_fuse_overlayfs_are_understood(top):
    s = Stack(top, "s", 3)
    fill_lowers(s)
    third = s.lowers[2]
    for name in ("gone", "twice", "both/under", "f0"):
        os.makedirs(os.path.dirname(os.path.join(third, name)), exist_ok=True)
        write(os.path.join(third, name), "third")
    os.mkdir(os.path.join(third, "opq"))
    write(os.path.join(third, "opq/hidden"), "x")
    os.mkdir(os.path.join(s.lowers[1], "opq"))
    for path in (".wh.gone", ".wh.never", "opq/.wh..wh..opq", "both/.wh.under"):
        write(os.path.join(s.lowers[1], path), "")
    write(os.path.join(s.lowers[0], "twice"), "first")
    write(os.path.join(s.lowers[1], ".wh.twice"), "")
    s.start("command")
    shown = tree(s.mnt)
    same([n for n in shown if ".wh." in n or n in ("gone", "opq/hidden", "both/under")], [], "shown")
    same([n for n in ("gone", ".wh.gone", "never", "both/under") if os.path.lexists(s(n))], [], "looked up")
    same(read(s("twice")), b"first", "over a whiteout")
    write(s("gone"), "again")
    same(read(s("gone")), b"again", "made again")
    os.unlink(s("gone"))
    same(os.listdir(s.upper), [], "no whiteout over a whiteout")
    os.rmdir(s("opq"))
    s.stop()
    s.start("fd")
    expect(os.path.exists(s("gone")) and os.path.exists(s(".wh.gone")), "only names elsewhere")
    s.stop()


@test
def a_compiler_and_tar_work_inside(top):
    s = Stack(top, "s")
    write(os.path.join(s.lowers[0], "main.c"), '#include <stdio.h>\nint main(void) { puts("made"); return 0; }\n')
    s.start("fd")
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler:
        subprocess.run([compiler, "-g", "-o", "prog", "main.c"], cwd=s.mnt, check=True)
        same(subprocess.run([s("prog")], stdout=subprocess.PIPE).stdout, b"made\n", "output")
    for name in ("in", "out"):
        os.mkdir(s(name))
    shutil.copytree(os.path.dirname(os.__file__) + "/json", s("in/json"))
    os.symlink("json", s("in/link"))
    os.link(s("in/json/__init__.py"), s("in/hard"))
    subprocess.run("tar -C in -cf - . | tar -C out -xf -", shell=True, cwd=s.mnt, check=True)
    subprocess.run(["diff", "-r", s("in"), s("out")], check=True)
    same(os.stat(s("out/hard")).st_ino, os.stat(s("out/json/__init__.py")).st_ino, "hard link")
    subprocess.run(["rm", "-rf", s("in"), s("out")], check=True)
    expect(not os.path.exists(s("in")), "removed")
    s.stop()


@test
def large_directories_are_listed_and_removed(top):
    s = Stack(top, "s", 3)
    for i, layer in enumerate(s.lowers):
        os.mkdir(os.path.join(layer, "d"))
        for n in range(i, 6000, 3):
            os.close(os.open(os.path.join(layer, "d", "file%d" % n), os.O_CREAT | os.O_WRONLY))
    s.start("fd")
    for n in range(6000, 9000):
        write(s("d/file%d" % n), "")
    same(sorted(os.listdir(s("d"))), sorted("file%d" % n for n in range(9000)), "listed")
    subprocess.run(["rm", "-rf", s("d")], check=True)
    same(os.listdir(s.mnt), [], "left")
    s.stop()


@test
def deep_paths_work(top):
    s = Stack(top, "s").start("fd")
    os.chdir(s.mnt)
    for n in range(400):
        os.mkdir("deep-directory-%d" % n)
        os.chdir("deep-directory-%d" % n)
    write("bottom", "x")
    same(read("bottom"), b"x", "at the bottom")
    os.chdir("/")
    subprocess.run(["rm", "-rf", s("deep-directory-0")], check=True)
    s.stop()


@test
def five_hundred_layers_merge(top):
    s = Stack(top, "s", 500)
    for i, layer in enumerate(s.lowers):
        os.mkdir(os.path.join(layer, "d"))
        write(os.path.join(layer, "d/f%d" % i), str(i))
        write(os.path.join(layer, "d/same"), str(i))
    s.start("fd")
    same(len(os.listdir(s("d"))), 501, "entries")
    same(read(s("d/same")), b"0", "the uppermost")
    same(read(s("d/f499")), b"499", "the lowest")
    s.stop()


@test
def a_full_disk_leaves_the_lower_file(top):
    small = os.path.join(top, "small")
    os.mkdir(small)
    mount("small", small, "tmpfs", 0, "size=1m")
    s = Stack(top, "s")
    shutil.rmtree(s.upper)
    shutil.rmtree(s.work)
    s.upper, s.work = os.path.join(small, "u"), os.path.join(small, "w")
    os.mkdir(s.upper)
    os.mkdir(s.work)
    data = os.urandom(3 << 20)
    with open(os.path.join(s.lowers[0], "big"), "wb") as f:
        f.write(data)
    s.start("fd")
    same(attempt(os.chmod, s("big"), 0o600), "ENOSPC", "copy-up on a full disk")
    same(read(s("big")) == data, True, "the lower file is whole")
    same(os.listdir(s.upper), [], "half a file in the upper")
    same(os.listdir(os.path.join(s.work, "work")), [], "half a file in the work directory")
    s.stop()
    s.start("fd", "--eager")
    same(attempt(open, s("big"), "r+b"), "ENOSPC", "opened for writing, copied up at once")
    same(attempt(open, s("big"), "rb"), None, "opened for reading")
    s.stop()
    unmount(small)


@test
def a_killed_server_leaves_an_upper_that_works(top):
    s = Stack(top, "s")
    fill_lowers(s)
    for seed in range(5):
        s.start("fd")
        script = "cd %s && for i in $(seq 2000); do echo $i >both/k$((i%%50)); mv both/k$((i%%50)) m$((i%%20)); " \
            "rm -rf both/deep; mkdir -p both/deep; chmod 6$((i%%10))0 f$((i%%8)); done" % s.mnt
        child = subprocess.Popen(["sh", "-c", script], stderr=subprocess.DEVNULL)
        try:
            child.wait(0.3 + seed * 0.1)
        except subprocess.TimeoutExpired:
            pass
        s.kill()
        same(attempt(os.listdir, s(".")) if os.path.ismount(s.mnt) else "ENOTCONN", "ENOTCONN", "the dead mount")
        child.kill()
        child.wait()
    s.start("fd")
    ours = tree(s.mnt)
    s.stop()
    s.start("kernel")
    compare_trees(tree(s.mnt), ours, "after kills, kernel and ours")
    s.stop()
    s.start("fd")
    same(os.listdir(os.path.join(s.work, "work")), [], "leftovers in the work directory")
    s.stop()


@test
def the_exit_descriptor_ends_an_idle_server(top):
    s = Stack(top, "s").start("fd")
    write(s("late"), "written before the end")
    os.close(s.exit)
    s.exit = None
    same(s.process.poll(), None, "serves on while it is mounted")
    s.stop()
    same(read(os.path.join(s.upper, "late")), b"written before the end", "on disk")


@test
def the_names_of_the_format_are_hidden(top):
    s = Stack(top, "s")
    fill_lowers(s)
    s.start("fd")
    same(os.listxattr(s("opaque")), [], "listed")
    for name in ("user.overlay.opaque", "user.overlay.whiteout", "user.overlay.redirect"):
        same(attempt(os.setxattr, s("both"), name, b"y"), "ENOTSUP", name)
        same(attempt(os.getxattr, s("opaque"), name), "ENOTSUP", name)
    same(attempt(os.mknod, s("wh"), stat.S_IFCHR, os.makedev(0, 0)), "EPERM", "a whiteout made inside")
    s.stop()


if __name__ == "__main__":
    main()
