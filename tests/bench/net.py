# SPDX-License-Identifier: Apache-2.0
"""The rows of the wire: throughput of one TCP stream (iperf3), round trips and short connections, redis-benchmark. Each
interleaves the two sides, a second or two at a time. All ratios are "the peer's / ours" turned so that less is better.
A container's side runs in the namespaces of net_member, which does with the network what `sbx run` does, so that
both sides run the very same iperf3."""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time

PAIRS, SECONDS = 5, 2
ECHO = r"""
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=4096)
print("up", flush=True)
while True:
    c = s.accept()[0]
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        d = c.recv(65536)
        if not d:
            break
        c.sendall(d)
    c.close()
"""


def free_port():
    with socket.create_server(("", 0)) as s:
        return s.getsockname()[1]


def host_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("198.51.100.1", 9))
        return s.getsockname()[0]


class Side:
    """What has to run while one side is measured."""

    def __init__(self, world, stack):
        self.world, self.stack = world, stack

    def start(self, argv, wait_for=None, **env):
        child = subprocess.Popen(argv, env={**self.world.env, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, start_new_session=True)

        def stop():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

        self.stack.callback(stop)
        lines = []
        while wait_for:
            line = child.stdout.readline()
            lines.append(line)
            if not line:
                raise SystemExit("bench: %s ended:\n%s" % (" ".join(argv), "".join(lines)))
            if wait_for in line:
                break
        return child, lines

    def member(self, argv, *options, wait_for="member", slow=False):
        """The command in a new member; returns its address."""
        env = {"SBX_NET_SLOW": "1"} if slow else {}
        tool = os.path.join(os.path.dirname(os.path.abspath(self.world.sbx)), "net_member")
        child, lines = self.start([tool, self.world.env["SBX_RUNROOT"] + ("-slow" if slow else ""), "bridge", *options, "--", *argv],
                                  wait_for, **env)
        return child, lines[0].split()[1]

    def iperf_server(self, port):
        self.start(["iperf3", "-s", "-p", str(port), "--forceflush"], "listening")

    def slirp4netns(self, mtu):
        """The prefix that runs a command behind slirp4netns."""
        holder, _ = self.start(["unshare", "-Urn", "sh", "-c", "echo up; exec sleep 1000"], "up")
        ready, theirs = os.pipe()
        child = subprocess.Popen(["slirp4netns", "--configure", "--mtu=%d" % mtu, "--ready-fd=%d" % theirs, str(holder.pid), "tap0"],
                                 pass_fds=[theirs], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        os.close(theirs)

        def stop():
            child.kill()
            child.wait()

        self.stack.callback(stop)
        if os.read(ready, 1) != b"1":
            raise SystemExit("bench: slirp4netns did not start")
        os.close(ready)
        return ["nsenter", "--preserve-credentials", "-U", "-n", "-t", str(holder.pid)]


def gbits(world, argv):
    done = subprocess.run(argv, env=world.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    begin = done.stdout.find("{")
    report = json.loads(done.stdout[begin:]) if begin >= 0 else {}
    if done.returncode or "end" not in report or not report["end"]:
        raise SystemExit("bench: %s\n%s%s" % (" ".join(argv), done.stdout, done.stderr))
    return report["end"]["sum_received"]["bits_per_second"] / 1e9


def client(address, port):
    return ["iperf3", "-J", "-c", address, "-p", str(port), "-t", str(SECONDS)]


def in_member(world, argv, *options, slow=False):
    tool = os.path.join(os.path.dirname(os.path.abspath(world.sbx)), "net_member")
    lead = ["env", "SBX_NET_SLOW=1"] if slow else []
    return [*lead, tool, world.env["SBX_RUNROOT"] + ("-slow" if slow else ""), "bridge", *options, "--", *argv]


def out_against_slirp(mtu, slow=False):
    def prepare(side):
        port = free_port()
        side.iperf_server(port)
        peer = side.slirp4netns(mtu)
        world = side.world
        mine = in_member(world, client(host_address(), port), slow=slow)
        if mtu != 65520:  # the member's root may; what fails has no report, and ends the row
            mine = in_member(world, ["sh", "-c", 'ip link set eth0 mtu %d && ip link show eth0 | grep -q " mtu %d " && exec "$@"' % (mtu, mtu),
                                     "sh", *client(host_address(), port)], slow=slow)
        return lambda: gbits(world, mine), lambda: gbits(world, [*peer, *client(host_address(), port)])
    return prepare


def out_against_loopback(side):
    port = free_port()
    side.iperf_server(port)
    return (lambda: gbits(side.world, in_member(side.world, client(host_address(), port))),
            lambda: gbits(side.world, client("127.0.0.1", port)))


def port_against_loopback(side):
    port, plain = free_port(), free_port()
    side.iperf_server(plain)
    side.member(["iperf3", "-s", "-p", "5201", "--forceflush"], "-p", "%d:5201" % port, wait_for="listening")
    return lambda: gbits(side.world, client("127.0.0.1", port)), lambda: gbits(side.world, client("127.0.0.1", plain))


def between_against_loopback(side):
    plain = free_port()
    side.iperf_server(plain)
    _, address = side.member(["iperf3", "-s", "-p", "5201", "--forceflush"], wait_for="listening")
    return (lambda: gbits(side.world, in_member(side.world, client(address, 5201))),
            lambda: gbits(side.world, client("127.0.0.1", plain)))


def bare_relay(side, to):
    """A port whose connections the barest of relays carries to `to`: what any program between two others costs here."""
    port = free_port()
    side.start([os.path.join(os.path.dirname(os.path.abspath(side.world.sbx)), "tests", "bench-relay"), "127.0.0.1", str(port), str(to)], "up")
    return port


def round_trips(port):
    """Microseconds, the median."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        times = []
        for _ in range(5000):
            begun = time.perf_counter()
            s.sendall(b"x")
            s.recv(1)
            times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def two_echoes(side):
    port, plain = free_port(), free_port()
    side.start(["python3", "-c", ECHO, "127.0.0.1", str(plain)], "up")
    side.member(["python3", "-c", ECHO, "0.0.0.0", "9000"], "-p", "%d:9000" % port, wait_for="up")
    return port, plain


def rtt(side):
    port, plain = two_echoes(side)
    return lambda: round_trips(port), lambda: round_trips(plain)


def rtt_against_bare(side):
    port, plain = two_echoes(side)
    bare = bare_relay(side, plain)
    return lambda: round_trips(port), lambda: round_trips(bare)


def short(side):
    """Per second, sixteen at once, each with a byte and its echo, none lost."""
    port, plain = free_port(), free_port()
    tool = os.path.join(os.path.dirname(os.path.abspath(side.world.sbx)), "tests", "bench-connect")
    side.start([tool, "serve", "127.0.0.1", str(plain)], "up")
    side.member([tool, "serve", "0.0.0.0", "9000"], "-p", "%d:9000" % port, wait_for="up")

    def measure(port):
        done = subprocess.run([tool, "127.0.0.1", str(port), "10000", "16"], env=side.world.env, stdout=subprocess.PIPE, text=True, check=True,
                              timeout=120)
        rate, lost = map(int, done.stdout.split())
        if lost:
            raise SystemExit("bench: %d of 10000 short connections were lost" % lost)
        return rate

    return lambda: measure(port), lambda: measure(plain)


def resident(names, but=()):
    """{pid: kB} of our processes of these names."""
    sizes = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open("/proc/%s/status" % pid, encoding="utf-8") as f:
            said = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
            if said["Name"] in names and said["Uid"].split()[0] == str(os.getuid()) and pid not in but and "VmRSS" in said:
                sizes[pid] = int(said["VmRSS"].split()[0])
    return sizes


def memory(side):
    """Resident size, which anybody may read, of the processes of a network with ten members, one of which publishes a port;
    beside it ten times slirp4netns. The proportional size (PSS) is less than a third of ours."""
    names = ("sbx-netstack", "sbx-relay")
    before = resident(names)
    for i in range(10):
        side.member(["sleep", "1000"], *(["-p", "%d:80" % free_port()] if i == 0 else []))
    ours = sum(resident(names, before).values())
    before = resident(("slirp4netns",))
    side.slirp4netns(65520)
    theirs = 10 * sum(resident(("slirp4netns",), before).values())
    return lambda: ours, lambda: theirs


def redis_rate(world, port):
    for _ in range(100):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            s.sendall(b"PING\r\n")
            if s.recv(16).startswith(b"+PONG"):
                break
        time.sleep(0.05)
    out = subprocess.run(["redis-benchmark", "-p", str(port), "-P", "1", "-n", "20000", "-t", "set,get", "--csv"], env=world.env,
                         stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    return statistics.mean(float(m) for m in re.findall(r'^"[SG]ET","([\d.]+)"', out, re.M))


def two_redis(side):
    """One in a member, one on the host: the same program, so that the difference is the way to it."""
    port, plain = free_port(), free_port()
    argv = ["redis-server", "--protected-mode", "no", "--save", "", "--port"]
    side.start([*argv, str(plain)], "Ready to accept")
    tool = os.path.join(os.path.dirname(os.path.abspath(side.world.sbx)), "net_member")
    side.start([tool, side.world.env["SBX_RUNROOT"], "bridge", "-p", "%d:6379" % port, "--", *argv, "6379"], "Ready to accept")
    return port, plain


def redis_against_loopback(side):
    port, plain = two_redis(side)
    return lambda: redis_rate(side.world, port), lambda: redis_rate(side.world, plain)


def redis_against_bare(side):
    port, plain = two_redis(side)
    bare = bare_relay(side, plain)
    return lambda: redis_rate(side.world, port), lambda: redis_rate(side.world, bare)


def redis_against_podman(side):
    world, ours, theirs = side.world, free_port(), free_port()
    podman = world.podman_command
    world.run([world.sbx, "pull", "-q", "redis"])
    world.run([*podman, "pull", "-q", "--tls-verify=false", world.podman_image("redis")])
    for tool in ([world.sbx], podman):
        world.run([*tool, "rm", "-f", "bench"], ok=False)
    side.stack.callback(lambda: [world.run([*tool, "rm", "-f", "bench"], ok=False) for tool in ([world.sbx], podman)])
    world.run([world.sbx, "run", "-d", "--name", "bench", "-p", "%d:6379" % ours, "redis", "redis-server", "--protected-mode", "no", "--save", ""])
    world.run([*podman, "run", "-d", "--name", "bench", "-p", "%d:6379" % theirs, *world.podman_limits, world.podman_image("redis"), "redis-server",
               "--protected-mode", "no", "--save", ""])

    return lambda: redis_rate(world, ours), lambda: redis_rate(world, theirs)


class NetRow:
    """Two ways to measure one thing, in turn. `more` says that more is better; the goal is a ratio at most, a difference
    (`added`) or a value (`at_least`, `at_most`)."""

    def __init__(self, name, title, goal, prepare, peer_name, **how):
        self.name, self.title, self.goal, self.prepare, self.peer_name = name, title, goal, prepare, peer_name
        self.unit, self.more, self.added = how.get("unit", "Gbit/s"), how.get("more", True), how.get("added")
        self.at_least, self.at_most = how.get("at_least"), how.get("at_most")

    def measure(self, world):
        with contextlib.ExitStack() as stack:
            mine, theirs = self.prepare(Side(world, stack))
            values = ([], [])
            for _ in range(PAIRS):
                values[0].append(mine())
                values[1].append(theirs())
        # whatever else runs adds to a time and takes nothing from it
        ours, peer = (min(v) if self.added else statistics.median(v) for v in values)
        ratio = peer / ours if self.more else ours / peer
        met, goal = ratio <= (self.goal or ratio), "%.3f" % self.goal if self.goal else ""
        if self.added:
            met, goal = ours - peer <= self.added, "+%d %s" % (self.added, self.unit)
        if self.at_least:
            met, goal = ours >= self.at_least, "%d%s at least" % (self.at_least, self.unit)
        if self.at_most:
            met, goal = ours <= self.at_most, "%d %s" % (self.at_most, self.unit)
        return "| %s | %s | %.1f %s | %s %.1f %s | %.3f | %s | %s | %d |" % (
            self.name, self.title, ours, self.unit, self.peer_name, peer, self.unit, ratio,
            goal, "yes" if met else "no", PAIRS)


NET_ROWS = [
    NetRow("net-out", "container to host, one TCP stream (ratio: peer / sbx)", 1 / 3, out_against_slirp(65520), "slirp4netns"),
    NetRow("net-out-mtu", "the same at MTU 1500", 1 / 3, out_against_slirp(1500), "slirp4netns"),
    NetRow("net-out-loop", "the same", 1 / 0.6, out_against_loopback, "loopback"),
    NetRow("net-slow", "the same through libslirp alone", 1 / 1.3, out_against_slirp(65520, slow=True), "slirp4netns"),
    NetRow("net-port", "published port, one TCP stream", 1 / 0.75, port_against_loopback, "loopback"),
    NetRow("net-between", "container to container, one TCP stream", 1 / 0.5, between_against_loopback, "loopback"),
    NetRow("net-rtt", "round trip through a published port", None, rtt, "loopback", unit="us", more=False, added=40),
    NetRow("net-rtt-bare", "the same; the peer does nothing but read and write", None, rtt_against_bare, "a bare relay", unit="us", more=False, added=10),
    NetRow("net-short", "short connections through a published port", None, short, "loopback", unit="/s", at_least=10000),
    NetRow("net-memory", "resident memory of a network with ten members", None, memory, "10 × slirp4netns", unit="kB", more=False, at_most=8192),
    NetRow("net-redis", "redis-benchmark -P 1 GET and SET through a published port", 1 / 1.6, redis_against_podman, "podman", unit="/s"),
    NetRow("net-redis-loop", "the same, one redis in a container, one on the host", None, redis_against_loopback, "loopback", unit="/s"),
    NetRow("net-redis-bare", "the same; the peer does nothing but read and write", 1 / 0.8, redis_against_bare, "a bare relay", unit="/s"),
]
