# SPDX-License-Identifier: Apache-2.0
"""A host of its own for one test: a network namespace whose addresses, resolvers and servers the test decides. Its root is
the test user, in a user namespace of one id; no real root is needed.

    with World(box) as world:
        world.serve(DNS, "192.0.2.53", json)       # as root inside, until the test ends
        world.run("sbx", "run", …)                 # as the test user inside
"""

import os
import shutil
import subprocess

from sbxtest import SBX, Result, Skip, TEST_SECONDS, become_user, expect

NET_MEMBER = os.path.join(os.path.dirname(os.path.abspath(SBX)), "net_member")
ADDRESSES = ("192.0.2.10", "198.51.100.1", "203.0.113.1", "203.0.113.2", "203.0.113.3")

# Answers every name under good.test, evil.test and big.test: an address for each, the same for all of shared.*. What is
# asked is written to a file. argv: ADDRESS LOGFILE [mode]
DNS = r"""
import socket, struct, sys, threading
address, log, mode = sys.argv[1], sys.argv[2], (sys.argv[3:] or ["ok"])[0]
KNOWN = {"good.test": "203.0.113.1", "shared.good.test": "203.0.113.2", "shared.evil.test": "203.0.113.2",
         "evil.test": "203.0.113.3", "www.good.test": "203.0.113.1", "link.good.test": "169.254.169.254"}
def name_of(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode())
        at += 1 + q[at]
    return ".".join(labels), at + 5
def reply(q, tcp):
    name, end = name_of(q)
    with open(log, "a") as f:
        f.write("%s %s\n" % ("tcp" if tcp else "udp", name))
    kind = struct.unpack(">H", q[end - 4:end - 2])[0]
    head = q[:2] + b"\x81\x80" + q[4:6]
    question = q[12:end]
    if mode == "servfail":
        return q[:2] + b"\x81\x82" + q[4:6] + b"\0\0\0\0\0\0" + question
    if mode == "lower":
        question = question.lower()
    if name.lower() == "big.test":
        if not tcp:
            return q[:2] + b"\x83\x80" + q[4:6] + b"\0\0\0\0\0\0" + question
        text = b"".join(b"\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\xfb\xfa" + bytes([65 + i % 26]) * 250 for i in range(160))
        return head + struct.pack(">H", 160) + b"\0\0\0\0" + question + text
    if name.lower() not in KNOWN or kind != 1:
        return q[:2] + (b"\x81\x80" if name.lower() in KNOWN else b"\x81\x83") + q[4:6] + b"\0\0\0\0\0\0" + question
    return head + b"\0\1\0\0\0\0" + question + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(KNOWN[name.lower()])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, 53))
tcp = socket.create_server((address, 53))
def read(conn, n):
    data = b""
    while len(data) < n:
        part = conn.recv(n - len(data))
        if not part:
            return None
        data += part
    return data
def serve_tcp():
    while True:
        conn = tcp.accept()[0]
        with conn:
            size = read(conn, 2)
            q = size and read(conn, struct.unpack(">H", size)[0])
            if q and mode != "silent":
                r = reply(q, True)
                conn.sendall(struct.pack(">H", len(r)) + r)
threading.Thread(target=serve_tcp, daemon=True).start()
print("serving", flush=True)
while True:
    q, peer = udp.recvfrom(4096)
    if mode == "silent":
        with open(log, "a") as f:
            f.write("udp %s\n" % name_of(q)[0])
        continue
    r = reply(q, False)
    if mode == "liar":  # wrong id, wrong case, another name, no answer at all, and then the truth
        for lie in (bytes([q[0] ^ 1]) + r[1:], r[:12] + r[12:].swapcase(), r[:13] + b"x" + r[14:], b"", q, r[:7], b"\xff" * 600):
            udp.sendto(lie, peer)
    udp.sendto(r, peer)
"""

# Says on every connection and to every datagram where it arrived. argv: [PORT:]ADDRESS…
HELLO = r"""
import socket, sys, threading
def serve(listener, address):
    while True:
        conn = listener.accept()[0]
        threading.Thread(target=one, args=(conn, address), daemon=True).start()
def one(conn, address):
    with conn:
        try:
            data = conn.recv(65536)
            body = "hello from %s to %s\n" % (address, conn.getpeername()[0])
            conn.sendall(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
            while data:
                data = conn.recv(65536)
        except OSError:
            pass
def datagrams(sock, address):
    while True:
        data, peer = sock.recvfrom(65535)
        sock.sendto(b"hello from " + address.encode(), peer)
for word in sys.argv[1:]:
    port, address = word.split("@")
    threading.Thread(target=serve, args=(socket.create_server((address, int(port)), backlog=256), address), daemon=True).start()
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, int(port)))
    threading.Thread(target=datagrams, args=(udp, address), daemon=True).start()
print("serving", flush=True)
threading.Event().wait()
"""


# One line for each wish: tcp ADDRESS PORT [HOST], udp, ping, dns NAME, tls ADDRESS PORT NAME, bytes ADDRESS PORT HEX,
# drip ADDRESS PORT HOST (an HTTP request byte by byte).
REACH = r"""
import errno, os, socket, ssl, struct, sys, time
def code(e):
    return errno.errorcode.get(e.errno, str(e)) if e.errno else type(e).__name__
def read(s):
    data = s.recv(65536)
    return data.decode(errors="replace").split("\r\n\r\n")[-1].strip() if data else "end"
def address_of(name):
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return dns(name)
def question(name, kind=1):
    return os.urandom(2) + b"\1\0\0\1\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + \
        b"\0" + struct.pack(">HH", kind, 1)
def dns(name, server="10.88.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((server, 53))
        s.send(question(name))
        r = s.recv(4096)
    return socket.inet_ntoa(r[-4:]) if r[7] else "code %d" % (r[3] & 15)
def dns_tcp(name):
    q = question(name)
    with socket.create_connection(("10.88.0.1", 53), timeout=20) as s:
        s.sendall(struct.pack(">H", len(q)) + q)
        r = b""
        while len(r) < 2 or len(r) < 2 + struct.unpack(">H", r[:2])[0]:
            part = s.recv(65536)
            if not part:
                return "end"
            r += part
    return "%s %d" % (socket.inet_ntoa(r[-4:]) if r[9] else "code %d" % (r[5] & 15), len(r))
def tcp(address, port, host=None, piece=None):
    with socket.create_connection((address_of(address), int(port)), timeout=20) as s:
        data = b"hi" if host is None else ("GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host).encode()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, piece is not None)
        for at in range(0, len(data), piece or len(data)):
            s.sendall(data[at:at + (piece or len(data))])
        return read(s)
def tls(address, port, name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        hello.do_handshake()
    except ssl.SSLWantReadError:
        pass
    with socket.create_connection((address_of(address), int(port)), timeout=20) as s:
        s.sendall(outgoing.read())
        return read(s)
def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((address_of(address), int(port)))
        s.send(b"hi")
        return s.recv(100).decode()
def ping(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as s:
        s.settimeout(20)
        s.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR
        s.connect((address, 0))
        s.send(b"\x08\0\0\0\0\1\0\1data")
        return "echo" if s.recv(100)[:1] == b"\0" else "odd"
def silent(address, port):
    # a server that speaks first must be heard before the client has said anything
    with socket.create_connection((address_of(address), int(port)), timeout=20) as s:
        return s.recv(100).decode().strip()
for words in (line.split() for line in sys.argv[1].split("\n") if line.strip()):
    try:
        what = {"tcp": tcp, "udp": udp, "ping": ping, "dns": dns, "dns+": dns_tcp, "tls": tls, "hears": silent,
                "drip": lambda a, p, h: tcp(a, p, h, 7)}[words[0]]
        print(what(*words[1:]), flush=True)
    except OSError as e:
        print(code(e), flush=True)
"""


class World:
    def __init__(self, box, resolvers=("192.0.2.53",), addresses=ADDRESSES):
        self.box, self.resolvers, self.addresses = box, resolvers, addresses
        self.children = []
        if not shutil.which("ip"):
            raise Skip("needs ip, of iproute2, to set up a network namespace that is the host")

    def __enter__(self):
        self.resolv = self.box.file("resolv.conf", "".join("nameserver %s\n" % r for r in self.resolvers))
        script = "mount --bind %s /etc/resolv.conf; ip link set lo up; " % self.resolv
        script += "".join("ip addr add %s/32 dev lo; " % a for a in {*self.addresses, *self.resolvers} if not a.startswith("127."))
        # a sysctl of the namespace: users may ping
        script += "echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range 2>/dev/null || true; echo $$; exec cat"
        self.holder = self.start(["unshare", "-U", "-r", "-m", "-n", "--propagation", "private", "sh", "-ec", script],
                                 stdin=subprocess.PIPE, preexec_fn=become_user)
        self.pid = self.holder.stdout.readline().strip()
        expect(self.pid.isdigit(), "no world: %s" % self.pid)
        return self

    def start(self, argv, **more):
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=self.box.top, **more)
        self.children.append(child)
        return child

    def inside(self, argv):
        """argv in this world, as who is root in it."""
        return ["nsenter", "-t", self.pid, "-U", "-n", "-m", "--preserve-credentials", "--wd=" + self.box.top, *argv]

    def serve(self, script, *args):
        """A server as root; it has said that it serves."""
        # it ends with its standard input, which is ours
        head = "import os as o, sys as s, threading as t\nt.Thread(target=lambda: (s.stdin.read(), o._exit(0)), daemon=True).start()\n"
        child = self.start(self.inside(["python3", "-c", head + script, *args]), stdin=subprocess.PIPE, preexec_fn=become_user)
        line = child.stdout.readline()
        expect(line == "serving\n", "the server did not start", line)
        return child

    def run(self, *argv, env=None, seconds=TEST_SECONDS):
        child = subprocess.run(self.inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=dict(self.box.env, **(env or {})), preexec_fn=become_user, timeout=seconds, check=False)
        return Result(["(world)", *argv], child.returncode, child.stdout.decode(errors="replace"),
                      child.stderr.decode(errors="replace"))

    def sbx(self, *args, **more):
        # there is one id in this world to give to containers
        return self.run(SBX, *args, **dict(more, env=dict(more.get("env") or {}, SBX_USERNS="single")))

    def ok(self, *args, **more):
        result = self.sbx(*args, **more)
        expect(result.code == 0, result)
        return result.out[:-1] if result.out.endswith("\n") else result.out

    def member(self, script, *args, options=(), env=None):
        """Output of a Python script in a new member of the default network; it must succeed."""
        result = self.run(NET_MEMBER, self.box.env["SBX_RUNROOT"], "bridge", *options, "--", "python3", "-c", script, *args, env=env)
        expect(result.code == 0, result)
        return result.out.split("\n", 1)[1]

    def begin_member(self, script, *args, options=(), env=None):
        """The same, still running; its standard input and output are the caller's."""
        argv = [NET_MEMBER, self.box.env["SBX_RUNROOT"], "bridge", *options, "--", "python3", "-c", script, *args]
        child = self.start(self.inside(argv), stdin=subprocess.PIPE, preexec_fn=become_user,
                           env=dict(self.box.env, **(env or {})))
        expect(child.stdout.readline().startswith("member "), "no member")
        return child

    def __exit__(self, *what):
        for child in reversed(self.children):
            if child.stdin:
                child.stdin.close()
            try:
                child.wait(timeout=10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()
