#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whose the files on a bind mount are: the caller's, whoever made them inside. docs/mounts.md."""

import os
import shutil
import signal

from sbxtest import SBX, USER, expect, main, processes_with, sub_ids, test, wait_for


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


AS_NOBODY = "su -s /bin/sh nobody -c "


@test("overlay", "fuse", "single")
def squash_gives_the_caller_what_every_user_makes(box):
    """The program starts as root and changes its id, as redis and mysql do."""
    work = box.folder("w", 0o700)
    box.file("w/old", "from the host\n", 0o600)
    script = "cat /w/old; mkdir /w/d; %s 'echo x > /w/d/f && stat -c %%u /w/d/f'; chown nobody /w/d; stat -c %%U /w/d /w/old" % \
        (AS_NOBODY if box.variant != "single" else "sh -c ")
    out = box.ok("run", "--rm", "-v", work + ":/w:squash", "busybox", "sh", "-c", script).split("\n")
    if box.variant == "single":
        expect(out[0] == "from the host" and out[-1] == "root", out)
    else:
        expect(out == ["from the host", "65534", "nobody", "root"], out)
    for name in ("d", "d/f", "old"):
        expect(owner(work, name) == ME, name)
    expect(box.run(["rm", "-r", work + "/d"]).code == 0)


@test("overlay")
def a_plain_bind_shows_the_sub_id_of_a_program_that_changed_its_id(box):
    work = box.folder("w", 0o777)
    start, _ = sub_ids()
    box.ok("run", "--rm", "-v", work + ":/w", "busybox", "sh", "-c", AS_NOBODY + "'mkdir /w/d; touch /w/d/f'")
    expect(owner(work, "d/f")[0] == start + 65533)
    expect(box.run(["rm", "-r", work + "/d"]).code != 0)
    box.ok("run", "--rm", "-v", work + ":/w", "busybox", "rm", "-r", "/w/d")


@test("overlay")
def squash_takes_over_where_keep_id_is_not_possible(box):
    """-u with a volume, or with the kernel's overlay."""
    work = box.folder("w", 0o700)
    for options in ([], ["-v", "data:/d"]):
        box.ok("run", "--rm", *options, "-u", "1000", "-v", work + ":/w", "busybox", "sh", "-c", "stat -c %u /w; touch /w/f")
        expect(owner(work, "f") == ME, options)
        os.unlink(work + "/f")
    box.fails(1, "run", "--rm", "--userns=host", "-u", "1000", "-v", work + ":/w", "busybox", "touch", "/w/f", says="denied")


@test("overlay", "single")
def squash_is_a_file_system_like_another(box):
    """Names, links, open files without a name, renames, times, xattrs, holes, large files."""
    work = box.folder("w")
    script = """set -e; cd /w; trap 'echo failed at $N' EXIT
        N=1; echo one > a; ln a b; ln -s a c; mkfifo p; mkdir -p d/e/f; mv a d/e/a; test $(cat b) = one; test $(readlink c) = a
        N=2; exec 3<>gone; echo lost >&3; rm gone; test $(stat -L -c %h /proc/self/fd/3) = 0; test $(cat /proc/self/fd/3) = lost
        N=3; mv d moved; test $(cat moved/e/a) = one; test ! -e d; echo two > b2; mv b2 moved/e/a; test $(cat moved/e/a b | tr -d "\\n") = twoone; rm b
        N=4; touch -d '2001-02-03 04:05:06' moved; test $(stat -c %Y moved) = 981173106; chmod 751 moved; test $(stat -c %a moved) = 751
        N=5; dd if=/dev/urandom of=big bs=1M count=5 2>/dev/null; cp big big2; cmp big big2; truncate -s 3M big; test $(stat -c %s big) = 3145728
        N=6; i=0; while [ $i -lt 300 ]; do echo > many$i; i=$((i+1)); done; test $(ls | grep -c many) = 300; rm many*; test $(ls | grep -c many) = 0
        N=7; rm -r moved big big2 p c; test -z "$(ls -A)"
        trap - EXIT; echo fine"""
    expect(box.ok("run", "--rm", "-v", work + ":/w:squash", "busybox", "sh", "-c", script) == "fine")
    expect(os.listdir(work) == [])


@test("overlay")
def a_squashed_directory_is_live_both_ways_and_read_only_when_asked(box):
    work = box.folder("w")
    name = box.ok("run", "-d", "-v", work + ":/w:squash", "-v", work + ":/ro:squash,ro", "busybox", "sleep", "100")
    expect(box.ok("exec", name, "ls", "/w") == "")
    box.file("w/f", "1\n")
    wait_for(lambda: box.sbx("exec", name, "cat", "/w/f").out == "1\n", "what the host has made")
    box.file("w/f", "second\n")
    wait_for(lambda: box.ok("exec", name, "cat", "/w/f") == "second", "what the host has changed")
    box.fails(1, "exec", name, "touch", "/ro/x", says="read-only")
    box.file("one.conf", "a\n")
    expect(box.ok("run", "--rm", "-v", box.path("one.conf") + ":/etc/one.conf:squash", "busybox", "sh", "-c",
                  "echo b >> /etc/one.conf; cat /etc/one.conf") == "a\nb")
    with open(box.path("one.conf"), encoding="utf-8") as f:
        expect(f.read() == "a\nb\n")


@test("overlay")
def a_container_whose_squash_server_dies_ends_and_says_so(box):
    work = box.folder("w")
    name = box.ok("run", "-d", "-v", work + ":/w:squash", "busybox", "sleep", "100")
    server = [pid for pid, command in processes_with(work) if "--squash" in command]
    expect(len(server) == 1, server)
    os.kill(server[0], signal.SIGKILL)
    wait_for(lambda: not box.inspect(name)["State"]["Running"], "the end of the container")
    expect("sbx-fuse" in box.sbx("logs", name).err)
    box.ok("start", name)
    box.ok("exec", name, "touch", "/w/f")


@test("overlay")
def keep_groups_stands_alone(box):
    box.fails(125, "run", "--group-add", "keep-groups", "--group-add", "5", "busybox", says="no other group")
    box.ok("run", "--rm", "--group-add", "keep-groups", "busybox", "true")


if __name__ == "__main__":
    main()
