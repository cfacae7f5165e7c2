#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""mount and umount: the files of containers and images as a directory inside `sbx unshare`."""

import os
import subprocess

from sbxtest import SBX, Skip, expect, main, test


def overlay_or_skip(box):
    if "overlay" not in box.ok("info", "-f", "{{.Driver}}"):
        raise Skip("the kernel's overlayfs cannot be mounted here")


@test("overlay", "single")
def mount_shows_files_of_containers_and_images_read_only(box):
    overlay_or_skip(box)
    box.ok("run", "--name", "c", "--network", "none", "busybox", "sh", "-c", "echo made > /made; rm /etc/passwd")
    box.ok("run", "-d", "--name", "up", "--network", "none", "busybox", "sh", "-c", "echo live > /live; exec sleep 1000")
    script = """set -e
        c=$("$0" mount c); image=$("$0" mount busybox); up=$("$0" mount up)
        cat "$c/made" "$up/live"; test ! -e "$c/etc/passwd"; test -e "$image/etc/passwd"; test ! -e "$image/made"
        if touch "$c/no" 2>/dev/null; then echo writable; fi
        "$0" mount c | grep -qx "$c"
        "$0" mount | wc -l
        "$0" umount up; "$0" umount -a | wc -l; "$0" mount
        "$0" umount c || echo "status $?"; "$0" ps -a --format '{{.Names}}' | sort"""
    got = box.run([SBX, "unshare", "sh", "-c", script, SBX])
    expect(got.out == "made\nlive\n3\nup\n2\nstatus 1\nc\nup\n" and "c is not mounted in this namespace" in got.err, got)
    expect(os.listdir(os.path.join(box.env["SBX_RUNROOT"], "mounts")) == [], "a directory stays")
    box.fails(1, "mount", "c", says="inside `sbx unshare` only")
    box.fails(1, "umount", "-a", says="inside `sbx unshare` only")
    got = box.run([SBX, "unshare", SBX, "mount", "nobody"])
    expect(got.code == 1 and "No such container or image: nobody" in got.err, got)


@test("overlay")
def what_is_mounted_goes_with_its_namespace_and_no_other_one_takes_it_away(box):
    overlay_or_skip(box)
    box.ok("create", "--name", "c", "--network", "none", "busybox")
    first = box.start("unshare", "sh", "-c", 'c=$("$0" mount c); echo "$c"; read go; test -e "$c/etc/passwd" && echo whole', SBX,
                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    path = first.stdout.readline().strip()
    expect(path.startswith(box.env["SBX_RUNROOT"]), path)
    got = box.run([SBX, "unshare", "sh", "-c", '"$0" mount; c=$("$0" mount c); test -e "$c/etc/passwd" && "$0" umount c', SBX])
    expect(got.code == 0 and got.out == "c\n", "what another namespace has mounted is listed, or in the way", got)
    expect(first.communicate("go\n", timeout=30)[0] == "whole\n", "the other one's mount is gone")
    expect(os.listdir(os.path.join(box.env["SBX_RUNROOT"], "mounts")) == [], "left behind by one that did not umount")


if __name__ == "__main__":
    main()
