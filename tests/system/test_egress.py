#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--egress: what a container may reach, over the fast way and through libslirp, and the ways around that are closed."""

import json
import os

from sbxtest import expect, main, test, wait_for
from netmember import case
from world import ADDRESSES, DNS, HELLO, REACH, World

PORTS = tuple("%d@%s" % (port, address) for address in ("203.0.113.1", "203.0.113.2", "203.0.113.3") for port in (80, 443))
WAYS = ({}, {"SBX_NET_SLOW": "1"})


def hello(address):
    return "hello from %s" % address


def reach(world, rules, wishes, way, *options):
    """What each wish came to, without the part that names the client."""
    out = world.member(REACH, "\n".join(wishes), options=("--egress", rules, *options), env=way)
    return [line.split(" to ")[0] for line in out.strip().split("\n")]


def check(world, rules, table, way, *options):
    got = reach(world, rules, [wish for wish, _ in table], way, *options)
    expect(len(got) == len(table), got)
    for (wish, want), have in zip(table, got):
        expect(have == want or isinstance(want, tuple) and have in want, "%s: %s, %s" % (way, rules, wish), "want %s" % (want,), "got %s" % have)


@case()
def egress_none_refuses_everything_at_once_and_names_too(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, *PORTS)
        for way in WAYS:
            check(world, "none", [("tcp 203.0.113.1 80 good.test", "ECONNREFUSED"), ("udp 203.0.113.1 80", "ECONNREFUSED"),
                                  ("ping 203.0.113.1", "EHOSTUNREACH"), ("dns good.test", "code 5"),
                                  ("dns secret-data.evil.test", "code 5"), ("tcp 192.0.2.10 80", "ECONNREFUSED"),
                                  ("udp 192.0.2.53 53", "ECONNREFUSED"), ("tcp 192.0.2.53 53", "ECONNREFUSED"),
                                  ("ping 10.88.0.1", "echo")], way)
        expect(not os.path.exists(box.path("asked")), "a question left")


@case()
def egress_by_address_and_port(box):
    with World(box) as world:
        world.serve(HELLO, *PORTS)
        for way in WAYS:
            check(world, "203.0.113.0/31,203.0.113.2:443", [
                ("tcp 203.0.113.1 80", hello("203.0.113.1")), ("udp 203.0.113.1 443", hello("203.0.113.1")),
                ("ping 203.0.113.1", "echo"), ("tcp 203.0.113.2 443", hello("203.0.113.2")),
                ("tcp 203.0.113.2 80", "ECONNREFUSED"), ("udp 203.0.113.2 80", "ECONNREFUSED"),
                ("ping 203.0.113.2", "EHOSTUNREACH"), ("tcp 203.0.113.3 443", "ECONNREFUSED")], way)
            check(world, ":443", [("tcp 203.0.113.3 443", hello("203.0.113.3")), ("tcp 203.0.113.3 80", "ECONNREFUSED")], way)


@case()
def egress_by_name_opens_what_the_dns_told_and_no_raw_address(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, *PORTS)
        for way in WAYS:
            check(world, "good.test:80", [
                ("tcp 203.0.113.1 80 good.test", "ECONNREFUSED"),  # nobody asked for its name yet
                ("tcp good.test 80 good.test", hello("203.0.113.1")), ("tcp 203.0.113.1 80 good.test", hello("203.0.113.1")),
                ("tcp good.test 443", "ECONNREFUSED"), ("udp good.test 80", hello("203.0.113.1")),
                ("tcp 203.0.113.3 80 good.test", "ECONNREFUSED"), ("dns evil.test", "code 5"), ("dns www.good.test", "code 5")], way)
            check(world, "*.good.test", [("tcp www.good.test 443", hello("203.0.113.1")), ("dns good.test", "code 5")], way)
        with open(box.path("asked"), encoding="ascii") as f:
            expect("evil" not in f.read().lower(), "a question for a name that is not allowed left")


@case()
def egress_reads_the_name_on_a_shared_address(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, *PORTS)
        dropped = ("ConnectionResetError", "ECONNRESET", "end")
        for way in WAYS:
            check(world, "shared.good.test", [
                ("tcp shared.good.test 80 shared.good.test", hello("203.0.113.2")),
                ("tcp shared.good.test 80 shared.evil.test", dropped),
                ("drip shared.good.test 80 shared.good.test", hello("203.0.113.2")),
                ("drip shared.good.test 80 shared.evil.test", (*dropped, "EPIPE")),
                ("tls shared.good.test 443 shared.good.test", hello("203.0.113.2")),
                ("tls shared.good.test 443 shared.evil.test", dropped),
                ("tcp shared.good.test 443", hello("203.0.113.2"))], way)


@case()
def egress_by_name_opens_no_metadata_service(box):
    metadata = "169.254.169.254"
    with World(box, addresses=(*ADDRESSES, metadata)) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, "80@" + metadata)
        for way in WAYS:
            closed = [("tcp link.good.test 80 link.good.test", "ECONNREFUSED"), ("udp link.good.test 80", "ECONNREFUSED")]
            check(world, "*.good.test", closed, way)
            check(world, "*.good.test," + metadata, [(wish, hello(metadata)) for wish, _ in closed], way)


SPEAKS_FIRST = r"""
import socket, threading
listener = socket.create_server(("203.0.113.1", 25))
print("serving", flush=True)
while True:
    conn = listener.accept()[0]
    conn.sendall(b"220 mail\r\n")
    conn.recv(100)
"""


@case()
def egress_lets_a_server_speak_first(box):
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(SPEAKS_FIRST)
        for way in WAYS:
            check(world, "good.test", [("hears good.test 25", "220 mail")], way)


@case()
def egress_carries_much_both_ways_once_it_is_allowed(box):
    script = r"""
import hashlib, socket, sys
q = b"\0\7\1\0\0\1\0\0\0\0\0\0\4good\4test\0\0\1\0\1"
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(20)
    s.connect(("10.88.0.1", 53))
    s.send(q)
    s.recv(500)
with socket.create_connection(("203.0.113.1", 99), timeout=30) as s:
    s.sendall(b"GET / HTTP/1.1\r\nHost: good.test\r\n\r\n" + b"x" * 3000000)
    s.shutdown(socket.SHUT_WR)
    n = 0
    while True:
        data = s.recv(1 << 16)
        if not data:
            break
        n += len(data)
print(n)
"""
    echo = r"""
import socket, threading
listener = socket.create_server(("203.0.113.1", 99))
print("serving", flush=True)
def one(conn):
    with conn:
        while True:
            data = conn.recv(1 << 16)
            if not data:
                return
            conn.sendall(data)
while True:
    threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()
"""
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(echo)
        for way in WAYS:
            folder = box.folder("log" + str(len(way)))
            out = world.member(script, options=("--egress", "good.test", "--log", folder), env=way)
            expect(out.strip() == "3000035", way, out)
            def ended():
                with open(os.path.join(folder, "connections-bridge.0"), encoding="ascii") as f:
                    lines = [json.loads(line) for line in f if line.endswith("\n")]
                return [line for line in lines if "end" in line]

            # sbx-netstack hears of the member's end when net_member has gone
            ends = wait_for(ended, "the end of the connection in the log")
            expect(len(ends) == 1 and ends[0]["sent"] == 3000035 and ends[0]["received"] == 3000035, way, ends)


def wget(world, *options, url):
    """What busybox's wget says in a new container."""
    return world.sbx("run", "--rm", *options, "busybox", "wget", "-q", "-O-", url)


@test("overlay")
def egress_of_run_is_kept_recorded_and_listed(box):
    box.ok("pull", "-q", "busybox")
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, *PORTS)
        script = "wget -q -O- http://good.test/; wget -q -O- http://203.0.113.3/; wget -q -O- http://evil.test/; true"
        out = world.ok("run", "--name", "c1", "--egress", "good.test:80", "busybox", "sh", "-c", script)
        expect("hello from 203.0.113.1" in out and "203.0.113.3" not in out, out)
        rows = [json.loads(line) for line in world.ok("network", "log", "--format", "json", "c1").split("\n")]
        told = {(r["Proto"], r["Name"], r["Address"], r["Verdict"]) for r in rows}
        expect({("tcp", "good.test", "203.0.113.1", "allowed"), ("tcp", "", "203.0.113.3", "refused"),
                ("dns", "evil.test", "", "refused")} <= told, told)
        expect([r["Sent"] > 10 and r["Received"] > 30 for r in rows if r["Verdict"] == "allowed"] == [True], rows)
        table = world.ok("logs", "--net", "c1")
        expect(table.split("\n")[0].split() == ["TIME", "VERDICT", "PROTO", "NAME", "ADDRESS", "PORT", "SENT", "RECEIVED"], table)
        expect(world.ok("network", "log", "--list", "c1") == "good.test:80")
        # it holds for the next start as well
        again = world.ok("start", "-a", "c1")
        expect("hello from 203.0.113.1" in again and "203.0.113.3" not in again, again)
        world.ok("run", "--name", "c2", "--egress", "learn", "busybox", "sh", "-c", script)
        expect(set(world.ok("network", "log", "--list", "c2").split(",")) == {"good.test:80", "evil.test:80", "203.0.113.3:80"} or
               set(world.ok("network", "log", "--list", "c2").split(",")) == {"good.test:80", "evil.test:80"},
               world.ok("network", "log", "c2"))
        world.ok("rm", "c1", "c2")


@test("overlay")
def names_in_the_log_do_not_speak_to_the_terminal(box):
    box.ok("pull", "-q", "busybox")
    with World(box) as world:
        ask = 'printf "\\000\\034\\022\\064\\001\\000\\000\\001\\000\\000\\000\\000\\000\\000\\005a\\033[2J\\004test\\000\\000\\001\\000\\001" | nc -w 5 10.88.0.1 53 | head -c 4 | wc -c'
        result = world.sbx("run", "--name", "c", "--egress", "good.test", "busybox", "sh", "-c", ask)
        expect(result.out.strip() == "4", result)
        log = world.ok("network", "log", "c")
        expect("a?[2J.test" in log and "\x1b" not in log, log)
        world.ok("rm", "c")


@test("overlay")
def a_report_tells_each_connection_of_that_run_and_a_learned_policy_names_them(box):
    box.ok("pull", "-q", "busybox")
    with World(box) as world:
        world.serve(DNS, "192.0.2.53", box.path("asked"))
        world.serve(HELLO, *PORTS)
        script = "rm -f /got; wget -q -O- http://good.test/; ((echo hi; sleep 100) | nc 203.0.113.3 80 >/got) & until [ -s /got ]; do true; done"
        result = world.sbx("run", "--name", "c", "--report", "busybox", "sh", "-c", script)
        expect(result.code == 0 and "Connections (2)" in result.err and "good.test:80" in result.err, result)
        doc = json.loads(world.ok("report", "--format", "json", "c"))
        told = [(c["proto"], c["name"], c["address"], c["port"], c["verdict"]) for c in doc["connections"]]
        expect(told == [("tcp", "good.test", "203.0.113.1", 80, "allowed"), ("tcp", "", "203.0.113.3", 80, "allowed")], told)
        # the second one was open when its container ended: its bytes are told all the same
        expect([c["received"] > 30 and c["end"] != "" for c in doc["connections"]] == [True, True], doc["connections"])
        world.ok("start", "-a", "c")  # each run has a report of its own
        expect(len(json.loads(world.ok("report", "--format", "json", "c"))["connections"]) == 2)
        for options, want in ((["--egress", "none"], []), (["--network", "none"], []), (["--network", "host"], None)):
            world.sbx("run", "--replace", "--name", "d", "--report", *options, "busybox", "true")
            doc = json.loads(world.ok("report", "--format", "json", "d"))
            expect(doc.get("connections") == want and ("connectionsError" in doc) == (want is None), doc)
        policy = box.path("learned.json")
        world.ok("run", "--rm", "--policy-learn", policy, "busybox", "wget", "-q", "-O-", "http://good.test/")
        with open(policy, encoding="ascii") as f:
            expect(json.load(f)["network"] == {"egress": ["good.test:80"]})
        expect("hello" in wget(world, "--policy", policy, url="http://good.test/").out)
        expect(wget(world, "--policy", policy, url="http://203.0.113.3/").code != 0)


@test("overlay")
def egress_of_a_network_holds_for_everybody_on_it_and_both_must_allow(box):
    box.ok("pull", "-q", "busybox")
    with World(box) as world:
        world.serve(HELLO, *PORTS)
        world.ok("network", "create", "--egress", "203.0.113.1,203.0.113.2", "lab")
        one, two = "http://203.0.113.1/", "http://203.0.113.2/"
        expect(wget(world, "--network", "lab", url=one).code == 0)
        expect(wget(world, "--network", "lab", url="http://203.0.113.3/").code != 0)
        expect(wget(world, "--network", "lab", "--egress", "203.0.113.2,203.0.113.3", url=two).code == 0)
        expect(wget(world, "--network", "lab", "--egress", "203.0.113.2,203.0.113.3", url=one).code != 0)
        expect(wget(world, "--network", "lab", "--egress", "all", url="http://203.0.113.3/").code != 0)


@test("overlay")
def egress_has_no_way_around_by_other_networks_or_shared_ones(box):
    box.ok("pull", "-q", "busybox")
    with World(box) as world:
        world.serve(HELLO, *PORTS)
        world.ok("network", "create", "other")
        world.ok("run", "-d", "--name", "c1", "--egress", "203.0.113.1", "busybox", "sleep", "1000")
        ask = "wget -q -O- http://203.0.113.%d/"
        expect(world.sbx("exec", "c1", "sh", "-c", ask % 1).code == 0)
        # the network that is connected when there is no other has the default route
        world.ok("network", "disconnect", "bridge", "c1")
        world.ok("network", "connect", "other", "c1")
        expect(world.sbx("exec", "c1", "sh", "-c", ask % 1).code == 0)
        expect(world.sbx("exec", "c1", "sh", "-c", ask % 3).code != 0)
        # who shares its network has its rules, and cannot choose others
        shared = world.sbx("run", "--rm", "--network", "container:c1", "busybox", "sh", "-c", ask % 3)
        expect(shared.code != 0 and "hello" not in shared.out, shared)
        for mode in ("container:c1", "host"):
            refused = world.sbx("run", "--rm", "--network", mode, "--egress", "none", "busybox", "true")
            expect(refused.code == 125 and "conflicting options: --egress and the network mode" in refused.err, refused)
        world.ok("rm", "-f", "c1")


@test("overlay")
def egress_comes_from_policies_and_wrong_lists_are_told(box):
    box.ok("pull", "-q", "busybox")
    policy = box.file("p.json", json.dumps({"sbxPolicy": 1, "extends": "default", "network": {"egress": ["203.0.113.1:80"]}}))
    closed = box.file("closed.json", json.dumps({"sbxPolicy": 1, "extends": "default", "network": {"egress": []}}))
    with World(box) as world:
        world.serve(HELLO, *PORTS)
        expect(wget(world, "--policy", policy, url="http://203.0.113.1/").code == 0)
        expect(wget(world, "--policy", policy, url="http://203.0.113.2/").code != 0)
        expect(wget(world, "--policy", closed, url="http://203.0.113.1/").code != 0)
        expect(wget(world, "--policy", closed, "--egress", "203.0.113.2", url="http://203.0.113.2/").code == 0)
    for bad in ("", "a..b/c", "good.test,", "1.2.3.4/99"):
        result = box.sbx("create", "--egress", bad, "busybox")
        expect(result.code == 125 and "--egress" in result.err, result)
        expect(box.sbx("network", "create", "--egress", bad, "n1").code == 125)
    box.ok("create", "--name", "c1", "busybox")
    result = box.sbx("network", "log", "c1")
    expect(result.code == 1 and "--egress" in result.err, result)


if __name__ == "__main__":
    main()
