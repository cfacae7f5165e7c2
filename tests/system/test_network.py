#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Networks: acceptance rows 119 to 122."""

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
def row_119_search_domains_and_options_are_set(box):
    out = box.ok("run", "--rm", "--dns-search", "lab.example", "--dns-option", "ndots:2", "--dns-opt", "timeout:1", "busybox",
                 "cat", "/etc/resolv.conf")
    host = box.ok("run", "--rm", "--network", "host", "--dns-search", "lab.example", "busybox", "cat", "/etc/resolv.conf")
    with open("/etc/resolv.conf", encoding="ascii") as f:
        servers = re.findall("(?m)^nameserver .*", f.read())
    expect(re.findall("(?m)^nameserver .*", host) == servers and "search lab.example" in host, host)
    expect("search lab.example\n" in out and "options ndots:2 timeout:1\n" in out and re.search("^nameserver ", out, re.M), out)


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
def rows_90_120_host_is_the_hosts_network(box):
    expect(box.ok("run", "--rm", "--network", "host", "busybox", "readlink", "/proc/self/ns/net") ==
           os.readlink("/proc/self/ns/net"))
    expect(box.ok("run", "--rm", "--net=host", "busybox", "echo", "x") == "x")


@test("overlay")
def rows_90_120_host_ignores_published_ports_and_says_so(box):
    result = box.sbx("run", "--rm", "--network", "host", "-p", "%d:80" % free_port(), "busybox", "true")
    expect(result.code == 0 and re.search("published ports are discarded|ignored", result.err, re.I), result)


@test("overlay")
def rows_90_120_host_serves_on_the_hosts_loopback(box):
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


SHARED = "readlink /proc/self/ns/net; readlink /proc/self/ns/user; hostname; stat -c %i /etc/hosts /etc/resolv.conf /etc/hostname"


@test()
def row_122_container_shares_network_and_files(box):
    port = free_port()
    first = box.ok("run", "-d", "--name", "c1", "-p", "%d:80" % port, "busybox", "sleep", "1000")
    box.ok("run", "-d", "--name", "c2", "--network", "container:c1", "busybox",
           "nc", "-ll", "-p", "80", "-e", "echo", "hello")
    expect(box.ok("exec", "c2", "sh", "-c", SHARED) == box.ok("exec", "c1", "sh", "-c", SHARED))
    for name in ("pid", "mnt", "ipc", "uts", "cgroup"):
        kind = "readlink /proc/self/ns/" + name
        expect(box.ok("exec", "c2", *kind.split()) != box.ok("exec", "c1", *kind.split()), name)

    def ask():
        return box.sbx("exec", "c1", "nc", "127.0.0.1", "80").out.strip() == "hello"

    wait_for(ask, "the server of c2 on c1's loopback")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        expect(s.recv(10) == b"hello\n", "published by c1, served by c2")
    expect(box.ok("inspect", "-f", "{{.HostConfig.NetworkMode}}", "c2") == "container:" + first)
    expect("sysfs on /sys " in box.ok("exec", "c2", "mount") and "eth0" in box.ok("exec", "c2", "ls", "/sys/class/net"))
    # a third one through the second, after the first record is gone
    box.ok("rm", "-f", "c1")
    box.ok("run", "--rm", "--net=container:c2", "busybox", "sh", "-c", "echo hi | grep hi; nc 127.0.0.1 80 | grep hello")
    expect(box.ok("exec", "c2", "sh", "-c", SHARED) ==
           box.ok("run", "--rm", "--net=container:c2", "busybox", "sh", "-c", SHARED))


@test("overlay")
def row_122_what_the_other_container_fixes_is_refused(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "1000")
    for option, words in (("-p=%d:80" % free_port(), "port publishing and the container type network mode"),
                          ("-P", "port publishing and the container type network mode"),
                          ("--hostname=x", "hostname and the network mode"),
                          ("--dns=9.9.9.9", "dns and the network mode"),
                          ("--add-host=a:1.2.3.4", "custom host-to-IP mapping and the network mode")):
        box.fails(125, "run", "--rm", "--network", "container:c1", option, "busybox", "true", says="conflicting options: " + words)
    box.fails(125, "run", "--rm", "--network", "container:nosuch", "busybox", "true", says="No such container: nosuch")
    expect(len(box.ok("ps", "-aq").split()) == 1, "a refused container left something")


@test("overlay", "fuse")
def row_122_the_other_container_must_run_and_may_restart(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "1000")
    box.ok("run", "-d", "--name", "c2", "--network", "container:c1", "busybox", "sleep", "1000")
    box.ok("stop", "-t", "0", "c1")
    expect(box.ok("exec", "c2", "cat", "/sys/class/net/lo/operstate") == "unknown", "c2 keeps its loopback")
    box.ok("stop", "-t", "0", "c2")
    box.fails(1, "start", "c2", says="cannot join network of a non running container")
    box.ok("start", "c1")
    box.ok("start", "c2")
    expect(box.ok("exec", "c2", "sh", "-c", SHARED) == box.ok("exec", "c1", "sh", "-c", SHARED))
    expect("eth0" in box.ok("exec", "c2", "ls", "/sys/class/net"))


@test("overlay")
def row_122_host_and_none_can_be_shared(box):
    box.ok("run", "-d", "--name", "h", "--network", "host", "busybox", "sleep", "1000")
    expect(box.ok("run", "--rm", "--network", "container:h", "busybox", "readlink", "/proc/self/ns/net") ==
           os.readlink("/proc/self/ns/net"))
    box.ok("run", "-d", "--name", "n", "--network", "none", "busybox", "sleep", "1000")
    expect(box.ok("run", "--rm", "--network", "container:n", "busybox", "ls", "/sys/class/net") == "lo")


@test("overlay")
def row_122_other_user_ids_are_not_mixed(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sleep", "1000")
    if len(box.ok("exec", "c1", "cat", "/proc/self/uid_map").split("\n")) < 2:
        raise Skip("this user has no subordinate ids")
    box.env["SBX_USERNS"] = "single"
    box.fails(125, "run", "--rm", "--network", "container:c1", "busybox", "true", says="maps other user ids")


@test("overlay")
def an_unknown_network_is_125(box):
    box.fails(125, "run", "--rm", "--network", "nosuchnet", "busybox", "true", says="network nosuchnet not found")


if __name__ == "__main__":
    main()
