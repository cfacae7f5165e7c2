#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Whom a published port shows to the program inside, and whom the world sees; with a second host made of network
namespaces (an unprivileged user can make them: no root). Threat N02, rows 30 and 86."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys

from netmember import ECHO, NET_MEMBER, Member, case, connect, echo_member, host_address, inside, read_all
from sbxtest import Skip, become_user, expect, free_port, main

# As root of a user namespace: "near" is the host that runs the member, "far" another one behind a wire, with a
# second address that only a route leads to. Prints what the others saw, one word a line.
TWO_HOSTS = r"""
import os, signal, socket, subprocess, sys, time
member_bin, runroot, port, echo = sys.argv[1:5]
def run(*argv):
    subprocess.run(argv, check=True)
far = subprocess.Popen(["unshare", "-n", "sleep", "60"])
try:
    while os.readlink("/proc/%d/ns/net" % far.pid) == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    there = ["nsenter", "-t", str(far.pid), "-n"]
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    for words in ("addr add 203.0.113.1/24 dev near", "-6 addr add 2001:db8::1/64 dev near nodad", "link set near up",
                  "route add 198.51.100.0/24 via 203.0.113.2"):
        run("ip", *words.split())
    for words in ("link set lo up", "addr add 203.0.113.2/24 dev far", "-6 addr add 2001:db8::2/64 dev far nodad",
                  "addr add 198.51.100.77/32 dev lo", "link set far up"):
        run(*there, "ip", *words.split())
    server = subprocess.Popen([member_bin, runroot, "bridge", "-p", port + ":9000", "-p", port + ":9000/udp", "--", "python3", "-c", echo, "9000"],
                              stdout=subprocess.PIPE, text=True)
    words = server.stdout.readline().split()
    assert server.stdout.readline() == "serving\n"
    ask = "import socket, sys\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10, " \
          "source_address=(sys.argv[3], 0) if sys.argv[3:] else None)\nprint(s.recv(100).decode().split()[2], flush=True)"
    print("address", words[1], "gateway", words[2], flush=True)
    run(*there, "python3", "-c", ask, "203.0.113.1", port)
    run(*there, "python3", "-c", ask, "203.0.113.1", port, "198.51.100.77")
    run(*there, "python3", "-c", ask, "2001:db8::1", port)
    run("python3", "-c", ask, "127.0.0.1", port)
    run("python3", "-c", ask, "203.0.113.1", port)
    udp = "import socket, sys\nfamily = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\ns = socket.socket(family, " \
          "socket.SOCK_DGRAM)\ns.settimeout(10)\nif sys.argv[3:]:\n    s.bind((sys.argv[3], int(sys.argv[4])))\n" \
          "s.connect((sys.argv[1], int(sys.argv[2])))\nfor i in range(3):\n    s.send(b'%d' % i)\n    heard = s.recv(100).decode().split()\n" \
          "    assert heard[0] == str(i)\nprint('udp', heard[3], flush=True)"
    run(*there, "python3", "-c", udp, "203.0.113.1", port)
    run(*there, "python3", "-c", udp, "203.0.113.1", port, "203.0.113.2", "9000")  # a port that is taken inside
    run(*there, "python3", "-c", udp, "203.0.113.1", port, "198.51.100.77", "0")
    run(*there, "python3", "-c", udp, "2001:db8::1", port)
    run("python3", "-c", udp, "127.0.0.1", port)
    run("python3", "-c", udp, "203.0.113.1", port)
    hold = "import socket, sys\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)\ns.recv(100)\n" \
           "print(s.getsockname()[1], flush=True)\nsys.stdin.read()"
    for lead in (there, []):
        with subprocess.Popen([*lead, "python3", "-c", hold, "203.0.113.1", port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            state = subprocess.run(["ss", "-tinH", "sport = :%s and dport = :%s" % (port, client.stdout.readline().strip())], check=True,
                                   stdout=subprocess.PIPE, text=True).stdout
            paced = [word for word in state.split() if word in ("reno", "cubic", "bbr", "bbr2", "bbr3")]
            print("control", *(paced or ["unknown"]), flush=True)
            client.stdin.close()
    print("own", open("/proc/sys/net/ipv4/tcp_congestion_control").read().strip(), flush=True)
    outside = subprocess.Popen([*there, "python3", "-c", echo, "9001"], stdout=subprocess.PIPE, text=True)
    assert outside.stdout.readline() == "serving\n"
    for address in ("203.0.113.2", "198.51.100.77"):
        out = subprocess.run([member_bin, runroot, "bridge", "--", "python3", "-c", ask, address, "9001"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        print(out.split("\n")[1], flush=True)
    outside.kill()
    server.kill()
finally:
    far.kill()
"""


def two_hosts(box):
    if not shutil.which("ip") or not shutil.which("nsenter"):
        raise Skip("iproute2 and util-linux build the second host; one of them is missing")
    done = subprocess.run(["unshare", "-Urn", "python3", "-c", TWO_HOSTS, NET_MEMBER, box.env["SBX_RUNROOT"], str(free_port()),
                           ECHO], env=box.env, cwd=box.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          preexec_fn=become_user, check=False, timeout=50)
    if "unshare" in done.stderr and "not permitted" in done.stderr:
        raise Skip("this machine lets nobody make a user namespace by unshare(1)")
    expect(done.returncode == 0, done.stdout, done.stderr)
    words, controls, datagrams = [], [], []
    for line in done.stdout.splitlines():
        (datagrams if line.startswith("udp ") else controls if line.startswith(("control ", "own ")) else words).extend(line.split())
    return words, controls[1::2], datagrams[1::2]


def keeps_datagrams(box):
    return {f["Name"]: f["Status"] for f in json.loads(box.ok("info", "--format", "{{json .}}"))["Features"]}["client addresses"] == "yes"


@case()
def a_second_host_keeps_its_address_and_sees_the_hosts(box):
    (_, address, _, gateway, *seen), (far, near, own), datagrams = two_hosts(box)
    expect(seen == ["203.0.113.2", "198.51.100.77", gateway, gateway, "203.0.113.1", "203.0.113.1", "203.0.113.1"], address, gateway,
           seen)
    expect(datagrams == ["203.0.113.2", "203.0.113.2", "198.51.100.77", gateway, gateway, "203.0.113.1"] or not keeps_datagrams(box),
           address, gateway, datagrams)
    if own in ("reno", "cubic", "bbr", "bbr2", "bbr3"):  # others have no name that is looked for
        expect(far == own, "another machine's connection has the host's congestion control", far, own)
        expect(not near.startswith("bbr"), "one on this machine is not paced", near)


@case()
def without_foreign_sources_everybody_is_the_container_itself(box):
    box.env["SBX_NET_SLOW"] = "1"
    (_, address, _, _, *seen), _, datagrams = two_hosts(box)
    expect(datagrams == [address] * 6, address, datagrams)
    expect(seen == [address] * 5 + ["203.0.113.1"] * 2, address, seen)


@case()
def a_program_on_the_containers_loopback_is_reached_and_knows_who_came(box):
    port = free_port()
    member = echo_member(box, ports=["%d:9000" % port], bind="127.0.0.1")
    with connect(port, host_address()) as conn:
        conn.shutdown(1)
        expect(read_all(conn).startswith(b"seen from %s\n" % host_address().encode()))
    with connect(port) as conn:
        conn.shutdown(1)
        expect(read_all(conn).startswith(b"seen from %s\n" % member.gateway.encode()), "a local client is not 127.0.0.1")


@case()
def a_program_on_the_loopback_is_reached_where_nobody_keeps_an_address_as_well(box):
    """Over UDP, and where the kernel cannot keep answers inside: everybody is the container itself, nobody 127.0.0.1."""
    for slow in ("", "1"):
        if slow:
            box.env["SBX_NET_SLOW"] = "1"
        port = free_port()
        member = echo_member(box, ports=["%d:9000" % port, "%d:9000/udp" % port], bind="127.0.0.1")
        with connect(port, host_address()) as conn:
            conn.shutdown(1)
            seen = read_all(conn).split(b"\n")[0].decode()
            expect(seen == "seen from " + member.address or (not slow and seen == "seen from " + host_address()), seen)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.sendto(b"hello", ("127.0.0.1", port))
            expect(sock.recv(100) == b"hello seen from %s" % member.address.encode())
        member.kill()


@case()
def where_nobody_listens_at_all_a_client_is_reset(box):
    port = free_port()
    echo_member(box, port=9001, ports=["%d:9000" % port], bind="127.0.0.1")
    with contextlib.suppress(ConnectionResetError), connect(port) as conn:
        expect(conn.recv(1) == b"", "something answered")


@case()
def one_clients_connections_to_two_ports_are_told_apart(box):
    """The same source address and port, twice: the second gets another port inside, not the first one's data."""
    one, two = free_port(), free_port()
    echo_member(box, ports=["%d:9000" % one, "%d:9000" % two])
    conns = []
    for port in (one, two):
        conn = socket.socket()
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        conn.settimeout(5)
        conn.bind((host_address(), conns[0].getsockname()[1] if conns else 0))
        conn.connect((host_address(), port))
        conns.append(conn)
    for i, conn in enumerate(conns):
        conn.sendall(b"%d" % i)
        conn.shutdown(1)
        expect(read_all(conn).endswith(b"\n%dtotal 1\n" % i))
        conn.close()


@case()
def row_30_a_range_gives_the_first_free_port(box):
    first = free_port()
    while True:  # three in a row
        with contextlib.suppress(OSError), socket.create_server(("", first)), socket.create_server(("", first + 1)), \
                socket.create_server(("", first + 2)):
            break
        first = free_port()
    spec = "%d-%d:9000" % (first, first + 1)
    members = [echo_member(box, ports=[spec]) for _ in range(2)]
    expect([m.ports for m in members] == [[first], [first + 1]], [m.ports for m in members])
    third = subprocess.run([NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "-p", spec, "--", "true"], env=box.env, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=become_user, check=False)
    expect(third.returncode == 125 and "E-PORT-USED: all ports from %d to %d are in use" % (first, first + 1) in third.stderr, third.stderr)


@case()
def info_says_what_the_kernel_lets_a_network_have(box):
    """And says it truly: what a member meets is what was said."""
    said = {f["Name"]: f["Status"] for f in json.loads(box.ok("info", "--format", "{{json .}}"))["Features"]}
    expect("tcp redirect" in said and "client addresses" in said, said)
    port = free_port()
    member = echo_member(box, ports=["%d:9000" % port])
    with connect(port) as conn:
        seen = conn.recv(100).decode().split()[2]
    expect((seen == member.gateway) == said["client addresses"].startswith("yes"), seen, said)


@case()
def host_loopback_opens_its_ports_and_no_others(box):
    ask = "import socket, sys\nfor port in sys.argv[2:]:\n    try:\n        s = socket.create_connection((sys.argv[1], int(port)), " \
          "timeout=10)\n        print('open')\n    except OSError as e:\n        print(e.errno)\n"
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [str(s.getsockname()[1]) for s in (one, two)]
        for address in ("10.88.0.1", host_address()):
            opened = Member(box, "python3", "-c", ask, address, *ports, network="bridge:host-loopback=%s" % ports[0])
            out, err, code = opened.end()
            if "be redirected" in err:
                raise Skip("this kernel has no redirect for unprivileged namespaces")
            expect(code == 0 and out.split() == ["open", "111"], out, err)
            out = inside(box, ask, address, *ports)
            expect("open" not in out, "loopback was open to another member", out)
        out = inside(box, ask, "10.88.0.1", *ports, network="bridge:host-loopback")
        expect(out.split() == ["open", "open"], out)


if __name__ == "__main__":
    sys.exit(main())
