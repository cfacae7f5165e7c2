#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A member that floods its network with raw frames: another one is still served, sbx-netstack's memory stays small, and nobody's
neighbours are taken from them. Threats N06 and N08; issue text "hostile members"."""

import contextlib
import os
import socket
import sys

from netmember import Member, case, echo_member, echo_server, host_address, inside, netstack_pids
from sbxtest import expect, main, test

# As root of its own namespace a member may say anything: RAW makes Ethernet frames.
RAW = r"""
import fcntl, re, socket, struct, subprocess, sys
def csum(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
packet.bind(("eth0", 0))
mac = packet.getsockname()[4]
show = subprocess.run(["ip", "-4", "-o", "addr", "show", "dev", "eth0"], stdout=subprocess.PIPE, text=True, check=True).stdout
own = socket.inet_aton(re.search(r"inet ([\d.]+)/", show).group(1))
router = b"\x52\x55" + b"\x0a\x58\0\1"
def ip(dst, proto, payload):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, proto, 0, own, socket.inet_aton(dst))
    head = head[:10] + struct.pack(">H", csum(head)) + head[12:]
    return router + mac + b"\x08\x00" + head + payload
def tcp_syn(dst, sport, dport):
    seg = struct.pack(">HHIIBBHHH", sport, dport, 7, 0, 0x50, 2, 1000, 0, 0)
    pseudo = own + socket.inet_aton(dst) + struct.pack(">BBH", 0, 6, len(seg))
    return ip(dst, 6, seg[:16] + struct.pack(">H", csum(pseudo + seg)) + seg[18:])
def udp(dst, sport, dport):
    return ip(dst, 17, struct.pack(">HHHH", sport, dport, 12, 0) + b"ping")
def send(frame):
    try:
        packet.send(frame)
    except OSError:  # a full queue
        pass
"""
FLOOD = RAW + r"""
kind, dst, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
print("flooding", flush=True)
while True:
    for sport in range(1024, 65536):
        send(tcp_syn(dst, sport, port) if kind == "syn" else udp(dst, sport, port))
"""
ASK = r"""
import socket, sys
for _ in range(5):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as s:
        s.sendall(b"x" * 1000)
        s.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            part = s.recv(4096)
            if not part:
                break
            got += part
        assert got == b"x" * 1000 + b"total 1000", got
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        for _ in range(20):
            s.sendto(b"ab", (sys.argv[1], int(sys.argv[2])))
            try:
                assert s.recv(10) == b"ba"
                break
            except TimeoutError:
                pass
        else:
            raise SystemExit("no answer over UDP")
print("served")
"""


# MB; the address sanitizer keeps 256 of what was freed.
LIMIT = 640 if "ASAN_OPTIONS" in os.environ else 128


def memory(pids):
    """Of the largest, in MB; who has ended has none."""
    sizes = [0]
    for pid in pids:
        with contextlib.suppress(OSError), open("/proc/%d/status" % pid, encoding="utf-8") as f:
            sizes += [int(line.split()[1]) // 1024 for line in f if line.startswith("VmRSS:")]
    return max(sizes)


def survives(box, kind, dst, port, server):
    before = set(netstack_pids(box))
    flooder = Member(box, "python3", "-c", FLOOD, kind, dst, str(port))
    expect(flooder.line() == "flooding")
    expect(inside(box, ASK, *server) == "served\n")
    size = memory(pid for pid in netstack_pids(box) if pid not in before)
    expect(0 < size < LIMIT, "sbx-netstack has %d MB" % size)
    flooder.kill()
    expect(inside(box, ASK, *server) == "served\n")


@case(seconds=100)
def a_member_that_floods_with_syns_leaves_the_others_their_share(box):
    address = host_address()
    with echo_server(address) as port, socket.create_server((address, 0), backlog=0) as never:
        survives(box, "syn", address, never.getsockname()[1], (address, str(port)))


@case(seconds=100)
def a_member_with_a_udp_flow_of_every_port_leaves_the_others_their_share(box):
    address = host_address()
    with echo_server(address) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as never:
        never.bind((address, 0))
        survives(box, "udp", address, never.getsockname()[1], (address, str(port)))


# Opens connections to somebody who sends without end, and reads of none of them. argv: ADDRESS PORT COUNT
NEVER_READS = r"""
import signal, socket, sys
conns = []
for _ in range(int(sys.argv[3])):
    conns.append(socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20))
print("deaf", flush=True)
signal.pause()
"""


def never_reads(box, count):
    """Another member is served as before, and what is kept for who never reads has a bound."""
    address, before = host_address(), set(netstack_pids(box))
    with echo_server(address) as port, socket.create_server((address, 0), backlog=256) as talker, contextlib.ExitStack() as stack:
        deaf = Member(box, "python3", "-c", NEVER_READS, address, str(talker.getsockname()[1]), str(count))
        sent, chunk = 0, b"x" * 65536
        conns = []
        for _ in range(count):
            conns.append(stack.enter_context(talker.accept()[0]))
            conns[-1].setblocking(False)
        expect(deaf.line() == "deaf")
        while True:  # until nobody takes more
            more = 0
            for conn in conns:
                with contextlib.suppress(BlockingIOError):
                    more += conn.send(chunk)
            sent += more
            if not more:
                break
        expect(sent > 0 and inside(box, ASK, address, str(port)) == "served\n")
        size = memory(pid for pid in netstack_pids(box) if pid not in before)
        expect(0 < size < LIMIT, "sbx-netstack has %d MB" % size)
        deaf.kill()


@case(seconds=100)
def a_member_that_never_reads_spares_the_others_on_the_fast_way(box):
    never_reads(box, 10)


@case(seconds=100)
def a_member_that_never_reads_spares_the_others_through_libslirp(box):
    box.env["SBX_NET_SLOW"] = "1"
    never_reads(box, 50)


@case()
def n06_a_neighbours_address_cannot_be_taken_over(box):
    """Gratuitous ARP, as a request and as an answer: the victim's packets go on to whom they went."""
    victim = echo_member(box)
    script = RAW + r"""
victim, gateway = map(socket.inet_aton, sys.argv[1:3])
for claimed in (victim, gateway):
    for op in (1, 2):
        for target in (b"\xff" * 6, b"\x02\x53" + victim):
            send(target + mac + b"\x08\x06" + struct.pack(">HHBBH6s4s6s4s", 1, 0x800, 6, 4, op, mac, claimed, target, victim))
print("lied")
"""
    expect(inside(box, script, victim.address, victim.gateway) == "lied\n")
    asked = "import socket, sys\ns = socket.create_connection((sys.argv[1], 9000), timeout=10)\nprint(s.recv(100).decode().split()[0])"
    expect(inside(box, asked, victim.address) == "seen\n")


@test("overlay")
def n08_rights_are_useless_on_the_hosts_network(box):
    run = ("run", "--rm", "--network", "host", "--cap-add", "NET_RAW", "--cap-add", "NET_ADMIN", "busybox")
    for words in (("ip", "link", "add", "sbxtest0", "type", "dummy"), ("ip", "link", "set", "lo", "mtu", "1500"), ("ip", "addr", "add", "192.0.2.9/32", "dev", "lo"),
                  ("arping", "-c", "1", "-I", "lo", "127.0.0.1")):
        result = box.sbx(*run, *words)
        expect(result.code != 0 and "permitted" in result.err, words, result)


if __name__ == "__main__":
    sys.exit(main())
