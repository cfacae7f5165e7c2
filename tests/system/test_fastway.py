#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The fast way out (redirect and splice): what connect(2) says inside is what it would say on the host, and the same
places are closed as through libslirp. Threats N01, N07; the cases of test_netstack.py go through it as well."""

import contextlib
import re
import shutil
import socket
import sys
import threading

from netmember import Member, case, echo_server, host_address, inside, netstack_pids
from sbxtest import Skip, expect, free_port, main, test


def need_fast_way(box):
    """The rules as the kernel reads them back; skips where it cannot have them."""
    if not shutil.which("nft"):
        raise Skip("nft, which reads the rules back, is not installed")
    # net_member's namespace maps one id to root, so nft may look
    out, err, code = Member(box, "nft", "list", "ruleset").end()
    if "redirect to :1" not in out:
        raise Skip("this kernel has no nf_tables redirect for unprivileged namespaces: libslirp carries TCP")
    expect(code == 0, out, err)
    return out


def need_queue(box):
    if "queue" not in need_fast_way(box):
        raise Skip("this kernel cannot hold packets (nfnetlink_queue): refusals come after connect()")


CONNECT = r"""
import errno, socket, sys
for word in sys.argv[1:]:
    host, port = word.rsplit(":", 1)
    s = socket.socket(socket.AF_INET)
    s.settimeout(20)
    try:
        s.connect((host, int(port)))
        print("connected")
    except OSError as e:
        print(errno.errorcode.get(e.errno, e))
"""


@case()
def what_a_container_would_see_of_the_rules_is_one_table_of_ours(box):
    out = need_fast_way(box)
    expect(re.findall(r"table (\S+ \S+)", out) == ["ip sbx"], out)


@case()
def connect_says_what_it_would_say_on_the_host(box):
    need_queue(box)
    address = host_address()
    with echo_server(address) as port:
        out = inside(box, CONNECT, "%s:%d" % (address, port), "%s:%d" % (address, free_port()))
    expect(out.split() == ["connected", "ECONNREFUSED"], out)


@case()
def a_target_without_a_route_is_unreachable_at_once(box):
    need_queue(box)
    # 240/4 is no host's; what the host's own connect() says decides
    out = inside(box, CONNECT, "240.0.0.1:80")
    expect(out.split()[0] in ("ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"), out)


@case()
def host_loopback_is_closed_on_the_fast_way(box):
    with socket.create_server(("127.0.0.1", 0)) as canary:
        port = canary.getsockname()[1]
        out = inside(box, CONNECT, "10.88.0.1:%d" % port)
        expect("connected" not in out, out)
        canary.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            canary.accept()
            expect(False, "the host's own loopback was reached")


@case()
def what_connects_to_the_listener_itself_is_refused(box):
    need_queue(box)
    address = host_address()
    with echo_server(address) as port:
        # the way out stays open before and behind it
        out = inside(box, CONNECT, "%s:%d" % (address, port), "127.0.0.1:1", "%s:%d" % (address, port))
    expect(out.split() == ["connected", "ECONNREFUSED", "connected"], out)


@case()
def many_short_connections_out_lose_nothing(box):
    address = host_address()
    with socket.create_server((address, 0), backlog=1024) as server:
        def serve():
            with contextlib.suppress(OSError):
                while True:
                    conn = server.accept()[0]
                    conn.sendall(b"x")
                    conn.close()

        threading.Thread(target=serve, daemon=True).start()
        script = r"""
import socket, sys
for i in range(2000):
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as s:
        assert s.recv(2) == b"x", i
        assert s.recv(2) == b"", i
print("all")
"""
        expect(inside(box, script, address, str(server.getsockname()[1])) == "all\n")
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


@case()
def a_reset_from_the_world_is_a_reset_inside(box):
    address = host_address()
    with socket.create_server((address, 0)) as server:
        def serve():
            conn = server.accept()[0]
            conn.recv(1)
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            conn.close()

        threading.Thread(target=serve, daemon=True).start()
        script = r"""
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
s.sendall(b"x")
try:
    print(s.recv(1))
except ConnectionResetError:
    print("reset")
"""
        expect(inside(box, script, address, str(server.getsockname()[1])) == "reset\n")


@case()
def a_reader_that_stops_stops_its_writer(box):
    """The member writes until it may not; what is held on the way is bounded, and all of it arrives."""
    address = host_address()
    with socket.create_server((address, 0)) as server:
        got = []

        def serve(go):
            conn = server.accept()[0]
            go.wait(30)
            total = 0
            while True:
                data = conn.recv(1 << 20)
                if not data:
                    break
                total += len(data)
            got.append(total)
            conn.sendall(b"done")
            conn.close()

        go = threading.Event()
        thread = threading.Thread(target=serve, args=(go,), daemon=True)
        thread.start()
        script = r"""
import select, socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
s.setblocking(False)
total = 0
while select.select([], [s], [], 1)[1]:
    total += s.send(b"x" * 65536)
print(total, flush=True)
s.setblocking(True)
s.shutdown(socket.SHUT_WR)
assert s.recv(10) == b"done"
"""
        member = Member(box, "python3", "-c", script, address, str(server.getsockname()[1]))
        held = int(member.line())
        go.set()
        expect(member.end()[2] == 0, "the member failed")
        thread.join(30)
        expect(got == [held], got, held)
        expect(held < 64 << 20, "%d bytes were held on the way" % held)


@case()
def without_it_libslirp_carries_tcp(box):
    address = host_address()
    box.env["SBX_NET_SLOW"] = "1"
    with echo_server(address) as port:
        out = inside(box, CONNECT, "%s:%d" % (address, port), "%s:%d" % (address, free_port()))
    expect(out.split() == ["connected", "ECONNREFUSED"], out)
    if shutil.which("nft"):
        expect("redirect" not in Member(box, "nft", "list", "ruleset").end()[0])


@test("overlay")
def connections_inside_are_not_paced(box):
    """They end on this machine, whatever the host uses for the world's: bbr would take two thirds of their speed."""
    read = ("busybox", "cat", "/proc/sys/net/ipv4/tcp_congestion_control")
    expect(box.ok("run", "--rm", *read) in ("cubic", "reno"))
    expect(box.ok("run", "--rm", "--sysctl", "net.ipv4.tcp_congestion_control=reno", *read) == "reno", "the option goes over it")


@case()
def ten_members_cost_their_network_less_than_8_mb(box):
    before = set(netstack_pids(box))
    members = [Member(box, "sleep", "1000") for _ in range(9)] + [Member(box, "sleep", "1000", ports=["0:80"])]
    expect(len({m.address for m in members}) == 10)
    total = 0
    for pid in set(netstack_pids(box)) - before:
        try:
            with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
                total += int(re.search(r"^Pss: +(\d+) kB", f.read(), re.M).group(1))
        except PermissionError as e:
            raise Skip("only root may look into sbx-netstack, which is not dumpable") from e
    expect(0 < total < 8192, "%d kB" % total)


if __name__ == "__main__":
    sys.exit(main())
