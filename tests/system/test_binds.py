#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whose the files on a bind mount are: the caller's, whoever made them inside. docs/mounts.md."""

import os
import shutil

from sbxtest import SBX, USER, expect, main, sub_ids, test


def owner(*names):
    st = os.lstat(os.path.join(*names))
    return st.st_uid, st.st_gid


ME = (USER.pw_uid, USER.pw_gid)


@test("fuse", "single")
def users_t1_files_of_every_single_user_are_the_callers(box):
    """For USER 0, 999, 1000 and 65534: a file made on a bind is the caller's and goes with plain rm."""
    work = box.folder("w", 0o700)
    for user in ("0", "999", "1000", "65534", "1000:1000", "nobody"):
        box.ok("run", "--rm", "-u", user, "-v", work + ":/w", "-w", "/w", "busybox", "sh", "-c",
               "mkdir d && echo hi > d/f && ln -s f d/l && chmod 600 d/f && cat d/f")
        for name in ("d", "d/f", "d/l"):
            expect(owner(work, name) == ME, user, owner(work, name))
        expect(box.run(["rm", "-r", work + "/d"]).code == 0, user)


@test("fuse")
def the_rest_of_the_image_keeps_its_owners_and_the_store_its_form(box):
    work = box.folder("w")
    out = box.ok("run", "--name", "c", "-u", "1000", "-v", work + ":/w", "busybox", "sh", "-c",
                 "stat -c %u /etc/passwd /bin; id -u; touch /tmp/mine; stat -c %u /tmp/mine; stat -c %u /w")
    expect(out.split() == ["0", "0", "1000", "1000", "1000"], out)
    start, _ = sub_ids()
    upper = os.path.join(box.env["SBX_ROOT"], "containers", box.ok("ps", "-aq", "--no-trunc"), "upper")
    expect(os.lstat(upper + "/tmp/mine").st_uid == start + 999, "on disk as without keep-id")
    expect("A /tmp/mine" in box.ok("diff", "c"))
    box.ok("commit", "c", "made")
    expect(box.ok("run", "--rm", "made", "stat", "-c", "%u", "/tmp/mine") == "1000")
    out = box.ok("run", "--rm", "-u", "1000", "-v", work + ":/w", "busybox", "sh", "-c", "touch /etc/passwd || echo refused")
    expect(out == "refused", "the image's root is not the caller now")


@test("fuse")
def a_container_keeps_its_map_when_it_is_started_again_and_shared(box):
    work = box.folder("w")
    box.ok("run", "-d", "--name", "c", "-u", "1000", "-v", work + ":/w", "busybox", "sh", "-c",
           "while :; do echo x >> /w/f; sleep 0.1; done")
    box.ok("exec", "c", "touch", "/w/by-exec")
    expect(owner(work, "by-exec") == ME)
    expect(box.ok("run", "--rm", "--network", "container:c", "busybox", "id", "-u") == "0")
    box.ok("cp", "c:/etc/passwd", box.path("copy"))
    expect(owner(box.path("copy")) == ME)
    box.ok("restart", "-t", "0", "c")
    expect(box.ok("exec", "c", "sh", "-c", "touch /w/again; id -u") == "1000")
    expect(owner(work, "again") == ME)


@test("fuse")
def volumes_and_explicit_wishes_turn_it_off(box):
    work = box.folder("w")
    start, _ = sub_ids()
    for options in (["-v", "data:/d"], ["--userns=host"], ["--storage-driver", "overlay"]):
        os.chmod(work, 0o777)
        box.ok("run", "--rm", *options, "-u", "1000", "-v", work + ":/w", "busybox", "touch", "/w/f")
        expect(owner(work, "f")[0] in (start + 999, USER.pw_uid), options, owner(work, "f"))
        os.unlink(work + "/f")
    expect("keep-id" not in box.ok("run", "--dry-run", "-v", "data:/d", "-u", "1000", "-v", work + ":/w", "busybox"))
    expect("keep-id uid=1000" in box.ok("run", "--dry-run", "-u", "1000", "-v", work + ":/w", "busybox"))


@test("fuse", "single")
def keep_id_makes_the_caller_the_same_inside(box):
    work = box.folder("w")
    out = box.ok("run", "--rm", "--userns=keep-id", "-v", work + ":/w", "busybox", "sh", "-c", "id -u; id -g; whoami; touch /w/f")
    expect(out.split() == [str(USER.pw_uid), str(USER.pw_gid), USER.pw_name], out)
    expect(owner(work, "f") == ME)
    out = box.ok("run", "--rm", "--userns", "keep-id:uid=1234,gid=4321", "-v", work + ":/w", "busybox", "sh", "-c",
                 "id -u; id -g; touch /w/g")
    expect(out.split() == ["1234", "4321"] and owner(work, "g") == ME, out)
    out = box.ok("run", "--name", "c", "--userns", "keep-id:uid=400000,gid=400000", "-v", work + ":/w", "busybox", "sh", "-c",
                 "id -u; touch /w/h; touch /tmp/h")
    expect(out == "400000" and owner(work, "h") == ME, "beyond the range")
    expect(box.inspect("c")["HostConfig"]["UsernsMode"] == "keep-id:uid=400000,gid=400000")
    expect(box.ok("start", "-a", "c").split()[0] == "400000")
    box.fails(125, "run", "--userns", "keep-id:uid=x", "busybox", says="keep-id:uid=N")
    box.fails(125, "run", "--userns", "auto", "busybox", says="keep-id")


@test("fuse")
def keep_id_has_a_root_of_its_own(box):
    box.ok("run", "-d", "--name", "c", "--userns=keep-id", "busybox", "sleep", "100")
    expect(box.ok("exec", "-u", "0", "c", "sh", "-c", "id -u; echo x > /etc/new; stat -c %u /etc/new").split() == ["0", "0"])
    box.fails(1, "exec", "c", "sh", "-c", "echo x > /etc/other")


@test("overlay", "fuse", "single")
def users_t1_a_directory_of_ones_group_can_be_used(box):
    """root:GROUP 0770, and GROUP is one of the caller's, without a number inside."""
    work = box.path("shared")
    setup = ("install -d -o root -g 54321 -m 2770 %s; echo ours > %s/f; chmod 660 %s/f; chgrp 54321 %s/f\n"
             "exec setpriv --reuid %d --regid %d --groups 54321 -- \"$@\"" % (work, work, work, work, *ME))
    for options in ([], ["-u", "1000:1000"], ["-u", "1000", "--group-add", "keep-groups"], ["-u", "1000:1000", "-v", "data:/d"]):
        argv = [SBX, "run", "--rm", *options, "-v", work + ":/w", "busybox", "sh", "-c",
                "cat /w/f && touch /w/new && rm /w/new"]
        result = box.as_root(setup, argv)
        expect(result.code == 0 and result.out == "ours\n", options, result)
    result = box.as_root(setup, [SBX, "run", "--rm", "busybox", "cat", "/proc/self/status"])
    groups = [l for l in result.out.split("\n") if l.startswith("Groups:")]
    expect(box.variant == "single" or groups[0].split()[1:] in ([], ["0"], ["0", "10"]), "no bind: none of the caller's", groups)
    shutil.rmtree(work, ignore_errors=True)


@test("overlay")
def keep_groups_stands_alone(box):
    box.fails(125, "run", "--group-add", "keep-groups", "--group-add", "5", "busybox", says="no other group")
    box.ok("run", "--rm", "--group-add", "keep-groups", "busybox", "true")


if __name__ == "__main__":
    main()
