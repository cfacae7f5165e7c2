#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Networks: acceptance rows 119 to 121."""

import contextlib
import http.server
import os
import re
import socket
import threading

from sbxtest import USER, Skip, expect, free_port, main, test, wait_for


def host_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with contextlib.suppress(OSError):
            s.connect(("192.0.2.1", 9))
            address = s.getsockname()[0]
            if not address.startswith("127."):
                return address
    raise Skip("this machine has no address but loopback")


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from the host\n")

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def web_server(address):
    server = http.server.ThreadingHTTPServer((address, free_port()), Hello)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


@test()
def row_119_bridge_reaches_the_world_by_tcp(box):
    address = host_address()
    with web_server(address) as port:
        expect(box.ok("run", "--rm", "busybox", "wget", "-q", "-O-", "http://%s:%d/" % (address, port)) ==
               "hello from the host")


@test("overlay")
def row_119_bridge_reaches_the_world_by_udp(box):
    """TFTP is the UDP client that busybox has: a request one way, a block of data the other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((host_address(), 0))
        s.settimeout(20)
        client = box.start("run", "--rm", "busybox", "sh", "-c", "tftp -g -r hello -l /got %s %d && cat /got" % s.getsockname(),
                           stdout=-1)
        request, peer = s.recvfrom(1000)
        expect(request.startswith(b"\0\1hello\0"), request)
        s.sendto(b"\0\3\0\1by datagram\n", peer)
        expect(client.communicate(timeout=20)[0] == b"by datagram\n")


@test()
def row_119_bridge_has_its_own_address_and_names(box):
    out = box.ok("run", "--rm", "busybox", "sh", "-c", "ip -4 addr; echo --; ip route; echo --; cat /etc/resolv.conf /etc/hosts")
    address, route, files = out.split("--\n")
    expect(re.search(r"inet 10\.\d+\.\d+\.\d+/", address) and "lo" in address, out)
    expect(re.search(r"^default via 10\.", route, re.M), out)
    expect(re.search(r"^nameserver ", files, re.M) and re.search(r"^127\.0\.0\.1\s+localhost", files, re.M), out)


@test("overlay")
def row_119_names_are_resolved(box):
    name = socket.gethostname()
    out = box.sbx("run", "--rm", "busybox", "nslookup", "host.containers.internal")
    expect(out.code == 0 and re.search(r"Address.*10\.", out.out), name, out)


@test("overlay")
def row_119_the_hosts_loopback_stays_closed(box):
    with web_server("127.0.0.1") as port:
        gateway = box.ok("run", "--rm", "busybox", "sh", "-c", "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'")
        for address in (gateway, "127.0.0.1", "10.0.2.2"):
            result = box.sbx("run", "--rm", "busybox", "timeout", "3", "wget", "-q", "-O-", "http://%s:%d/" % (address, port))
            expect(result.code != 0 and "hello" not in result.out, address, result)


# An ordinary user's way to ping: a datagram socket of the kind ICMP.
PING = """use Socket; socket(S, PF_INET, SOCK_DGRAM, 1) or die "socket: $!\\n"; alarm 5;
    send(S, pack("C2 n3 a4", 8, 0, 0, 1, 1, "data"), 0, sockaddr_in(0, inet_aton($ARGV[0]))) or die "send: $!\\n";
    recv(S, $r, 1000, 0); print unpack("C", $r) == 0 && substr($r, 8) eq "data" ? "echo\\n" : "odd\\n";"""


@test("overlay", seconds=120)
def row_119_echo_requests_are_answered(box):
    box.ok("pull", "-q", "debian", seconds=60)
    gateway = box.ok("run", "--rm", "busybox", "sh", "-c", "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'")
    for user in ("0", "1000"):
        expect(box.ok("run", "--rm", "-u", user, "debian", "perl", "-e", PING, gateway) == "echo", user)
    with open("/proc/sys/net/ipv4/ping_group_range", encoding="ascii") as f:
        low, high = map(int, f.read().split())
    if not low <= USER.pw_gid <= high:
        raise Skip("ping_group_range of this machine does not let users send echo requests: only the gateway was asked")
    expect(box.ok("run", "--rm", "debian", "perl", "-e", PING, host_address()) == "echo")


@test()
def row_120_host_is_the_hosts_network(box):
    expect(box.ok("run", "--rm", "--network", "host", "busybox", "readlink", "/proc/self/ns/net") ==
           os.readlink("/proc/self/ns/net"))
    expect(box.ok("run", "--rm", "--net=host", "busybox", "echo", "x") == "x")


@test("overlay")
def row_120_host_ignores_published_ports_and_says_so(box):
    result = box.sbx("run", "--rm", "--network", "host", "-p", "%d:80" % free_port(), "busybox", "true")
    expect(result.code == 0 and re.search("published ports are discarded|ignored", result.err, re.I), result)


@test("overlay")
def row_120_host_serves_on_the_hosts_loopback(box):
    port = free_port()
    box.ok("run", "-d", "--network", "host", "busybox", "nc", "-ll", "-p", str(port), "-e", "echo", "hello")

    def ask():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            return s.recv(10)
        return None

    expect(wait_for(ask, "the server") == b"hello\n")


@test()
def row_121_none_has_only_loopback(box):
    out = box.ok("run", "--rm", "--network", "none", "busybox", "sh", "-c", "ls /sys/class/net; ip -o link; ip route")
    expect(re.findall(r"^\d+: (\S+?)[:@]", out, re.M) == ["lo"], out)
    expect("default" not in out, out)
    box.fails(1, "run", "--rm", "--network", "none", "busybox", "nc", "-w", "2", "192.0.2.1", "80", says="unreachable")
    expect(box.ok("run", "--rm", "--network", "none", "busybox", "sh", "-c", "(echo hi | nc -l -p 99 &); sleep 0.2; nc 127.0.0.1 99") == "hi")


@test("overlay")
def an_unknown_network_is_125(box):
    box.fails(125, "run", "--rm", "--network", "nosuchnet", "busybox", "true", says="network nosuchnet not found")


if __name__ == "__main__":
    main()
