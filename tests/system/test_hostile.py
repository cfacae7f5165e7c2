#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Odd callers and odd moments on the main path: descriptors, environments, full disks, races."""

import json
import os
import subprocess

from sbxtest import SBX, USER, Terminal, expect, main, test, wait_for


@test("overlay")
def an_env_file_may_be_a_process_substitution(box):
    result = box.run(["bash", "-c", '"$0" run --rm --env-file <(echo FROM_PIPE=1) busybox env', SBX])
    expect(result.code == 0 and "FROM_PIPE=1" in result.out, result)
    listed = box.run(["bash", "-c", '"$0" run --rm --env-file <(echo A=1) busybox ls /proc/1/fd/ 7</etc/passwd', SBX])
    expect(listed.out.split() in (["0", "1", "2"], ["0", "1", "2", "3"]), listed)


@test("overlay", "single")
def an_init_gives_the_terminal_to_its_program(box):
    terminal = Terminal(box, SBX, "run", "-it", "--rm", "--init", "busybox", "sh", "-c", "tty </dev/tty; echo $$; stty size; exit 4")
    terminal.wait_text("/dev/tty\r\n2\r\n24 80")
    expect(terminal.wait_end() == 4, terminal.code)
    terminal = Terminal(box, SBX, "run", "-it", "--rm", "--init", "busybox", "sh", "-c", "trap 'exit 7' INT; echo up; while :; do sleep 0.05; done")
    terminal.wait_text("up")
    terminal.send("\x03")
    expect(terminal.wait_end() == 7, terminal.code)


@test("overlay")
def a_seccomp_profile_may_be_a_process_substitution_and_is_kept(box):
    profile = json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]})
    result = box.run(["bash", "-c", '"$0" run --name c --security-opt seccomp=<(echo "$1") busybox mkdir /x', SBX, profile])
    expect(result.code == 1 and "No space left" in result.err, result)
    box.fails(1, "start", "-a", "c", says="No space left")
    path = box.file("profile.json", profile)
    box.ok("create", "--name", "d", "--security-opt", "seccomp=" + path, "busybox", "mkdir", "/x")
    os.unlink(path)
    box.fails(1, "start", "-a", "d", says="No space left")
    box.fails(125, "run", "--rm", "--security-opt", "seccomp=" + path, "busybox", says="opening seccomp profile")
    box.fails(125, "run", "--rm", "--security-opt", "seccomp=/dev/zero", "busybox", says="is larger than")


@test("overlay", "single")
def the_callers_environment_is_not_in_the_inits_memory(box):
    inside = "cat /proc/1/environ /proc/1/cmdline | tr '\\0' '\\n'; cat /proc/1/comm; grep -c CANARY /proc/1/mem"
    result = box.sbx("run", "--rm", "--init", "-e", "OPEN=1", "busybox", "sh", "-c", inside,
                     env={"CANARY_TOKEN": "s3cret"})
    expect("CANARY" not in result.out and SBX not in result.out and "sbx-init" in result.out, result)


@test("overlay")
def a_name_the_caller_lacks_takes_the_images_variable_away(box):
    out = box.ok("run", "--rm", "-e", "HOSTNAME", "-e", "X", "busybox", "env", env={"X": "1"})
    expect("HOSTNAME=" not in out and "X=1" in out, out)
    box.ok("run", "--name", "a", "-e", "HOSTNAME", "busybox", "env")
    expect("HOSTNAME=" not in box.ok("start", "-a", "a", env={"HOSTNAME": "mine"}))


@test("overlay")
def a_local_image_of_another_platform_does_not_do(box):
    box.ok("pull", "busybox")
    box.fails(125, "run", "--rm", "--platform", "linux/s390x", "busybox", "true", says="E-ARCH.*not made for linux/s390x")
    box.fails(125, "run", "--rm", "--pull", "never", "--platform", "linux/s390x", "busybox", "true",
              says="E-ARCH.*wanted linux/s390x")
    box.ok("run", "--rm", "--pull", "never", "--platform", "linux/amd64", "busybox", "true")


@test("overlay")
def a_cid_file_that_cannot_be_made_costs_no_container(box):
    box.fails(125, "run", "--rm", "--cidfile", "/nonexistent/id", "busybox", "true", says="container ID file")
    expect(box.ok("ps", "-aq") == "")
    box.ok("run", "--rm", "--cidfile", box.path("home", "id"), "busybox", "true")
    expect(os.path.getsize(box.path("home", "id")) == 64)
    box.fails(125, "run", "--rm", "--cidfile", box.path("home", "id"), "busybox", "true", says="container ID file found")


def small_store(size):
    """Shell lines that put a tmpfs of that size under the store, as root in a mount namespace."""
    return 'mkdir -p "$SBX_ROOT"; mount -t tmpfs -o size=%s,mode=700,uid=%d,gid=%d none "$SBX_ROOT"' % (
        size, USER.pw_uid, USER.pw_gid)


@test("overlay", "fuse")
def a_full_disk_costs_the_log_but_not_the_status(box):
    script = """
        "$0" pull -q busybox >/dev/null
        "$0" run --name full busybox sh -c '
            dd if=/dev/zero of=/fill bs=64k count=1000 2>/dev/null
            for i in 1 2 3 4 5 6 7 8; do head -c 65536 /dev/zero | tr "\\0" "x"; echo; done; rm /fill; exit 7' | wc -c
        echo status ${PIPESTATUS[0]}
        "$0" wait full"""
    result = box.as_root(small_store("24m"), ["bash", "-c", script, SBX])
    expect(result.out.split() == ["524296", "status", "7", "7"], result)


@test("overlay")
def commands_at_the_same_time_leave_one_truth(box):
    box.ok("pull", "busybox")
    for i in range(4):
        name = "c%d" % i
        children = [box.start("run", "-d", "--name", name, "busybox", "sleep", "100", stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)]
        wait_for(lambda: box.sbx("inspect", name).code == 0)
        children += [box.start(*command, name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                     for command in (["start"], ["rm", "-f"], ["start"], ["stop", "-t", "0"], ["start"], ["rm", "-f"])]
        for child in children:
            child.wait(timeout=40)
        box.ok("rm", "-f", name)
    expect(box.ok("ps", "-aq") == "")
    wait_for(lambda: not [p for p in box.leaks() if "sleep" in p], "no container without a record")


@test("overlay", "fuse", "single")
def a_new_volume_is_filled_once_for_all_its_first_users(box):
    box.ok("pull", "debian")
    count = ["debian", "/bin/sh", "-c", "set -- /usr/bin/*; echo $#"]
    whole = box.ok("run", "--rm", *count)
    children = [box.start("run", "--rm", "-v", "first:/usr/bin", *count, stdout=subprocess.PIPE) for i in range(5)]
    counts = [child.communicate(timeout=50)[0].decode().strip() for child in children]
    expect(counts == [whole] * 5, counts, whole)


@test("overlay", "single")
def a_working_directory_is_made_even_if_the_root_is_read_only(box):
    expect(box.ok("run", "--rm", "--read-only", "-w", "/new/dir", "busybox", "pwd") == "/new/dir")
    box.fails(125, "run", "--rm", "-v", box.path("config.json") + ":/etc", "busybox", "true", says="directory and the other")


@test("overlay", "single")
def the_monitors_last_word_arrives_though_it_left_input_unread(box):
    box.ok("run", "-d", "--name", "c", "busybox", "sleep", "100")
    for i in range(6):
        result = box.sbx("run", "-i", "--rm", "busybox", "nosuch", data="x" * 100)
        expect(result.code == 127 and "not found in $PATH" in result.err, i, result)
        result = box.sbx("exec", "-i", "c", "nosuch", data="x" * 100)
        expect(result.code == 127 and "not found in $PATH" in result.err, i, result)
        terminal = Terminal(box, SBX, "run", "-it", "--rm", "busybox", "nosuch")
        terminal.wait_text("not found in")
        expect(terminal.wait_end() == 127, i, terminal.code)


@test("overlay")
def a_huge_environment_is_kept_on_record(box):
    text = "".join("X%d=%s\n" % (i, "\x01" * 900) for i in range(1000))
    first = box.file("env", text)
    expect(box.ok("run", "--name", "huge", "--env-file", first, "busybox", "sh", "-c", "echo ${#X999}") == "900")
    expect(box.ok("start", "-a", "huge") == "900")
    many = [word for i in range(8000) for word in ("-e", "V%d=1" % i)]
    expect(box.ok("run", "--rm", *many, "busybox", "env").count("\nV") == 8000)


if __name__ == "__main__":
    main()
