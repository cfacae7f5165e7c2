#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The network without containers: net_member makes members as `sbx run` does, and programs in their
namespaces and on the host talk. Acceptance rows 30, 31, 119 to 121, threats N01, N02, N03, N07."""

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from netmember import NET_MEMBER, Member, case, connect, echo_member, echo_server, host_address, inside, \
    netstack_pids, read_all, refused
from sbxtest import SBX, SLOWNESS, Skip, become_user, expect, free_port, main, wait_for


@case()
def outbound_tcp_carries_bulk_both_ways_and_half_closes(box):
    script = r"""
import os, socket, sys, threading
data = os.urandom(1 << 20) * 24
conn = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
def send():
    conn.sendall(data)
    conn.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = bytearray()
while True:
    part = conn.recv(1 << 18)
    if not part:
        break
    got += part
assert got == data + b"total %d" % len(data), (len(got), got[-20:])
print("same")
"""
    address = host_address()
    with echo_server(address) as port:
        expect(inside(box, script, address, str(port)) == "same\n")


@case()
def outbound_udp_is_answered(box):
    script = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
for size in (1, 1400, 30000, 65400):
    s.sendto(b"a" * (size - 1) + b"b", (sys.argv[1], int(sys.argv[2])))
    assert s.recv(65535) == b"b" + b"a" * (size - 1), size
print("ok")
"""
    address = host_address()
    with echo_server(address) as port:
        expect(inside(box, script, address, str(port)) == "ok\n")


@case()
def the_first_datagram_of_a_network_may_be_answered_late(box):
    script = r"""
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(b"a", (sys.argv[1], int(sys.argv[2])))
print(s.recv(100))
"""
    address = host_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, 0))

        def answer():
            peer = server.recvfrom(100)[1]
            time.sleep(1.5)  # libslirp looks at its sockets every half second
            server.sendto(b"late", peer)
        threading.Thread(target=answer, daemon=True).start()
        expect(inside(box, script, address, str(server.getsockname()[1])) == "b'late'\n")


@case()
def addresses_routes_and_limits_are_set(box):
    script = "ip -4 -o addr show eth0; ip route; ip -o link show eth0; cat /proc/sys/net/ipv4/ip_unprivileged_port_start " \
             "/proc/sys/net/ipv6/conf/eth0/accept_ra /proc/sys/net/ipv4/ping_group_range"
    member = Member(box, "sh", "-c", script)
    out = member.end()[0]
    expect(re.search(r"inet %s/24 " % re.escape(member.address), out), out)
    expect("default via %s dev eth0" % member.gateway in out, out)
    expect(" mtu 65520 " in out and out.split("\n")[-4:-1] == ["0", "0", "0\t0"], out)


@case()
def none_has_only_loopback(box):
    out, err, code = Member(box, "sh", "-c", "ip -o link; ip -4 -o addr; ping -c1 -W1 127.0.0.1", network="none").end()
    expect(code == 0 and re.findall(r"^\d+: (\w+):", out, re.M) == ["lo"] and "127.0.0.1/8" in out, out, err)


@case()
def echo_requests_reach_the_gateway_and_where_allowed_the_world(box):
    path = "/proc/sys/net/ipv4/ping_group_range"
    with open(path, encoding="ascii") as f:
        before = f.read()
    if os.access(path, os.W_OK):
        with open(path, "w", encoding="ascii") as f:
            f.write("0 2147483647")
    try:
        with open(path, encoding="ascii") as f:
            allowed = f.read().split()[1] == "2147483647"
        member = Member(box, "sh", "-c", "ping -c1 -W3 $0 && ping -c1 -W3 $1", "10.88.0.1", host_address())
        expect(member.gateway == "10.88.0.1", member.gateway)
        out, err, code = member.end()
        expect(out.count("1 received") >= 1, out, err)
        if not allowed:
            raise Skip("ping_group_range of this machine is closed and only root can open it: only the gateway was asked")
        expect(code == 0, out, err)
    finally:
        if os.access(path, os.W_OK):
            with open(path, "w", encoding="ascii") as f:
                f.write(before)


DNS_SERVER = r"""
import os, socket, sys, threading, struct, time
def watch(parent=os.getppid()):  # it is another user's by then, so a death signal would not reach us
    while os.getppid() == parent:
        time.sleep(0.1)
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
def reply(q):
    return q[:2] + b"\x81\x80" + q[4:6] + b"\0\1\0\0\0\0" + q[12:q.index(b"\0", 12) + 5] + \
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([203, 0, 113, 7])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
udp.bind(("127.0.0.89", 53))
tcp = socket.create_server(("127.0.0.89", 53))
def serve_tcp():
    while True:
        conn = tcp.accept()[0]
        size = struct.unpack(">H", conn.recv(2))[0]
        r = reply(conn.recv(size))
        conn.sendall(struct.pack(">H", len(r)) + r)
        conn.close()
threading.Thread(target=serve_tcp, daemon=True).start()
open(sys.argv[1], "w").close()
while True:
    q, peer = udp.recvfrom(4096)
    udp.sendto(reply(q), peer)
"""

ASK = r"""
import socket, struct, sys
def ask(name, kind=1, tcp=False):
    q = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + \
        struct.pack(">HH", kind, 1)
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    s.settimeout(4)
    s.connect((sys.argv[1], 53))
    s.sendall(struct.pack(">H", len(q)) + q if tcp else q)
    r = s.recv(4096)
    if tcp:
        r = r[2:] or s.recv(4096)
    assert r[:2] == q[:2], r
    print(name, "tcp" if tcp else "udp", r[3] & 15, ".".join(map(str, r[-4:])) if r[7] else "-", flush=True)
for word in sys.argv[2:]:
    ask(word.lstrip("+6"), 28 if word[0] == "6" else 1, word[0] == "+")
"""


@case()
def names_are_answered_by_the_gateway_and_by_a_resolver_on_the_hosts_loopback(box):
    box.file("resolv.conf", "nameserver 127.0.0.89\n")
    ready = box.path("dns-ready")
    box.file("dns.py", DNS_SERVER)
    setup = "mount --bind %s /etc/resolv.conf; python3 %s %s >/dev/null 2>&1 & " \
            "while [ ! -e %s ]; do sleep 0.05; done" % (box.path("resolv.conf"), box.path("dns.py"), ready, ready)
    argv = [NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "--", "python3", "-c", ASK, "10.88.0.1", "example.com",
            "+example.com", "member", "6member", "0123456789ab", "host.containers.internal", "HOST.docker.internal"]
    result = box.as_root(setup, argv)
    expect(result.code == 0, result)
    lines = result.out.split("\n")
    own = lines[0].split()[1]
    expect(lines[1:8] == ["example.com udp 0 203.0.113.7", "example.com tcp 0 203.0.113.7", "member udp 0 " + own,
                          "member udp 0 -", "0123456789ab udp 0 " + own,
                          "host.containers.internal udp 0 " + host_address(),
                          "HOST.docker.internal udp 0 " + host_address()], result)


@case()
def row_30_a_published_port_is_there_as_long_as_its_member(box):
    port, other = free_port(), free_port()
    member = echo_member(box, ports=["%d:9000" % port, "127.0.0.1:%d:9000" % other, "0:9000"])
    expect(member.ports[:2] == [port, other] and member.ports[2] not in (0, port, other), member.ports)
    for address, number in (("127.0.0.1", port), (host_address(), port), ("127.0.0.1", other), ("127.0.0.1", member.ports[2])):
        with connect(number, address) as conn:
            conn.sendall(b"hi\n")
            conn.shutdown(socket.SHUT_WR)
            got = read_all(conn)
        seen = member.gateway if address == "127.0.0.1" else address
        expect(got == b"seen from %s\nhi\ntotal 3\n" % seen.encode(), got)
    expect(refused(other, host_address()), "a port on 127.0.0.1 was open on every address")
    if os.path.exists("/proc/net/if_inet6"):
        with connect(port, "::1") as conn:
            expect(conn.recv(100).startswith(b"seen from "))
    member.kill()
    wait_for(lambda: all(refused(p) for p in member.ports), "the ports to close", 2)


@case()
def n02_the_server_inside_never_sees_loopback(box):
    port = free_port()
    echo_member(box, ports=["%d:9000" % port, "%d:9000/udp" % port])
    with connect(port) as conn:
        expect(not conn.recv(100).startswith(b"seen from 127."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.sendto(b"x", ("127.0.0.1", port))
        expect(not s.recv(100).startswith(b"x seen from 127."))


@case()
def row_30_udp_is_answered_from_the_address_that_was_asked(box):
    port = free_port()
    echo_member(box, ports=["%d:9000/udp" % port])
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, host_address()), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect((address, port))  # answers from elsewhere would not arrive
            for size in (0, 1, 1400, 60000):
                s.send(b"u" * size)
                got = s.recv(65535)
                expect(got.startswith(b"u" * size + b" seen from"), address, size, got[:50])


@case()
def n03_two_clients_of_one_udp_port_get_their_own_answers(box):
    port = free_port()
    echo_member(box, ports=["%d:9000/udp" % port])
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    for i, s in enumerate(clients):
        s.settimeout(5)
        s.sendto(b"client %d" % i, ("127.0.0.1", port))
    for i, s in enumerate(clients):
        expect(s.recv(100).startswith(b"client %d seen" % i))
        s.close()


@case()
def bulk_through_a_port_is_unharmed_and_a_slow_reader_loses_nothing(box):
    port = free_port()
    echo_member(box, ports=["%d:9000" % port])
    data = os.urandom(1 << 20) * 48
    with connect(port, seconds=20) as conn:
        def send():
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        time.sleep(0.4)  # everything on the way fills up
        got = read_all(conn)
        sender.join()
    got = got[got.index(b"\n") + 1:]
    expect(got == data + b"total %d\n" % len(data), len(got))


@case()
def a_reset_is_passed_on_and_a_closed_port_inside_resets(box):
    port, closed = free_port(), free_port()
    member = echo_member(box, ports=["%d:9000" % port, "%d:9001" % closed])
    conn = connect(port)
    conn.recv(100)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()
    expect(member.line() == "reset")
    with contextlib.suppress(ConnectionResetError), connect(closed) as conn:
        expect(conn.recv(10) == b"", "data from a closed port")
        raise AssertionError("a closed port inside ended without a reset")


@case(seconds=120)
def a_thousand_idle_connections_and_short_ones_between(box):
    port = free_port()
    echo_member(box, ports=["%d:9000" % port])
    idle = []
    for _ in range(900):
        idle.append(connect(port))
    for _ in range(300):
        with connect(port) as conn:
            conn.sendall(b"short")
            conn.shutdown(socket.SHUT_WR)
            expect(read_all(conn).endswith(b"shorttotal 5\n"))
    for i, conn in enumerate(idle):
        conn.sendall(b"still %d" % i)
        conn.shutdown(socket.SHUT_WR)
    for i, conn in enumerate(idle):
        got = read_all(conn)
        expect(b"still %d" % i in got, i, got)
        conn.close()


@case(seconds=120)
def more_short_connections_than_there_are_ports_lose_nothing(box):
    """All appear inside as the gateway and are closed by their client: each leaves a port of the gateway's in TIME_WAIT."""
    tool = os.path.join(os.path.dirname(os.path.abspath(SBX)), "tests", "bench-connect")
    port = free_port()
    member = Member(box, tool, "serve", "0.0.0.0", "9000", ports=["127.0.0.1:%d:9000" % port])
    expect(member.line() == "up")
    out = subprocess.run([tool, "127.0.0.1", str(port), "30000", "16"], stdout=subprocess.PIPE, text=True, check=True, timeout=110).stdout
    expect(out.split()[1:] == ["0"], "per second, lost: " + out)


@case()
def row_31_a_port_in_use_names_its_holder(box):
    with socket.create_server(("0.0.0.0", 0)) as s:
        port = s.getsockname()[1]
        result = box.run([NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "-p", "%d:80" % port, "--", "true"])
        expect(result.code == 125 and "E-PORT-USED" in result.err and str(port) in result.err, result)
        if os.getuid() != 0:
            expect("pid %d, yours" % os.getpid() in result.err, result)
    port = free_port()
    first = echo_member(box, ports=["%d:9000" % port])
    result = box.run([NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "-p", "%d:80" % port, "--", "true"])
    expect(result.code == 125 and "held by container member" in result.err, result)
    with connect(port) as conn:
        expect(conn.recv(100).startswith(b"seen from " + first.gateway.encode()), "the first one was hurt")


@case()
def row_31_a_low_port_names_the_limit(box):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as f:
        limit = int(f.read())
    if limit <= 80:
        raise Skip("every user may listen on port 80 here")
    result = box.run([NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "-p", "80:80", "--", "true"])
    expect(result.code == 125 and "E-PORT-LOW" in result.err and "limit %d" % limit in result.err, result)


@case()
def row_124_members_reach_each_other(box):
    server = echo_member(box)
    script = r"""
import socket, sys, threading
data = b"0123456789abcdef" * (1 << 18)
conn = socket.create_connection((sys.argv[1], 9000), timeout=10)
def send():
    conn.sendall(data)
    conn.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b""
while True:
    part = conn.recv(1 << 18)
    if not part:
        break
    got += part
head, got = got.split(b"\n", 1)
assert got == data + b"total %d\n" % len(data), len(got)
print(head.decode())
"""
    member = Member(box, "python3", "-c", script, server.address)
    out, err, code = member.end()
    expect(code == 0 and out == "seen from %s\n" % member.address, out, err)


@case()
def row_86_a_port_published_on_the_host_is_reached_from_a_member(box):
    port = free_port()
    echo_member(box, ports=["%d:9000" % port])
    out = inside(box, "import socket, sys\nc = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)\n"
                 "print(c.recv(100).decode(), end='')", host_address(), str(port))
    expect(out == "seen from %s\n" % host_address(), out)


@case()
def n01_the_hosts_loopback_is_closed(box):
    script = r"""
import socket, sys
open_ones = []
for address in ("10.88.0.1", "10.88.0.254", "127.0.0.1", "0.0.0.0", "10.0.2.2", "127.0.0.2"):
    try:
        s = socket.socket()
        s.settimeout(1)
        s.connect((address, int(sys.argv[1])))
        open_ones.append(address)
    except OSError:
        pass
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(0.2)
    try:
        u.sendto(b"x", (address, int(sys.argv[1])))
        u.recv(10)
        open_ones.append("udp " + address)
    except OSError:
        pass
print(open_ones)
"""
    with echo_server("127.0.0.1") as port:
        expect(inside(box, script, str(port)) == "[]\n")


@case()
def n01_forged_frames_do_not_reach_the_hosts_loopback(box):
    """A member with raw sockets writes what its own kernel would never send: to 127.0.0.1, by way of the gateway."""
    script = r"""
import socket, struct, sys, time
gateway, own, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
def csum(b):
    s = sum(struct.unpack(">%dH" % (len(b) // 2), b))
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
mac = "0253" + socket.inet_aton(own).hex()
gw = "5255" + socket.inet_aton(gateway).hex()
def udp(dst):
    p = b"canary!!"
    u = struct.pack(">HHHH", 4000, port, 8 + len(p), 0) + p
    h = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(u), 1, 0, 64, 17, 0, socket.inet_aton(own), socket.inet_aton(dst))
    h = h[:10] + struct.pack(">H", csum(h)) + h[12:]
    return bytes.fromhex(gw) + bytes.fromhex(mac) + b"\x08\0" + h + u
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
for dst in ("127.0.0.1", "0.0.0.0", sys.argv[4]):
    s.send(udp(dst))
time.sleep(0.3)
"""
    address = host_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("0.0.0.0", 0))
        s.settimeout(1)
        member = Member(box, "python3", "-c", script, "10.88.0.1", "10.88.0.2", str(s.getsockname()[1]), address)
        expect(member.address == "10.88.0.2", member.address)
        out, err, code = member.end()
        expect(code == 0, out, err)
        seen = []
        with contextlib.suppress(TimeoutError):
            while True:
                seen.append(s.recvfrom(100)[1][0])
        expect(seen == [address], "wanted the one to the host's address only (it proves that the frames are well made)", seen)


@case()
def killing_the_network_closes_ports_and_spares_members(box):
    port = free_port()
    before = set(netstack_pids(box))
    member = echo_member(box, ports=["%d:9000" % port])
    mine = [pid for pid in netstack_pids(box) if pid not in before]
    expect(len(mine) == 2, "one network and one relay", mine)
    os.kill(min(mine), signal.SIGKILL)
    wait_for(lambda: refused(port), "the port to close", 2)
    wait_for(lambda: not [p for p in mine if os.path.exists("/proc/%d/cwd" % p) and os.path.exists("/proc/%d/fd" % p)
                          and open("/proc/%d/stat" % p, encoding="ascii").read().split(")")[1].split()[0] not in "ZX"],
             "the relay to end", 10)
    expect(member.child.poll() is None, "the member died")
    again = echo_member(box, ports=["%d:9000" % port])  # a new one takes the stale socket's place
    with connect(port) as conn:
        expect(conn.recv(100).startswith(b"seen from " + again.gateway.encode()))


def wire_version():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/network/wire.h"), encoding="utf-8") as f:
        return int(re.search(r"define WIRE_VERSION +(\d+)", f.read()).group(1))


@case()
def after_a_crash_old_members_come_before_new_ones(box):
    """The newcomer asks first, and would get the lowest free address: the old member's."""
    before = set(netstack_pids(box))
    old = echo_member(box)
    os.kill(min(pid for pid in netstack_pids(box) if pid not in before), signal.SIGKILL)
    wait_for(lambda: not [pid for pid in netstack_pids(box) if pid not in before], "the end of the network", 5)
    seen = []
    asker = threading.Thread(target=lambda: seen.append(Member(box, "true").address))
    asker.start()
    wait_for(lambda: [pid for pid in netstack_pids(box) if pid not in before], "the newcomer's network", 5)
    version = wire_version()
    wish = bytearray(9516)  # struct wire_join, without ports
    struct.pack_into("<IHH", wish, 0, 0x53425831, version, 1)
    wish[8:9], wish[73:76] = b"0", b"old"
    wish[1100:1104] = socket.inet_aton(old.address)
    struct.pack_into("<HH", wish, 1110, 1, 1)  # exactly that address; recovers
    script = "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.settimeout(10)\n" \
             "s.connect('control')\ns.send(bytes.fromhex(sys.argv[1]))\nprint(s.recv(65536)[8:12].hex(), flush=True)\nsys.stdin.read()"
    monitor = subprocess.Popen(["python3", "-c", script, wish.hex()], cwd=os.path.join(box.env["SBX_RUNROOT"], "networks/bridge"),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=become_user)
    box.children.append(monitor)
    expect(monitor.stdout.readline() == "00000000\n", "the old member was refused")
    asker.join(20)
    monitor.stdin.close()
    expect(seen and seen[0] != old.address, "the newcomer took the old member's address", seen)


@case()
def a_member_that_leaves_spares_the_others(box):
    port = free_port()
    stays = echo_member(box, ports=["%d:9000" % port])
    for _ in range(3):
        expect(inside(box, "print('left')") == "left\n")
        with connect(port) as conn:
            expect(conn.recv(100).startswith(b"seen from " + stays.gateway.encode()))


@case()
def members_that_start_together_share_one_network(box):
    children = [subprocess.Popen([NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "--", "sleep", "1"], env=box.env,
                                 stdout=subprocess.PIPE, text=True, preexec_fn=become_user) for _ in range(12)]
    box.children += children
    words = [child.stdout.readline().split() for child in children]
    expect(len({w[1] for w in words}) == 12, "addresses were given twice: there were two networks", words)
    expect([child.wait() for child in children] == [0] * 12)


@case()
def the_network_ends_after_its_last_member(box):
    expect(inside(box, "print('hi')") == "hi\n")
    control = os.path.join(box.env["SBX_RUNROOT"], "networks/bridge/control")
    expect(os.path.exists(control), "it did not wait for a successor")
    expect(os.stat(control).st_mode & 0o777 == 0o600 and os.stat(os.path.dirname(control)).st_mode & 0o777 == 0o700)
    expect(inside(box, "print('hi')") == "hi\n")
    wait_for(lambda: not os.path.exists(control), "the network to end", 6 * SLOWNESS)


@case()
def n07_nonsense_on_the_control_socket_hurts_nobody_and_other_users_are_not_heard(box):
    port = free_port()
    member = echo_member(box, ports=["%d:9000" % port])
    path = os.path.join(box.env["SBX_RUNROOT"], "networks/bridge/control")
    cases = [b"x", b"\0" * 600]
    for version in (1, wire_version()):  # another one's, and damaged ones of our own
        head = struct.pack("=IHH", 0x53425831, version, 1)
        cases += [head, head + b"\xff" * 400, head + b"\0" * 10000, head + b"\xff" * 9508, struct.pack("=IHHI", 0x53425831, version, 2, 0),
                  struct.pack("=IHHI", 0x53425831, version, 7, 0)]
    os.chdir(os.path.dirname(path))  # the path may be longer than a socket's name may be
    for case in cases:
        script = "import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.settimeout(5)\n" \
                 "s.connect('control')\ns.send(bytes.fromhex(sys.argv[1]))\nsaid = s.recv(100)\n" \
                 "sys.exit(said != b'' and (len(said) != 8 or s.recv(100) != b''))"  # another version is told ours
        child = subprocess.run(["python3", "-c", script, case.hex()], preexec_fn=become_user, check=False)
        expect(child.returncode == 0, "was not hung up on", case[:20])
    os.chdir("/")
    with connect(port) as conn:
        expect(conn.recv(100).startswith(b"seen from " + member.gateway.encode()))
    if os.getuid() == 0:
        script = "import socket\ns = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\ns.settimeout(5)\n" \
                 "s.connect(%r)\nassert s.recv(100) == b''" % ("/proc/self/cwd/control")
        child = subprocess.run(["python3", "-c", script], cwd=os.path.dirname(path), check=False)
        expect(child.returncode == 0, "root, another user, was heard")


@case()
def a_helper_that_cannot_start_is_said_with_its_own_words(box):
    folder = box.folder("elsewhere")
    member = shutil.copy(NET_MEMBER, folder)
    argv = [member, box.env["SBX_RUNROOT"], "bridge", "--", "true"]
    result = box.run(argv)
    expect(result.code == 125 and "sbx-netstack is missing" in result.err and folder in result.err, result)
    box.file("elsewhere/sbx-netstack", "#!/bin/sh\necho 'sbx-netstack: no luck today' >&2\nexit 1\n", 0o755)
    result = box.run(argv)
    expect(result.code == 125 and "could not start: sbx-netstack: no luck today" in result.err, result)
    expect(inside(box, "print('hi')") == "hi\n", "what it left was in the way of the next one")


@case()
def without_a_tun_device_the_message_says_what_to_do(box):
    argv = [NET_MEMBER, box.env["SBX_RUNROOT"], "bridge", "--", "true"]
    for setup in ("mount -t tmpfs none /dev/net", "cp -a /dev/net/tun %s/tun; chmod 600 %s/tun; chown 0:0 %s/tun; "
                  "mount --bind %s/tun /dev/net/tun" % ((box.top,) * 4)):
        result = box.as_root(setup, argv)
        expect(result.code == 125 and "E-NET-NOTUN" in result.err and "--network host" in result.err, result)
    expect(box.as_root("mount -t tmpfs none /dev/net", argv[:2] + ["none", "--", "true"]).code == 0)


if __name__ == "__main__":
    sys.exit(main())
