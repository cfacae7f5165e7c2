#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Isolation: acceptance rows 1, 3 to 9."""

import os
import socket
import statistics
import time

from sbxtest import SBX, USER, expect, main, processes_with, sub_ids, test, wait_for


@test()
def row_01_container_is_a_host_process_tree(box):
    expect(box.ok("run", "--rm", "busybox", "uname", "-r") == os.uname().release)
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    pid = box.ok("inspect", "-f", "{{.State.Pid}}", name)
    with open("/proc/%s/cmdline" % pid, "rb") as f:
        expect(b"sleep" in f.read() or box.ok("exec", name, "cat", "/proc/1/cmdline"), pid)
    expect(box.inspect(name)["State"]["Running"] is True)


@test("overlay", "fuse")
def row_03_start_takes_milliseconds(box):
    """Bound: three times what a bare set of mapped namespaces costs on this machine at the same time, or 30 ms (sanitizers
    excepted)."""
    box.ok("pull", "busybox")
    commands = ([SBX, "run", "--rm", "--network", "none", "busybox", "true"],
                ["unshare", "--map-root-user", "--map-auto", "-mpniuf", "--mount-proc", "true"])
    times = ([], [])
    for _ in range(20):
        for command, mine in zip(commands, times):
            begun = time.monotonic()
            result = box.run(command)
            mine.append(time.monotonic() - begun)
            expect(result.code == 0, result)
    took, base = (statistics.median(t) for t in times)
    print("# median of 20: %.1f ms, bare namespaces %.1f ms" % (took * 1000, base * 1000))
    if not any(key.endswith("SAN_OPTIONS") for key in box.env):
        expect(took < max(3 * base, 0.03), "%.1f ms, bare namespaces %.1f ms" % (took * 1000, base * 1000))


@test()
def row_04_each_container_has_its_own_root(box):
    host = socket.gethostname()
    box.ok("run", "--name", "c1", "busybox", "touch", "/x-of-c1")
    listing = box.ok("run", "--rm", "busybox", "ls", "/")
    expect("x-of-c1" not in listing and "bin" in listing, listing)
    expect(not os.path.exists("/x-of-c1"))
    expect(box.ok("run", "--rm", "busybox", "cat", "/etc/hostname") != host)
    expect(box.ok("run", "--rm", "-h", "myhost", "busybox", "hostname") == "myhost")
    secret = box.file("host-secret", "42")
    box.fails(1, "run", "--rm", "busybox", "cat", secret)


@test()
def row_05_each_container_has_its_own_network(box):
    inside = box.ok("run", "--rm", "--network", "none", "busybox", "readlink", "/proc/self/ns/net")
    expect(inside != os.readlink("/proc/self/ns/net") and inside.startswith("net:["), inside)
    names = [box.ok("run", "-d", "busybox", "nc", "-ll", "-p", "6379", "-e", "cat") for _ in range(2)]
    for name in names:
        wait_for(lambda n=name: ":18EB " in box.ok("exec", n, "cat", "/proc/net/tcp", "/proc/net/tcp6"), "port 6379")


@test()
def row_06_processes_of_others_are_invisible(box):
    listing = box.ok("run", "--rm", "busybox", "ps", "-o", "pid,args").split("\n")
    expect(len(listing) == 2 and listing[1].split()[0] == "1", listing)
    with_init = box.ok("run", "--rm", "--init", "busybox", "ps", "-o", "pid,args").split("\n")
    expect(len(with_init) == 3 and "ps" not in with_init[1].split()[1], with_init)


@test()
def row_06_init_reaps_orphans(box):
    name = box.ok("run", "-d", "--init", "busybox", "sh", "-c", "(sleep 0.2 & ) ; exec sleep 100")
    wait_for(lambda: "sleep 0.2" not in box.ok("exec", name, "ps", "-o", "args,stat"), "the orphan's end")
    expect("Z" not in box.ok("exec", name, "ps", "-o", "stat").split("\n")[1:])


@test()
def row_07_root_inside_is_nobody_special_outside(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    expect(box.ok("exec", name, "id", "-u") == "0")
    pid = box.ok("inspect", "-f", "{{.State.Pid}}", name)
    with open("/proc/%s/status" % pid, encoding="ascii") as f:
        uids = [line.split()[1] for line in f if line.startswith("Uid:")]
    expect(uids == [str(USER.pw_uid)], uids)
    if os.stat("/etc/shadow").st_mode & 0o007 == 0:
        box.fails(1, "run", "--rm", "-v", "/etc/shadow:/shadow", "busybox", "cat", "/shadow", says="denied")


@test("overlay", "fuse")
def row_07_users_inside_are_sub_ids_outside(box):
    name = box.ok("run", "-d", "-u", "999", "busybox", "sleep", "100")
    pid = box.ok("inspect", "-f", "{{.State.Pid}}", name)
    with open("/proc/%s/status" % pid, encoding="ascii") as f:
        uids = [line.split()[1] for line in f if line.startswith("Uid:")]
    expect(uids == [str(sub_ids()[0] + 998)], uids)


@test("overlay", "fuse")
def row_08_chown_works_with_sub_ids(box):
    expect(box.ok("run", "--rm", "busybox", "sh", "-c", "touch f; chown 999:998 f && stat -c %u:%g f") == "999:998")


@test("single")
def row_08_chown_without_sub_ids_is_said_clearly(box):
    box.ok("pull", "busybox")
    result = box.sbx("run", "--rm", "busybox", "sh", "-c", "touch f; chown 999 f; stat -c %u f")
    if result.code == 0 and result.line == "999":
        return  # emulated: even better
    expect("invalid argument" in result.err.lower() or "not permitted" in result.err.lower(), result)


@test()
def row_09_nothing_runs_after_rm(box):
    box.ok("run", "--rm", "busybox", "true")
    wait_for(lambda: not processes_with(box.top), "the end of all processes", 5)
    expect(box.ok("ps", "-aq") == "")


@test()
def row_09_killing_helpers_of_one_leaves_others(box):
    one, two = (box.ok("run", "-d", "busybox", "sleep", "1000") for _ in range(2))
    helper = [pid for pid, line in processes_with(one) if "sbx-fuse" in line]  # without which no file is left
    if not helper:
        pid = box.inspect(one)["State"]["Pid"]
        with open("/proc/%d/stat" % pid, encoding="ascii") as f:
            helper = [int(f.read().rsplit(")", 1)[1].split()[1])]  # the monitor
    os.kill(helper[0], 9)
    wait_for(lambda: not box.inspect(one)["State"]["Running"], "the container without its helper to be exited")
    expect(box.inspect(two)["State"]["Running"])
    expect(box.ok("exec", two, "echo", "alive") == "alive")
    expect(two[:12] in box.ok("ps"))


if __name__ == "__main__":
    main()
