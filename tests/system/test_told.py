# SPDX-License-Identifier: Apache-2.0
"""What is told to others: events of each kind, the journal, health checks run by hand."""

import json
import os
import socket
import struct

from sbxtest import USER, expect, main, test, wait_for


def actions(box, *filters):
    """(type, action without its words) of all events so far, in order."""
    told = box.ok("events", "--since", "1h", "--until", "0s", "--format", "json",
                  *(word for f in filters for word in ("-f", f)))
    rows = [json.loads(line) for line in told.split("\n") if line]
    return [(row["Type"], row["Action"].partition(":")[0], row["Actor"]["Attributes"]) for row in rows]


def pairs(found):
    return [(kind, action) for kind, action, _ in found]


@test("overlay")
def a_container_tells_what_docker_tells(box):
    box.ok("network", "create", "lan")
    box.ok("run", "-d", "--name", "c", "--network", "lan", "-v", "kept:/kept", "busybox", "sleep", "1000")
    expect(box.sbx("exec", "c", "sh", "-c", "exit 3").code == 3)
    box.ok("top", "c")
    box.ok("cp", box.file("f", "text"), "c:/f")
    box.ok("cp", "c:/f", box.path("g"))
    box.ok("commit", "-m", "why", "c", "made")
    box.ok("export", "-o", box.path("c.tar"), "c")
    box.ok("stop", "-t", "0", "c")
    box.ok("rm", "c")
    found = actions(box)
    mine = [pair for pair in pairs(found) if pair[0] in ("container", "volume", "network")]
    want = [("network", "create"), ("volume", "create"), ("container", "create"), ("volume", "mount"), ("network", "connect"),
            ("container", "start"), ("container", "exec_create"), ("container", "exec_start"), ("container", "exec_die"),
            ("container", "top"), ("container", "extract-to-dir"), ("container", "archive-path"), ("container", "commit"),
            ("container", "export"), ("container", "kill"), ("container", "die"), ("volume", "unmount"),
            ("network", "disconnect"), ("container", "stop"), ("container", "destroy")]
    expect([pair for pair in mine if pair in want] == [pair for pair in mine], mine)
    for pair in want:  # each once; those of the monitor and of the command that waits may change places
        expect(pair in mine, "no %s.%s" % pair, mine)
    expect([p for p in mine if p[0] == "container" and p[1] not in ("kill", "die", "stop", "destroy")] ==
           [p for p in want if p[0] == "container" and p[1] not in ("kill", "die", "stop", "destroy")], mine)
    died = next(more for _, action, more in found if action == "exec_die")
    expect(died["exitCode"] == "3" and len(died["execID"]) == 64 and died["name"] == "c", died)
    mounted = next(more for kind, action, more in found if (kind, action) == ("volume", "mount"))
    expect(mounted["destination"] == "/kept" and mounted["read/write"] == "true", mounted)
    expect(pairs(actions(box, "event=exec_create")) == [("container", "exec_create")])
    expect(pairs(actions(box, "type=volume", "volume=kept")) ==
           [("volume", "create"), ("volume", "mount"), ("volume", "unmount")])


@test("overlay")
def prunes_and_archives_tell_events(box):
    box.ok("create", "--name", "old", "busybox", "true")
    box.ok("save", "-o", box.path("b.tar"), "busybox")
    box.ok("load", "-i", box.path("b.tar"))
    box.ok("container", "prune", "-f")
    box.ok("volume", "prune", "-f")
    box.ok("network", "prune", "-f")
    box.ok("image", "prune", "-f")
    found = actions(box)
    for pair in (("image", "save"), ("image", "load"), ("container", "prune"), ("volume", "prune"), ("network", "prune"),
                 ("image", "prune")):
        expect(pair in pairs(found), "no %s.%s" % pair, found)
    reclaimed = [more["reclaimed"] for _, action, more in found if action == "prune"]
    expect(all(text.isdigit() for text in reclaimed), reclaimed)


def fields_of(datagram):
    """The journal's native protocol, read back."""
    fields = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size, = struct.unpack("<Q", rest[:8])
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        fields[name.decode()] = value.decode()
        datagram = rest
    return fields


@test("overlay")
def the_driver_journald_sends_lines_and_keeps_them(box):
    path = box.path("journal")
    box.env["SBX_JOURNAL"] = path
    box.ok("pull", "-q", "busybox")
    refused = box.fails(125, "run", "--log-driver", "journald", "busybox", "true", says=["E-JOURNAL", "json-file"])
    expect(not refused.out and not box.ok("ps", "-aq"), refused)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(path)
        os.chown(path, USER.pw_uid, USER.pw_gid)
        box.ok("run", "--name", "j", "--log-driver", "journald", "--log-opt", "tag=mine", "busybox", "sh", "-c",
               "echo one; echo two >&2; printf rest")
        journal.settimeout(20)
        got = sorted((fields_of(journal.recv(65536)) for _ in range(3)), key=lambda f: f["MESSAGE"])
    expect([f["MESSAGE"] for f in got] == ["one", "rest", "two"], got)
    expect([f["PRIORITY"] for f in got] == ["6", "6", "3"], got)
    expect([f.get("CONTAINER_PARTIAL_MESSAGE") for f in got] == [None, "true", None], got)
    expect(got[0]["CONTAINER_NAME"] == "j" and got[0]["SYSLOG_IDENTIFIER"] == "mine" and
           got[0]["CONTAINER_ID_FULL"] == box.inspect("j")["Id"] and got[0]["IMAGE_NAME"] == "busybox", got[0])
    logged = box.sbx("logs", "j")
    expect(logged.out == "one\nrest" and logged.err == "two\n", logged)
    expect(box.inspect("j")["HostConfig"]["LogConfig"]["Type"] == "journald")


@test("overlay")
def a_health_check_is_run_by_hand(box):
    box.ok("run", "-d", "--name", "c", "--health-cmd", "echo noise; test -e /tmp/well", "--health-interval", "1h",
           "busybox", "sleep", "1000")
    box.ok("run", "-d", "--name", "plain", "busybox", "sleep", "1000")
    ill = box.fails(1, "healthcheck", "run", "c")
    expect(ill.out == "unhealthy\n" and not ill.err, ill)
    box.ok("exec", "c", "touch", "/tmp/well")
    expect(box.ok("healthcheck", "run", "c") == "")
    box.ok("run", "-d", "--name", "slow", "--health-cmd", "touch /tmp/begun; exec sleep 1000", "--health-interval", "1h",
           "--health-timeout", "200ms", "busybox", "sleep", "1000")
    ill = box.fails(1, "healthcheck", "run", "slow")
    expect(ill.out == "unhealthy\n" and not ill.err, "when its time is over", ill)
    wait_for(lambda: box.ok("exec", "slow", "sh", "-c", "ps | grep -c '[s]leep 1000'") == "1", "its end")
    box.fails(125, "healthcheck", "run", "plain", says="no defined healthcheck")
    box.fails(125, "healthcheck", "run", "nosuch", says="no such container")
    box.ok("stop", "-t", "0", "c")
    box.fails(125, "healthcheck", "run", "c", says="not running")


@test("overlay")
def container_exists_says_so_by_its_status(box):
    box.ok("create", "--name", "c", "busybox")
    expect(box.ok("container", "exists", "c") == "")
    quiet = box.fails(1, "container", "exists", "nosuch")
    expect(not quiet.out and not quiet.err, quiet)


@test("overlay")
def exec_has_the_umask_of_the_container(box):
    box.ok("run", "-d", "--name", "c", "--umask", "0077", "busybox", "sleep", "1000")
    expect(box.ok("exec", "c", "sh", "-c", "umask") == "0077")
    box.ok("restart", "-t", "0", "c")
    wait_for(lambda: box.ok("ps", "-q"), "the container")
    expect(box.ok("exec", "c", "sh", "-c", "umask") == "0077")
    box.ok("run", "-d", "--name", "usual", "busybox", "sleep", "1000")
    expect(box.ok("exec", "usual", "sh", "-c", "umask") == "0022")


if __name__ == "__main__":
    main()
