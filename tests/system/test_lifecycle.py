#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A container's life after run: acceptance rows 35, 36, 39, 43, 44, and what scripts ask of it."""

import json
import os
import re
import time

from sbxtest import SBX, Terminal, expect, main, test, wait_for

TRAP = "trap 'echo got %s; exit 3' %s; echo ready; while :; do sleep 0.05; done"


def running(box, name):
    return box.inspect(name)["State"]["Running"]


def trapping(box, signal, name="c1", *options):
    box.ok("run", "-d", "--name", name, *options, "busybox", "sh", "-c", TRAP % (signal, signal))
    wait_for(lambda: "ready" in box.ok("logs", name), "the trap")


@test()
def row_35_rm_removes_what_has_stopped(box):
    name = box.ok("run", "-d", "--name", "c1", "busybox", "true")
    box.ok("wait", "c1")
    expect(box.ok("rm", "c1") == "c1")
    box.fails(1, "inspect", "c1", says="no such")
    expect(name[:12] not in box.ok("ps", "-a"))
    expect(not os.path.exists(os.path.join(box.env["SBX_ROOT"], "containers", name)))


@test()
def row_35_rm_refuses_what_runs_unless_forced(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "100")
    box.fails(1, "rm", "c1", says="running|stop")
    expect(running(box, "c1"))
    expect(box.ok("rm", "-f", "c1") == "c1")
    box.fails(1, "rm", "c1", says="no such container: c")


@test()
def row_35_files_of_sub_ids_are_removed_too(box):
    name = box.ok("run", "busybox", "sh", "-c", "mkdir -m 700 /d; touch /d/f; chown -R 1000 /d 2>/dev/null; mkdir -m 0 /locked")
    expect(name == "")
    container = box.ok("ps", "-aq", "--no-trunc")
    box.ok("rm", container)
    expect(not os.path.exists(os.path.join(box.env["SBX_ROOT"], "containers", container)))


@test("overlay")
def row_36_stop_sends_term(box):
    trapping(box, "TERM")
    begun = time.monotonic()
    expect(box.ok("stop", "c1") == "c1")
    expect(time.monotonic() - begun < 5)
    expect("got TERM" in box.ok("logs", "c1"))
    expect(box.inspect("c1")["State"]["ExitCode"] == 3)


@test()
def row_36_stop_kills_after_the_timeout(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    wait_for(lambda: "ready" in box.ok("logs", "c1"), "the trap")
    begun = time.monotonic()
    box.ok("stop", "-t", "1", "c1")
    expect(0.9 < time.monotonic() - begun < 5, time.monotonic() - begun)
    expect(box.inspect("c1")["State"]["ExitCode"] == 137)


@test("overlay")
def row_36_stop_sends_the_images_signal(box):
    name = box.ok("run", "-d", "config", TRAP % ("USR1", "USR1"))
    wait_for(lambda: "ready" in box.ok("logs", name), "the trap")
    box.ok("stop", name)
    expect("got USR1" in box.ok("logs", name))


@test("overlay")
def row_36_stop_of_several_and_of_none(box):
    for name in ("aa", "bb"):
        trapping(box, "TERM", name)
    result = box.fails(1, "stop", "aa", "missing", "bb", says="no such container: missing")
    expect(result.out.split() == ["aa", "bb"], result)
    expect(box.ok("stop", "aa") == "aa")


@test()
def row_39_kill_is_nine(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "100")
    expect(box.ok("kill", "c1") == "c1")
    expect(box.ok("wait", "c1") == "137")
    expect(box.inspect("c1")["State"]["ExitCode"] == 137)
    box.fails(1, "kill", "c1", says="not running")


@test("overlay")
def row_39_kill_with_a_signal(box):
    trapping(box, "HUP")
    box.ok("kill", "-s", "HUP", "c1")
    expect(box.ok("wait", "c1") == "3")
    expect("got HUP" in box.ok("logs", "c1"))
    box.fails(1, "kill", "-s", "NOSUCH", "c1")


@test("overlay", "fuse")
def row_43_exec_runs_in_the_containers_namespaces(box):
    name = box.ok("run", "-d", "-e", "FROM_RUN=1", "--hostname", "inner", "busybox", "sh", "-c", "echo 1 > /flag; exec sleep 100")
    wait_for(lambda: box.sbx("exec", name, "test", "-e", "/flag").code == 0, "the file")
    out = box.ok("exec", "-e", "FROM_EXEC=2", name, "sh", "-c", "cat /flag; hostname; echo $FROM_RUN$FROM_EXEC; id -u; pwd")
    expect(out == "1\ninner\n12\n0\n/", out)
    for kind in ("mnt", "pid", "net", "ipc", "uts", "user"):
        link = "/proc/%d/ns/" + kind
        inside = box.ok("exec", name, "readlink", "/proc/1/ns/" + kind)
        expect(inside == box.ok("exec", name, "readlink", "/proc/self/ns/" + kind), link)
    expect(box.ok("exec", "-u", "ann", "-w", "/tmp", name, "sh", "-c", "id -u; pwd") == "1000\n/tmp")
    box.fails(5, "exec", name, "sh", "-c", "exit 5")
    box.fails(127, "exec", name, "nosuchprogram", says="not found")
    box.fails(126, "exec", name, "/etc/passwd")
    expect(running(box, name))


@test("single")
def row_43_exec_with_a_single_id(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    expect(box.ok("exec", name, "id", "-u") == "0")
    box.fails(5, "exec", name, "sh", "-c", "exit 5")


@test()
def row_43_exec_on_a_terminal(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    term = Terminal(box, SBX, "exec", "-it", name, "/bin/sh", rows=33, columns=99)
    term.send("stty size; tty\n")
    term.wait_text("33 99")
    term.wait_text(r"/dev/pts/\d")
    term.send("exit 4\n")
    expect(term.wait_end() == 4)
    expect(running(box, name))


@test("overlay")
def row_43_exec_keeps_or_closes_stdin_and_detaches(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    expect(box.ok("exec", "-i", name, "cat", data="in\n") == "in")
    expect(box.ok("exec", name, "cat", data="in\n") == "")
    expect(box.ok("exec", "-d", name, "sh", "-c", "sleep 0.1; echo done > /later") == "")
    wait_for(lambda: box.sbx("exec", name, "cat", "/later").out == "done\n", "the detached program")
    split = box.sbx("exec", name, "sh", "-c", "echo o; echo e >&2")
    expect((split.out, split.err) == ("o\n", "e\n"), split)


@test("overlay")
def row_43_exec_has_no_more_rights_than_the_container(box):
    name = box.ok("run", "-d", "--cap-drop", "ALL", "busybox", "sleep", "100")
    keys = ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb", "Seccomp", "NoNewPrivs")

    def rights(pid):
        text = box.ok("exec", name, "cat", "/proc/%s/status" % pid)
        return {k: v for k, v in re.findall(r"^(\w+):\s+(\S+)", text, re.M) if k in keys}

    expect(rights("self") == rights(1), rights("self"), rights(1))
    expect(rights("self")["Seccomp"] == "2" and int(rights("self")["CapEff"], 16) == 0, rights("self"))


@test("overlay")
def row_44_exec_needs_a_running_container(box):
    box.ok("run", "--name", "c1", "busybox", "true")
    box.fails(1, "exec", "c1", "true", says="is not running")
    box.fails(1, "exec", "missing", "true", says="no such container: missing")


@test()
def row_40_logs_keep_the_streams_apart(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "echo out; echo err >&2; printf unfinished")
    box.ok("wait", "c1")
    result = box.sbx("logs", "c1")
    expect(result.out == "out\nunfinished" and result.err == "err\n", result)
    expect(box.ok("logs", "--tail", "1", "c1") == "unfinished")
    with open(box.inspect("c1")["LogPath"], encoding="utf-8") as f:
        first = json.loads(f.readline())
    expect(set(first) == {"log", "stream", "time"} and first["log"] in ("out\n", "err\n"), first)


@test("overlay")
def row_40_logs_follow_until_the_end(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done")
    expect(box.ok("logs", "-f", "c1") == "1\n2\n3")


@test("overlay")
def row_47_ids_may_be_abbreviated(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    expect(box.ok("inspect", "-f", "{{.Id}}", name[:12]) == name)
    expect(box.ok("inspect", "-f", "{{.Id}}", name[:4]) == name)
    expect(box.ok("ps", "-q") == name[:12] and box.ok("ps", "-q", "--no-trunc") == name)


@test("overlay")
def row_48_ps_has_dockers_columns(box):
    box.ok("run", "-d", "--name", "up", "busybox", "sleep", "100")
    box.ok("run", "--name", "down", "busybox", "sh", "-c", "exit 0")
    head, row = box.ok("ps").split("\n")
    expect(re.fullmatch(r"CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES", head), head)
    expect(re.search(r'^[0-9a-f]{12} +busybox +"sleep 100" .* Up .* up$', row), row)
    expect(re.search(r"Exited \(0\) .*down", box.ok("ps", "-a")))


@test("overlay")
def info_and_version_tell_what_was_chosen(box):
    expect("overlay" in box.ok("info"))
    expect(re.search(r"\d+\.\d+\.\d+", box.ok("version")))
    expect(re.search(r"\d+\.\d+\.\d+", box.ok("--version")))


@test("overlay")
def many_start_at_once(box):
    box.ok("pull", "busybox")
    children = [box.start("run", "-d", "--name", "n%d" % i, "busybox", "sleep", "100", stdout=-1, stderr=-1) for i in range(10)]
    for child in children:
        out, err = child.communicate(timeout=40)
        expect(child.returncode == 0, out, err)
    expect(len(box.ok("ps", "-q").split()) == 10)
    names = ["n%d" % i for i in range(10)]
    expect(box.ok("rm", "-f", *names).split() == names)


if __name__ == "__main__":
    main()
