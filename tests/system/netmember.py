#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Members of a network without containers (net_member), and servers to talk to."""

import contextlib
import os
import socket
import subprocess
import threading

from sbxtest import SBX, USER, Skip, become_user, expect, test

NET_MEMBER = os.path.join(os.path.dirname(os.path.abspath(SBX)), "net_member")

# Runs inside members: echoes TCP with a greeting that names the peer it sees, and UDP with that name behind.
ECHO = r"""
import socket, sys, threading
port, bind = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "0.0.0.0"
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((bind, port))
def answer():
    while True:
        data, peer = udp.recvfrom(65535)
        udp.sendto(data + b" seen from " + peer[0].encode(), peer)
def serve(conn, peer):
    with conn:
        conn.sendall(("seen from %s\n" % peer[0]).encode())
        total = 0
        while True:
            try:
                data = conn.recv(1 << 18)
            except ConnectionResetError:
                print("reset", flush=True)
                return
            if not data:
                break
            total += len(data)
            conn.sendall(data)
        conn.sendall(b"total %d\n" % total)
listener = socket.create_server((bind, port), backlog=4096)
threading.Thread(target=answer, daemon=True).start()
print("serving", flush=True)
while True:
    conn, peer = listener.accept()
    threading.Thread(target=serve, args=(conn, peer), daemon=True).start()
"""


def case(seconds=60):
    """A test of the network's helper, which knows no storage drivers."""
    return test("overlay", seconds=seconds)


def host_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        with contextlib.suppress(OSError):
            s.connect(("198.51.100.1", 9))
            address = s.getsockname()[0]
            if not address.startswith("127."):
                return address
    raise Skip("this machine has no address but loopback")


class Member:
    """A member of box's network and the program in it."""

    def __init__(self, box, *argv, ports=(), network="bridge"):
        options = [word for port in ports for word in ("-p", port)]
        self.child = subprocess.Popen([NET_MEMBER, box.env["SBX_RUNROOT"], network, *options, "--", *argv],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env=box.env, cwd=box.top, preexec_fn=become_user)
        box.children.append(self.child)
        words = self.line().split()
        if words[:1] != ["member"]:
            raise AssertionError("no member: " + self.child.stderr.read())
        self.address, self.gateway, self.host = words[1:4]
        self.ports = [int(word) for word in words[4:]]

    def line(self):
        """Byte by byte: what a buffer would take with it, communicate() would not see."""
        line = b""
        while not line.endswith(b"\n"):
            byte = os.read(self.child.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
        return line.decode().rstrip("\n")

    def end(self):
        """Waits; what it printed, and its status."""
        out, err = self.child.communicate(timeout=30)
        return out, err, self.child.returncode

    def kill(self):
        self.child.kill()
        self.child.wait()


def echo_member(box, port=9000, ports=(), bind="0.0.0.0", network="bridge"):
    member = Member(box, "python3", "-c", ECHO, str(port), bind, ports=ports, network=network)
    expect(member.line() == "serving", "the server inside did not start")
    return member


def inside(box, script, *args, ports=(), network="bridge"):
    """Output of a Python script in a new member; it must succeed."""
    member = Member(box, "python3", "-c", script, *args, ports=ports, network=network)
    out, err, code = member.end()
    expect(code == 0, "status %d" % code, out, err)
    return out


def connect(port, address="127.0.0.1", seconds=5):
    return socket.create_connection((address, port), timeout=seconds)


def read_all(conn):
    parts = []
    while True:
        data = conn.recv(1 << 18)
        if not data:
            return b"".join(parts)
        parts.append(data)


def refused(port, address="127.0.0.1"):
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError), connect(port, address):
        return False
    return True


def netstack_pids(box):
    """The networks' processes and their relays that were started since this box began, by its user: others on the machine
    run the same program. They cannot be looked into, so by what stat and status tell."""
    pids, tick = [], os.sysconf("SC_CLK_TCK")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/cmdline" % pid, "rb") as cmdline, \
                open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as stat, \
                open("/proc/%s/status" % pid, encoding="utf-8", errors="replace") as status:
            started = int(stat.read().rpartition(")")[2].split()[19]) / tick
            uid = int(status.read().split("\nUid:")[1].split()[0])
            if b"sbx-netstack" in cmdline.read().split(b"\0")[0] and uid == USER.pw_uid and started >= box.begun - 1 / tick:
                pids.append(int(pid))
    return pids


@contextlib.contextmanager
def echo_server(address):
    """On the host: TCP and UDP on one port."""
    with contextlib.ExitStack() as stack:
        for _ in range(100):  # the port that TCP was given may be somebody's over UDP
            tcp, udp = socket.create_server((address, 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
                break
            except OSError:
                tcp.close()
                udp.close()
        stack.enter_context(tcp)
        stack.enter_context(udp)

        def serve_udp():
            with contextlib.suppress(OSError):
                while True:
                    data, peer = udp.recvfrom(65535)
                    udp.sendto(data[::-1], peer)

        def serve(conn):
            with conn, contextlib.suppress(OSError):
                total = 0
                while True:
                    data = conn.recv(1 << 18)
                    if not data:
                        break
                    total += len(data)
                    conn.sendall(data)
                conn.sendall(b"total %d" % total)

        def serve_tcp():
            with contextlib.suppress(OSError):
                while True:
                    conn = tcp.accept()[0]
                    threading.Thread(target=serve, args=(conn,), daemon=True).start()

        for target in (serve_udp, serve_tcp):
            threading.Thread(target=target, daemon=True).start()
        yield tcp.getsockname()[1]
        with contextlib.suppress(OSError):
            tcp.shutdown(socket.SHUT_RDWR)
