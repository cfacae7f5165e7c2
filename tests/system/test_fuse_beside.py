#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-fuse where the upper file system has no xattrs: its facts are in a file beside the upper (docs/formats.md).
ramfs is such a file system, and tells no time of birth either. Needs subordinate ids and /dev/fuse."""

import os
import random
import stat
import subprocess

from fusetest import (Skip, Stack, compare_trees, expect, fill_lowers, attempt, main, mount, random_steps, read, same, test,
                      tree, write)


def without_xattrs(top, name):
    """A stack whose upper is on ramfs."""
    bare = os.path.join(top, name + "-bare")
    os.mkdir(bare)
    try:
        mount("bare", bare, "ramfs", 0, "")
    except OSError as e:
        raise Skip("no ramfs in a user namespace here: %s" % e)
    s = Stack(top, name)
    s.upper, s.work = os.path.join(bare, "upper"), os.path.join(bare, "work")
    os.mkdir(s.upper)
    os.mkdir(s.work)
    expect(attempt(os.setxattr, s.upper, "user.x", b"x") in ("EOPNOTSUPP", "ENOTSUP"), "ramfs has xattrs by now: find another")
    return s


@test
def a_directory_over_a_removed_one_stays_empty_without_xattrs(top):
    s = without_xattrs(top, "s")
    fill_lowers(s)
    s.start("fd")
    os.rename(s("opaque"), s("elsewhere"))
    for name in ("both/f0", "both/f5"):
        os.unlink(s(name))
    subprocess.run(["rm", "-rf", s("both")], check=True)
    os.mkdir(s("both"))
    write(s("both/new"), "new")
    before = tree(s.mnt)
    s.kill()
    s.start("fd")
    same(os.listdir(s("both")), ["new"], "what was removed stays away")
    compare_trees(before, tree(s.mnt), "after a kill and a restart")
    s.stop()


@test
def random_steps_give_the_same_with_and_without_xattrs(top):
    for seed in range(int(os.environ.get("SBX_TEST_SEEDS", "3"))):
        plain, bare = Stack(top, "plain%d" % seed), without_xattrs(top, "bare%d" % seed)
        for s in (plain, bare):
            fill_lowers(s)
            s.start("fd")
        steps = [(fn, about) for fn, about in random_steps(1000 + seed, 400) if about[0] != 16]  # but setxattr
        for number, (fn, about) in enumerate(steps):
            same(attempt(fn, plain), attempt(fn, bare), "seed", seed, "step", number, about)
            if number % 100 == 99:
                for s in (plain, bare):
                    s.stop()
                    s.start("fd")
        a, b = tree(plain.mnt), tree(bare.mnt)
        for about in list(a.values()) + list(b.values()):
            if stat.S_ISREG(int(about[0], 8)):
                about[7] = None  # an xattr of the lower file stays behind
        compare_trees(a, b, "seed %d" % seed)
        for s in (plain, bare):
            s.stop()


@test
def with_one_single_id_modes_are_kept_beside_links_and_files(top):
    s = without_xattrs(top, "s")
    fill_lowers(s)
    s.start("fd", "--single-id")
    os.symlink("x", s("link"))
    write(s("f"), "text")
    attempt(os.chown, s("f"), 70000, 70000)
    os.mkfifo(s("pipe"), 0o640)
    numbers = {name: os.lstat(s(name)).st_ino for name in ("both/link", "f1", "both")}
    os.chmod(s("f1"), 0o4711)
    os.chown(s("both/link"), 0, 0, follow_symlinks=False)
    s.stop()
    s.start("fd", "--single-id")
    same({name: os.lstat(s(name)).st_ino for name in numbers}, numbers, "numbers after a restart")
    same(oct(os.stat(s("f1")).st_mode & 0o7777), "0o4711", "mode")
    same(read(s("f")), b"text", "data")
    s.stop()


@test
def killed_at_any_moment_the_file_beside_is_read_again(top):
    rng = random.Random(3)
    s = without_xattrs(top, "s")
    for n in range(300):
        os.symlink("to%d" % n, os.path.join(s.lowers[0], "l%d" % n))
    s.start("fd")
    numbers = {n: os.lstat(s("l%d" % n)).st_ino for n in range(300)}
    done = 0
    while done < 300:
        stop = min(300, done + rng.randrange(20, 90))
        for n in range(done, stop):
            os.chown(s("l%d" % n), 0, 0, follow_symlinks=False)
        done = stop
        s.kill()
        with open(s.upper + ".beside", "ab") as f:
            f.write(b"deadbeef 12 torn"[:rng.randrange(16)])
        s.start("fd")
        for n in range(300):
            same(os.lstat(s("l%d" % n)).st_ino, numbers[n], "number of l%d" % n)
            same(os.readlink(s("l%d" % n)), "to%d" % n, "link")
    s.stop()


if __name__ == "__main__":
    main()
