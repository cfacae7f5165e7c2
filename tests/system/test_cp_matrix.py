#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""cp, row by row of docker cp's documented table: what the source is, what the destination is, what comes of it; into and out
of containers that run, are paused, have ended, and were never started. And targets that are read-only, volumes and binds."""

import os
import shutil

from sbxtest import SBX, expect, main, test, wait_for

FILE, FOLDER, FOLDER_DOT, TO_FILE, TO_FOLDER = "file", "dir", "dir/.", "tofile", "todir"
# source, destination, and: where the source's bytes ("f" or the file) are then, or what is said
TABLE = [
    (FILE, "new", "new"),
    (FILE, "new/", "no such directory"),
    (FILE, "none/new", "no directory to copy into|no such directory|no such file"),
    (FILE, "old", "old"),
    (FILE, "old/", "not a directory"),
    (FILE, "there", "there/file"),
    (FILE, "there/", "there/file"),
    (FILE, "there/.", "there/file"),
    (FILE, TO_FOLDER, "there/file"),  # a symlink to a folder is one
    (FILE, TO_FILE, "old"),
    (FOLDER, "new", "new/f"),
    (FOLDER, "new/", "new/f"),
    (FOLDER, "none/new", "no directory to copy into|no such directory|no such file"),
    (FOLDER, "old", "cannot copy directory"),
    (FOLDER, "there", "there/dir/f"),
    (FOLDER, "there/", "there/dir/f"),
    (FOLDER + "/", "there", "there/dir/f"),
    (FOLDER, TO_FOLDER, "there/dir/f"),
    (FOLDER_DOT, "new", "new/f"),
    (FOLDER_DOT, "old", "cannot copy directory"),
    (FOLDER_DOT, "there", "there/f"),
    (FOLDER_DOT, TO_FOLDER, "there/f"),
    ("missing", "new", "no such file|could not find"),
    ("missing", "there", "no such file|could not find"),
]
WORLD = "mkdir -p dir there && echo bytes >file && echo bytes >dir/f && echo old >old && ln -sfn there todir && ln -sfn old tofile"
STATES = ("running", "paused", "ended", "created")


def containers(box):
    script = "mkdir -p /w && cd /w && %s" % WORLD
    box.ok("run", "-d", "--name", "running", "--network", "none", "busybox", "sh", "-c", script + " && touch /ready && exec sleep 1000")
    wait_for(lambda: box.sbx("exec", "running", "test", "-e", "/ready").code == 0, "its files")
    box.ok("commit", "running", "world")
    box.ok("run", "-d", "--name", "paused", "--network", "none", "world", "sleep", "1000")
    box.ok("pause", "paused")
    box.ok("run", "--name", "ended", "--network", "none", "world", "true")
    box.ok("create", "--name", "created", "--network", "none", "world", "true")


def clean(box, folder):
    shutil.rmtree(box.path(folder), ignore_errors=True)
    box.folder(folder)
    expect(box.run(["sh", "-c", "cd %s && %s" % (folder, WORLD)]).code == 0)


def judge(box, got, want, has, what):
    if " " in want:
        expect(got.code == 1, what, "wanted an error", got)
        expect(any(piece in got.err.lower() for piece in want.split("|")), what, want, got)
    else:
        expect(got.code == 0, what, got)
        expect(has(want) == "bytes\n", what, "not where it belongs", want, got)


def read(path):
    try:
        with open(path, encoding="ascii") as f:
            return f.read()
    except OSError as fault:
        return str(fault)


@test("overlay", seconds=240)
def row_46_cp_out_follows_the_table_in_every_state(box):
    containers(box)
    for state in STATES:
        for source, target, want in TABLE:
            clean(box, "out")
            got = box.sbx("cp", "%s:/w/%s" % (state, source), "out/" + target)
            judge(box, got, want, lambda name: read(box.path("out", name)), "%s: %s to %s" % (state, source, target))
    box.ok("unpause", "paused")


@test("overlay", seconds=240)
def row_46_cp_in_follows_the_table(box):
    """While it runs, and in one of the other states in turn."""
    containers(box)
    clean(box, "src")
    for number, (source, target, want) in enumerate(TABLE):
        for state in ("running", STATES[1 + number % 3]):
            place = "w%d" % number  # a world of its own for each row, by cp as well
            clean(box, place)
            box.ok("cp", place, "%s:/%s" % (state, place))
            got = box.sbx("cp", "src/" + source, "%s:/%s/%s" % (state, place, target))
            judge(box, got, want, lambda name: box.run(["sh", "-c", '"$0" cp "%s:/%s/%s" - | tar xO' % (state, place, name), SBX]).out,
                  "%s: %s to %s" % (state, source, target))
            shutil.rmtree(box.path(place))
    box.ok("unpause", "paused")


@test("overlay")
def row_46_cp_and_targets_that_are_read_only(box):
    box.file("f", "bytes\n")
    for name in ("bound", "kept"):
        box.folder(name, 0o777)
    options = ["-v", box.path("bound") + ":/ro:ro", "-v", box.path("kept") + ":/rw", "-v", "vol:/vol", "--tmpfs", "/tmp"]
    box.ok("run", "-d", "--name", "up", "--network", "none", "--read-only", *options, "busybox", "sleep", "1000")
    for target in ("/ro/f", "/ro", "/f", "/etc/f"):
        got = box.sbx("cp", "f", "up:" + target)
        expect(got.code == 1 and "read-only" in got.err.lower(), target, got)
    for target in ("/rw/f", "/vol/f"):
        box.ok("cp", "f", "up:" + target)
        expect(box.ok("exec", "up", "cat", target) == "bytes", target)
    expect(read(box.path("kept", "f")) == "bytes\n" and not os.listdir(box.path("bound")))
    box.ok("cp", "up:/ro/.", "back")
    box.ok("cp", "up:/vol/f", "from-volume")
    expect(read(box.path("from-volume")) == "bytes\n")
    box.ok("rm", "-f", "up")


if __name__ == "__main__":
    main()
