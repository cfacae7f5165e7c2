#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Volumes: acceptance rows 63 to 69."""

import os
import re

from sbxtest import USER, expect, main, test, wait_for


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as f:
        return f.read()


@test()
def row_63_a_bind_is_live_both_ways(box):
    work = box.folder("w")
    name = box.ok("run", "-d", "-v", work + ":/w", "busybox", "sleep", "100")
    box.file("w/from-host", "host\n")
    expect(box.ok("exec", name, "cat", "/w/from-host") == "host")
    box.ok("exec", name, "sh", "-c", "echo inside > /w/from-inside")
    expect(read(work, "from-inside") == "inside\n")
    expect(os.stat(work + "/from-inside").st_uid == USER.pw_uid)


@test("overlay")
def row_63_a_bind_gets_nothing_from_the_image(box):
    work = box.folder("w")
    expect(box.ok("run", "--rm", "-v", work + ":/etc", "busybox", "sh", "-c", "cat /etc/passwd || echo none").endswith("none"))


@test()
def row_64_read_only_is_erofs(box):
    work = box.folder("w")
    for option in (":ro", ":ro,z"):
        box.fails(1, "run", "--rm", "-v", work + ":/w" + option, "busybox", "touch", "/w/x", says="read-only file system")
    box.ok("run", "--rm", "-v", work + ":/w:rw", "busybox", "touch", "/w/x")
    expect(os.path.exists(work + "/x"))


@test("overlay")
def row_64_read_only_reaches_submounts(box):
    """/dev/shm is a mount below /dev on every host."""
    result = box.sbx("run", "--rm", "-v", "/dev:/hostdev:ro", "busybox", "touch", "/hostdev/shm/sbx-test-row-64")
    expect(result.code == 1 and "read-only" in result.err.lower(), result)


@test()
def row_65_several_and_nested(box):
    for name in ("a", "b", "c", "d", "e"):
        box.file(os.path.join(box.folder(name), "name"), name)
    args = []
    for source, target in (("b", "/a/b"), ("a", "/a"), ("c", "/c/d/e"), ("d", "/d"), ("e", "/a/b/e")):
        args += ["-v", "%s:%s" % (box.path(source), target)]
    out = box.ok("run", "--rm", *args, "busybox", "cat", "/a/name", "/a/b/name", "/c/d/e/name", "/d/name", "/a/b/e/name")
    expect(out == "abcde", out)


@test("overlay", "single")
def row_66_v_makes_a_missing_directory_mount_does_not(box):
    box.ok("run", "--rm", "-v", box.path("new/dir") + ":/w", "busybox", "touch", "/w/x")
    made = os.stat(box.path("new/dir"))
    expect((made.st_uid, made.st_gid) == (USER.pw_uid, USER.pw_gid), made)
    box.fails(125, "run", "--rm", "--mount", "type=bind,source=%s,target=/w" % box.path("other"), "busybox", "true",
              says="bind source path does not exist")
    expect(not os.path.exists(box.path("other")))


@test()
def row_67_a_volume_bypasses_the_union(box):
    work = box.folder("w")
    out = box.ok("run", "--rm", "-v", work + ":/w", "busybox", "cat", "/proc/self/mountinfo")
    line = [l for l in out.split("\n") if l.split()[4] == "/w"]
    expect(len(line) == 1 and not re.search(r" - (fuse|overlay)", line[0]), out)
    root = [l for l in out.split("\n") if l.split()[4] == "/"][-1]
    expect(re.search(r" - (fuse|overlay)", root), root)
    if box.variant == "fuse":
        expect(" - fuse" in root, root)


@test()
def row_68_data_survives_kill_and_rm(box):
    work = box.folder("w")
    box.ok("run", "-d", "--name", "c1", "-v", work + ":/w", "busybox", "sh", "-c", "echo kept > /w/f; exec sleep 100")
    wait_for(lambda: os.path.exists(work + "/f") and read(work, "f"), "the file")
    box.ok("kill", "c1")
    box.ok("rm", "-f", "c1")
    expect(read(work, "f") == "kept\n")


@test()
def row_69_a_single_file(box):
    conf = box.file("redis.conf", "maxmemory 10mb\n")
    expect(box.ok("run", "--rm", "-v", conf + ":/etc/redis/redis.conf", "busybox", "cat", "/etc/redis/redis.conf") ==
           "maxmemory 10mb")
    expect(box.ok("run", "--rm", "-v", conf + ":/etc/passwd:ro", "busybox", "cat", "/etc/passwd") == "maxmemory 10mb")


@test("overlay")
def odd_volume_arguments_are_125(box):
    for value in ("/a:/b：ro", "/a: /b", "/a:b", "/a:/b:bad", "::", "/a:/"):
        box.fails(125, "run", "--rm", "-v", value, "busybox", "true", says="sbx")


@test()
def an_image_volume_is_filled_from_the_image(box):
    expect(box.ok("run", "--rm", "-u", "0", "config", "cat /vol/seed; grep -c ' /vol ' /proc/self/mountinfo") ==
           "from the image\n1")


if __name__ == "__main__":
    main()
