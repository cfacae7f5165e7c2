#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers that are made, started, left, joined and started again: acceptance rows 37, 38, 45."""

import json
import os
import socket
import subprocess

from sbxtest import SBX, Terminal, expect, free_port, main, test, wait_for

TRAP = "trap 'echo got %s; exit 3' %s; echo ready; while :; do sleep 0.05; done"


def running(box, name):
    return box.inspect(name)["State"]["Running"]


def logs_have(box, name, text):
    wait_for(lambda: text in box.ok("logs", name), "%r in the log" % text)


def answers(port):
    """What a listener on this host port says."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.settimeout(2)
            return s.recv(100).decode()
    except OSError:
        return ""


@test()
def create_prints_an_id_and_starts_nothing(box):
    name = box.ok("create", "--name", "c1", "busybox", "sh", "-c", "echo ran; exit 4")
    expect(len(name) == 64 and box.ok("ps", "-q") == "", name)
    state = box.inspect("c1")["State"]
    expect(state["Status"] == "created" and state["Pid"] == 0, state)
    expect(" Created " in box.ok("ps", "-a"))
    box.fails(4, "start", "-a", "c1")
    expect(box.ok("logs", "c1") == "ran")
    expect(box.inspect("c1")["State"]["Status"] == "exited")


@test("overlay")
def create_has_dockers_grammar(box):
    box.ok("pull", "busybox")
    box.fails(125, "create", "-d", "busybox", says="unknown shorthand flag: 'd' in -d")
    box.fails(125, "create", "--detach-keys=a", "busybox", says="unknown flag: --detach-keys")
    box.fails(125, "create", "--no-such", "busybox", says="unknown flag")
    box.fails(125, "create", "--pull=never", "missing", says="no such image")
    box.ok("create", "--name", "c1", "busybox", "true")
    box.fails(125, "create", "--name", "c1", "busybox", "true", says="already in use")
    name = box.ok("container", "create", "--rm", "--cidfile", "cid", "busybox", "true")
    with open(box.path("cid"), encoding="ascii") as f:
        expect(f.read() == name)
    expect(name[:12] in box.ok("ps", "-aq").split(), "create --rm waits for its start")
    box.ok("start", name)
    wait_for(lambda: name[:12] not in box.ok("ps", "-aq").split(), "its removal")


@test()
def row_37_start_keeps_files_mounts_and_name(box):
    shared = box.folder("shared", 0o777)
    box.ok("run", "--name", "c1", "-v", shared + ":/s", "-v", "/anon", "--tmpfs", "/t", "busybox", "sh", "-c",
           "echo x >> /kept; echo x >> /anon/kept; echo x >> /s/kept; echo x >> /t/kept; cat /kept /anon/kept /t/kept")
    before = box.inspect("c1")
    expect(box.ok("start", "c1") == "c1")
    box.ok("wait", "c1")
    expect(box.ok("logs", "c1").split() == ["x"] * 3 + ["x"] * 5, box.ok("logs", "c1"))
    with open(os.path.join(shared, "kept"), encoding="ascii") as f:
        expect(f.read() == "x\nx\n")
    after = box.inspect("c1")
    expect(after["Id"] == before["Id"] and after["Mounts"] == before["Mounts"], before["Mounts"], after["Mounts"])
    expect(after["State"]["StartedAt"] > before["State"]["StartedAt"])
    expect(after["Created"] == before["Created"])


@test("overlay", "fuse")
def row_37_start_publishes_its_ports_again(box):
    port = free_port()
    box.ok("run", "-d", "--name", "c1", "-p", "%d:80" % port, "busybox", "sh", "-c",
           "trap 'exit 0' TERM; while :; do echo hello | nc -l -p 80; done")
    wait_for(lambda: answers(port) == "hello\n", "the published port")
    box.ok("stop", "-t", "1", "c1")
    expect(answers(port) == "")
    box.ok("start", "c1")
    wait_for(lambda: answers(port) == "hello\n", "the published port after start")
    box.fails(1, "start", "-a", "c1", says="runs already")
    expect(box.ok("start", "c1") == "c1")


@test("overlay")
def row_37_start_outlives_its_image(box):
    box.ok("run", "--name", "c1", "config", "echo $GREETING; cat /vol/seed")
    box.ok("rmi", "-f", "config")
    expect(box.ok("start", "-a", "c1") == "from the image\nfrom the image")


@test("overlay")
def row_37_start_of_several_and_of_none(box):
    for name in ("aa", "bb"):
        box.ok("create", "--name", name, "busybox", "sleep", "100")
    result = box.fails(1, "start", "aa", "missing", "bb", says="no such container: missing")
    expect(result.out.split() == ["aa", "bb"], result)
    box.fails(1, "start", "-a", "aa", "bb", says="cannot start and attach multiple")


@test("overlay", "single")
def row_37_start_with_input(box):
    box.ok("create", "-i", "--name", "c1", "busybox", "sh", "-c", "cat; exit 6")
    result = box.fails(6, "start", "-ai", "c1", data="typed\n")
    expect(result.out == "typed\n", result)
    result = box.fails(6, "start", "-i", "c1", data="again\n")
    expect(result.out == "again\n", result)


@test("overlay", "fuse")
def row_37_start_with_a_terminal(box):
    box.ok("create", "-it", "--name", "c1", "busybox", "sh")
    box.fails(1, "start", "-ai", "c1", says="not a TTY")
    term = Terminal(box, SBX, "start", "-ai", "--detach-keys", "ctrl-x", "c1", rows=31, columns=91)
    term.send("stty size\n")
    term.wait_text("31 91")
    term.send("\x18")
    expect(term.wait_end() == 0 and running(box, "c1"))
    term = Terminal(box, SBX, "attach", "c1")
    term.send("exit 9\n")
    expect(term.wait_end() == 9)


@test()
def row_38_restart_starts_anew(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "echo x >> /kept; cat /kept; " + TRAP % ("TERM", "TERM"))
    logs_have(box, "c1", "ready")
    before = box.inspect("c1")["State"]
    expect(box.ok("restart", "c1") == "c1")
    logs_have(box, "c1", "got TERM")
    logs_have(box, "c1", "x\nx\n")
    after = box.inspect("c1")["State"]
    expect(after["Running"] and after["StartedAt"] > before["StartedAt"] and after["Pid"] != before["Pid"], after)
    box.ok("stop", "-t", "1", "c1")
    box.ok("restart", "-t", "1", "c1")
    expect(running(box, "c1"), "a stopped one is started")
    box.fails(1, "restart", "missing", says="no such container: missing")


@test("overlay")
def row_38_restart_keeps_what_rm_would_remove(box):
    box.ok("run", "-d", "--rm", "--name", "c1", "busybox", "sh", "-c", "echo x >> /kept; cat /kept; exec sleep 100")
    logs_have(box, "c1", "x")
    box.ok("restart", "-t", "0", "c1")
    logs_have(box, "c1", "x\nx\nx")
    box.ok("stop", "-t", "0", "c1")
    wait_for(lambda: box.ok("ps", "-aq") == "", "its removal")


@test("overlay", "fuse")
def row_45_two_attaches_see_the_same(box):
    box.ok("run", "-itd", "--name", "c1", "busybox", "sh")
    one, two = Terminal(box, SBX, "attach", "c1"), Terminal(box, SBX, "attach", "c1")
    wait_for(lambda: len(attached(box, "c1")) == 2, "both to be attached")
    one.send("echo $((40+2))\n")
    one.wait_text("\r\n42\r\n")
    two.wait_text("\r\n42\r\n")
    two.send("\x10\x11")
    expect(two.wait_end() == 0 and running(box, "c1"), "ctrl-p ctrl-q leaves it running")
    one.send("\x10\x10\x11")
    expect(one.wait_end() == 0 and running(box, "c1"))
    last = Terminal(box, SBX, "attach", "c1")
    last.send("exit 7\n")
    expect(last.wait_end() == 7 and not running(box, "c1"), "exit closes the container")


def attached(box, name):
    """Clients on the monitor's socket, from its descriptors."""
    state = os.path.join(box.env["SBX_ROOT"], "containers", box.inspect(name)["Id"], "state.json")
    with open(state, encoding="utf-8") as f:
        monitor = json.load(f)["monitor"]
    listing = subprocess.run(["ss", "-xnpH", "state", "established"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [line for line in listing.split("\n") if "attach.sock" in line and "pid=%d," % monitor in line]


@test("overlay", "single")
def row_45_attach_passes_status_and_signals(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", TRAP % ("INT", "INT"))
    logs_have(box, "c1", "ready")
    client = box.start("attach", "c1", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: len(attached(box, "c1")) == 1, "the client")
    client.send_signal(2)
    out, err = client.communicate(timeout=20)
    expect(client.returncode == 3 and out == b"got INT\n", client.returncode, out, err)
    box.fails(1, "attach", "c1", says="cannot attach to a stopped container")
    box.fails(1, "attach", "missing", says="no such container")


@test("overlay")
def row_45_attach_without_input_or_signals(box):
    box.ok("run", "-di", "--name", "c1", "busybox", "cat")
    client = box.start("attach", "--sig-proxy=false", "--no-stdin", "c1", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_for(lambda: len(attached(box, "c1")) == 1, "the client")
    client.send_signal(15)
    client.communicate(timeout=20)
    expect(client.returncode == -15 and running(box, "c1"), client.returncode)
    typing = box.start("attach", "c1", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    typing.stdin.write(b"typed\n")
    typing.stdin.flush()
    logs_have(box, "c1", "typed")
    typing.kill()
    typing.wait()
    expect(running(box, "c1"), "the input of run -di does not end with a client")


@test("overlay")
def stdin_of_run_i_ends_with_its_client(box):
    child = box.start("run", "-i", "--name", "c1", "busybox", "sh", "-c", "cat; echo over", stdin=subprocess.PIPE,
                      stdout=subprocess.PIPE)
    wait_for(lambda: "c1" in box.ok("ps", "--format", "{{.Names}}"), "the container")
    child.kill()
    child.wait()
    logs_have(box, "c1", "over")


if __name__ == "__main__":
    main()
