#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A container whose file system stopped answering or died can still be seen, ended and removed."""

import os
import signal
import time

from sbxtest import expect, main, test, wait_for


def servers(box):
    """The processes that serve this box's overlays, by what they have open."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"sbx-fuse") and any(box.env["SBX_ROOT"].encode() in w for w in words):
            found.append(int(pid))
    return found


def server_of_one(box):
    box.ok("run", "-d", "--name", "c", "busybox", "sh", "-c", "while true; do ls -lR / >/dev/null; sleep 1; done")
    pids = servers(box)
    expect(len(pids) == 1, "servers", pids)
    return pids[0]


@test("fuse")
def f06_the_mount_is_closed_to_everybody_outside_its_namespace(box):
    """Also to the user whose container it is: what the kernel refuses to him it refuses to other users too."""
    box.ok("run", "-d", "--name", "c", "busybox", "sleep", "1000")
    root = "/proc/%d/root" % box.inspect("c")["State"]["Pid"]
    for path, fn in ((root, os.listdir), (root + "/bin", os.listdir), (root + "/bin/busybox", os.stat),
                     (root + "/made", os.mkdir)):
        try:
            fn(path)
        except PermissionError:
            continue
        expect(False, path, "was reached")
    expect("busybox" in box.ok("exec", "c", "ls", "/bin"), "inside it is open")
    box.ok("rm", "-f", "c")


@test("fuse")
def f07_a_stopped_server_does_not_stop_the_commands(box):
    pid = server_of_one(box)
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    expect("Up" in box.ok("ps", seconds=5))
    expect(box.inspect("c")["State"]["Running"])
    box.ok("logs", "c", seconds=5)
    expect(box.ok("rm", "-f", "c", seconds=15) == "c")
    expect(time.monotonic() - begin < 10, "took", time.monotonic() - begin)
    wait_for(lambda: not servers(box), "the server to go")


@test("fuse")
def f07_a_killed_server_ends_what_uses_it(box):
    pid = server_of_one(box)
    os.kill(pid, signal.SIGKILL)
    expect(box.ok("ps", "-a", seconds=5))
    box.sbx("exec", "c", "ls", "/", seconds=10)
    expect(box.ok("rm", "-f", "c", seconds=15) == "c")
    box.ok("run", "--rm", "--name", "c", "busybox", "true")


if __name__ == "__main__":
    main()
