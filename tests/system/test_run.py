#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""run: acceptance rows 10 to 13 and 23 to 31, exit codes, and the image's own settings."""

import contextlib
import os
import re
import socket

from sbxtest import SBX, Skip, Terminal, expect, free_port, listener, main, test, wait_for

HEX64 = re.compile(r"[0-9a-f]{64}")


def read_port(port, address="127.0.0.1"):
    """What a server that answers and closes says; None while nobody answers."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=3) as s:
        s.sendall(b"\n")
        s.shutdown(socket.SHUT_WR)
        return s.recv(100)
    return None


@test()
def row_10_a_local_image_needs_no_network(box):
    box.ok("pull", "busybox")
    box.mirror("http://127.0.0.1:1")
    expect(box.ok("run", "--rm", "busybox", "echo", "hi") == "hi")


@test()
def row_11_a_missing_image_is_pulled(box):
    result = box.sbx("run", "--rm", "busybox", "echo", "hi")
    expect(result.code == 0 and result.out == "hi\n", result)
    expect("Unable to find image 'busybox:latest' locally" in result.err, result)
    box.ok("rmi", "busybox")
    expect(box.ok("run", "--rm", "busybox", "echo", "again") == "again")


@test("overlay")
def row_12_an_unknown_image_is_125(box):
    result = box.fails(125, "run", "--rm", "nosuch:1", says="nosuch")
    expect(result.out == "", result)


@test()
def row_13_containers_of_one_image_are_independent(box):
    for name in ("c1", "c2", "c3"):
        box.ok("run", "-d", "--name", name, "busybox", "sleep", "100")
    box.ok("exec", "c2", "sh", "-c", "echo dirty > /etc/passwd; rm -r /home")
    for name in ("c1", "c3"):
        expect(box.ok("exec", name, "cat", "/etc/passwd").startswith("root:"), name)
        box.ok("exec", name, "ls", "/home")


@test("overlay")
def row_23_options_stop_at_the_image(box):
    expect(box.ok("run", "--name", "ab", "busybox", "echo", "--name", "b") == "--name b")
    expect(box.ok("run", "--rm", "-e", "A=1", "busybox", "sh", "-c", "echo $A", "-e") == "1")


@test("overlay")
def row_24_both_forms_of_name(box):
    box.ok("run", "--name=one", "busybox", "true")
    box.ok("run", "--name", "two", "busybox", "true")
    expect(sorted(box.ok("ps", "-a", "--format", "{{.Names}}").split()) == ["one", "two"])


@test("overlay")
def row_24_name_conflict_is_125(box):
    box.ok("run", "-d", "--name", "one", "busybox", "sleep", "100")
    box.fails(125, "run", "--name", "one", "busybox", "true", says=["one", "E-NAME"])
    expect(box.inspect("one")["State"]["Running"])


@test("overlay")
def row_24_bad_names_are_125(box):
    for name in ("-x", "a b", "a/b", ".x", "ä"):
        box.fails(125, "run", "--name=" + name, "busybox", "true", says="invalid container name")


@test("overlay")
def row_24_a_random_name_otherwise(box):
    box.ok("run", "busybox", "true")
    box.ok("run", "busybox", "true")
    names = box.ok("ps", "-a", "--format", "{{.Names}}").split()
    expect(len(set(names)) == 2 and all(re.fullmatch(r"[a-z]+_[a-z]+\d?", n) for n in names), names)


@test()
def row_25_detach_prints_the_id_only(box):
    result = box.sbx("run", "-d", "busybox", "sleep", "100")
    expect(result.code == 0 and HEX64.fullmatch(result.line) and result.out.count("\n") == 1, result)
    expect(box.inspect(result.line)["State"]["Status"] == "running")


@test()
def row_25_detached_outlives_its_starter(box):
    box.ok("pull", "busybox")
    result = box.run(["sh", "-c", "%s run -d --name bg busybox sleep 100; kill -9 $$" % SBX])
    expect(HEX64.fullmatch(result.line), result)
    expect(box.ok("exec", "bg", "echo", "alive") == "alive")


@test()
def row_26_interactive_keeps_stdin(box):
    expect(box.ok("run", "--rm", "-i", "busybox", "cat", data="hi\n") == "hi")
    expect(box.ok("run", "--rm", "busybox", "cat", data="hi\n") == "")


@test("overlay")
def row_26_much_data_passes_both_ways(box):
    data = os.urandom(1 << 20).hex()
    result = box.sbx("run", "--rm", "-i", "busybox", "cat", data=data)
    expect(result.code == 0 and result.out == data, len(result.out), result.err)


@test()
def row_27_terminal_follows_the_window(box):
    box.ok("pull", "busybox")
    term = Terminal(box, SBX, "run", "--rm", "-it", "busybox", "sh", rows=30, columns=90)
    term.send("stty size; tty; echo TERM=$TERM.\n")
    term.wait_text(r"30 90")
    term.wait_text(r"/dev/pts/\d")
    term.wait_text(r"TERM=xterm\.")
    term.resize(40, 120)
    term.send("sleep 0.3; stty size\n")
    term.wait_text(r"40 120")
    term.send("exit 7\n")
    expect(term.wait_end() == 7)


@test("overlay")
def row_28_bundled_flags_in_any_order(box):
    box.ok("pull", "busybox")
    for flags in (("-it",), ("-i", "-t"), ("-ti",)):
        term = Terminal(box, SBX, "run", "--rm", *flags, "busybox", "sh", "-c", "tty; read a; echo got $a")
        term.wait_text(r"/dev/pts/\d")
        term.send("line\n")
        term.wait_text("got line")
        expect(term.wait_end() == 0, flags)
    name = box.ok("run", "-itd", "busybox", "sh")
    expect(HEX64.fullmatch(name), name)
    config = box.inspect(name)["Config"]
    expect(config["Tty"] is True and config["OpenStdin"] is True, config)
    expect(box.inspect(name)["State"]["Running"])


@test("overlay")
def row_29_tty_without_terminal_is_refused(box):
    box.ok("pull", "busybox")
    box.fails(1, "run", "--rm", "-it", "busybox", "true", says="the input device is not a TTY")


def serve(box, *publish):
    """A container whose port 8080 says hello."""
    return box.ok("run", "-d", *publish, "busybox", "nc", "-ll", "-p", "8080", "-e", "echo", "hello")


def bound(box, name, port="8080/tcp"):
    return [int(b["HostPort"]) for b in box.inspect(name)["NetworkSettings"]["Ports"][port]]


@test()
def row_30_publish_host_to_container(box):
    port = free_port()
    name = serve(box, "-p", "%d:8080" % port)
    expect(wait_for(lambda: read_port(port), "port %d" % port).startswith(b"hello"))
    expect(port in bound(box, name))


@test("overlay")
def row_30_publish_forms(box):
    one, two = free_port(), free_port()
    for publish, port in (("127.0.0.1:%d:8080" % one, one), ("127.0.0.1::8080", 0), ("8080", 0), ("%d:8080/tcp" % two, two)):
        name = serve(box, "-p", publish)
        port = port or bound(box, name)[0]
        expect(wait_for(lambda p=port: read_port(p), publish).startswith(b"hello"), publish)
        box.ok("rm", "-f", name)


@test("overlay")
def row_30_publish_on_one_address_only(box):
    port = free_port()
    serve(box, "-p", "127.0.0.2:%d:8080" % port)
    wait_for(lambda: read_port(port, "127.0.0.2"), "127.0.0.2:%d" % port)
    expect(read_port(port) is None)


@test("overlay")
def row_30_publish_ranges(box):
    first, second = free_port(), free_port()
    while second != first + 1:
        first, second = second, free_port()
    box.ok("run", "-d", "-p", "%d-%d:8080-8081" % (first, first + 1), "busybox", "sh", "-c",
           "nc -ll -p 8080 -e echo hello & exec nc -ll -p 8081 -e echo world")
    expect(wait_for(lambda: read_port(first), "the first port").startswith(b"hello"))
    expect(wait_for(lambda: read_port(first + 1), "the second port").startswith(b"world"))


@test("overlay")
def row_30_bad_publish_is_125(box):
    for publish in ("99999:80", "80:x", "1:2:3:4", "-1:80", "80-90:80-81", "a:80:80", ""):
        box.fails(125, "run", "--rm", "-p", publish, "busybox", "true", says="port|address|publish|invalid")


@test("overlay")
def row_31_port_in_use_is_125(box):
    port = free_port()
    with listener(port):
        box.fails(125, "run", "--rm", "-p", "%d:80" % port, "busybox", "true", says=["E-PORT-USED", str(port)])
    expect(box.ok("ps", "-aq") == "" or "Created" in box.ok("ps", "-a"))


@test("overlay")
def row_31_port_in_use_by_another_container(box):
    port = free_port()
    serve(box, "-p", "%d:8080" % port)
    box.fails(125, "run", "--rm", "-p", "%d:80" % port, "busybox", "true", says=["E-PORT-USED", str(port)])


@test("overlay")
def row_31_low_port_is_125_with_the_sysctl(box):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        limit = int(f.read())
    if limit <= 80:
        raise Skip("this machine lets everybody listen on port 80")
    box.fails(125, "run", "--rm", "-p", "80:80", "busybox", "true", says=["E-PORT-LOW", "ip_unprivileged_port_start", "80"])


@test()
def exit_status_is_the_programs(box):
    box.fails(7, "run", "--rm", "busybox", "sh", "-c", "exit 7")
    box.fails(127, "run", "--rm", "busybox", "nosuchprogram", says="not found")
    box.fails(126, "run", "--rm", "busybox", "/etc/passwd", says="permission denied")
    box.fails(126, "run", "--rm", "busybox", "/etc")
    box.fails(125, "run", "--nosuchflag", "busybox", says="unknown flag: --nosuchflag")
    box.fails(125, "run", "--entrypont", "x", "busybox", says="--entrypoint")


@test()
def exit_status_of_a_signal_is_128_and_more(box):
    name = box.ok("run", "-d", "--init", "busybox", "sleep", "100")
    box.ok("kill", "-s", "KILL", name)
    expect(box.ok("wait", name) == "137")
    name = box.ok("run", "-d", "--init", "busybox", "sh", "-c", "kill -TERM $$")
    expect(box.ok("wait", name) == "143")


@test()
def the_images_settings_are_honoured(box):
    if box.variant == "single":
        expect(box.sbx("run", "--rm", "-u", "0", "config").out == "from the image\n0\n/workdir\n")
        return
    expect(box.ok("run", "--rm", "config") == "from the image\n1000\n/workdir")
    expect(box.ok("run", "--rm", "-e", "GREETING=mine", "-u", "0", "-w", "/new/dir", "config") == "mine\n0\n/new/dir")
    expect(box.ok("run", "--rm", "--entrypoint", "/bin/echo", "config", "x") == "x")
    expect(box.ok("run", "--rm", "config", "id -gn") == "ann")
    expect(box.ok("run", "--rm", "-u", "www", "config", "id -u; id -g") == "33\n33")
    expect(box.ok("run", "--rm", "config", "cat /vol/seed") == "from the image")


@test("overlay")
def environment_from_flags_and_files(box):
    env_file = box.file("env", "# comment\nA=1\nB=with blanks \n\nFROM_HOST\n")
    out = box.ok("run", "--rm", "--env-file", env_file, "-e", "C=密码=x", "-e", "A=2", "-eD=4", "-e=E=5", "busybox", "env",
                 env={"FROM_HOST": "yes"})
    got = dict(line.split("=", 1) for line in out.split("\n"))
    want = {"A": "2", "B": "with blanks ", "C": "密码=x", "D": "4", "E": "5", "FROM_HOST": "yes", "HOME": "/root"}
    expect(all(got.get(k) == v for k, v in want.items()), got)
    expect("XDG_RUNTIME_DIR" not in got and "SBX_ROOT" not in got, got)


@test("overlay")
def cidfile_and_pull_never(box):
    box.fails(125, "run", "--rm", "--pull", "never", "busybox", "true", says="busybox")
    box.ok("run", "--cidfile", box.path("cid"), "busybox", "true")
    with open(box.path("cid"), encoding="ascii") as f:
        expect(HEX64.fullmatch(f.read().strip()))
    box.fails(125, "run", "--cidfile", box.path("cid"), "busybox", "true", says="cid")


@test()
def read_only_root_and_tmpfs(box):
    result = box.sbx("run", "--rm", "--read-only", "--tmpfs", "/scratch:size=1m", "busybox", "sh", "-c",
                     "touch /x; echo y > /scratch/y && cat /scratch/y; dd if=/dev/zero of=/scratch/z bs=1M count=2")
    expect("Read-only file system" in result.err and "y" in result.out and "No space" in result.err, result)


@test("overlay")
def dry_run_prints_the_plan_and_does_nothing(box):
    box.ok("pull", "busybox")
    plan = box.ok("run", "--dry-run", "-v", box.top + ":/w:ro", "busybox", "true")
    expect("/proc" in plan and "/w" in plan, plan)
    expect(box.ok("ps", "-aq") == "")


if __name__ == "__main__":
    main()
