#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""IPv6 on networks made with --ipv6: addresses, neighbours, the way out (fast and through libslirp) to a second host
made of network namespaces, published ports, and what a hostile member may not say (threats N01, N06)."""

import errno
import ipaddress
import json
import shutil
import subprocess
import sys

from netmember import NET_MEMBER, Member, case, inside
from sbxtest import Skip, become_user, expect, free_port, main, test

# Answers TCP and UDP over IPv6 with the peer it saw.
SERVER = r"""
import socket, sys, threading
port, bind = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "::"
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind((bind, port))
def answer():
    while True:
        data, peer = udp.recvfrom(65535)
        udp.sendto(data + b" seen from " + peer[0].encode(), peer)
threading.Thread(target=answer, daemon=True).start()
tcp = socket.create_server((bind, port), family=socket.AF_INET6)
print("serving", flush=True)
while True:
    conn, peer = tcp.accept()
    conn.sendall(b"seen from " + peer[0].encode())
    conn.close()
"""
ASK = r"""
import socket, sys
for kind in sys.argv[3:] or ["tcp", "udp"]:
    try:
        if kind == "tcp":
            with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as s:
                print((s.recv(200).decode().split() or ["closed"])[-1])
        else:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                s.settimeout(10)
                if kind == "said":  # it hears what ICMP says; of an answer the sender must be right
                    s.connect((sys.argv[1], int(sys.argv[2])))
                s.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
                print(s.recv(200).decode().split()[-1])
    except OSError as e:
        print(type(e).__name__ if e.errno is None else e.errno)
"""


# Answers AAAA questions for far.test, over UDP. argv: its own address
DNS6 = r"""
import socket, sys
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.bind((sys.argv[1], 53))
print("serving", flush=True)
while True:
    q, peer = udp.recvfrom(4096)
    end = q.index(b"\0", 12) + 5
    known = q[12:end].lower() == b"\x03far\x04test\0\0\x1c\0\x01"
    answer = b"\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10" + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    udp.sendto(q[:2] + b"\x81\x80\0\x01" + bytes([0, known]) + b"\0\0\0\0" + q[12:end] + known * answer, peer)
"""
# A line for each NAME: its IPv6 address, by the DNS of the gateway, which is the first argument; of an address its name.
LOOK_UP = r"""
import ipaddress, os, socket, struct, sys
def ask(name, kind):
    q = os.urandom(2) + b"\x01\0\0\x01\0\0\0\0\0\0" + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.connect((sys.argv[1], 53))
        s.send(q)
        r = s.recv(4096)
    return r[len(q) + 12:] if r[7] else None
for word in sys.argv[2:]:
    try:
        name = ask(ipaddress.ip_address(word).reverse_pointer, 12)
        print(name and name[1:1 + name[0]].decode())
    except ValueError:
        address = ask(word, 28)
        print(address and socket.inet_ntop(socket.AF_INET6, address[:16]))
"""


def make_network(box, *options, name="six"):
    box.ok("network", "create", "--ipv6", *options, name)
    config = json.loads(box.ok("network", "inspect", name))[0]
    return ipaddress.ip_network(config["IPAM"]["Config"][1]["Subnet"]), config


def address_of(member):
    """The member prints its addresses first."""
    line = member.line()
    return [word.split("/")[0] for word in line.split() if "/64" in word and not word.startswith("fe80")][0]


def server6(box, port=9000, bind="::", ports=(), network="six"):
    """A member that serves, and its address."""
    member = Member(box, "sh", "-c", 'echo $(ip -6 -o addr show dev eth0); exec python3 -c "$0" "$@"', SERVER, str(port), bind,
                    network=network, ports=ports)
    address = address_of(member)
    expect(member.line() == "serving", "the server inside did not start")
    return member, address


@case()
def a_network_with_ipv6_gives_addresses_routes_and_a_gateway_that_answers(box):
    subnet, config = make_network(box)
    expect(config["EnableIPv6"] and subnet.prefixlen == 64 and subnet.is_private, config)
    script = "ip -6 -o addr show dev eth0 scope global; ip -6 route; ping -6 -c1 -W5 %s" % subnet[1]
    out, err, code = Member(box, "sh", "-c", script, network="six").end()
    expect(code == 0, out, err)
    expect("inet6 %s/64" % subnet[2] in out and "default via %s dev eth0" % subnet[1] in out, out)


@case()
def members_talk_over_ipv6(box):
    subnet, _ = make_network(box)
    server, address = server6(box)
    expect(ipaddress.ip_address(address) in subnet, address)
    out = inside(box, ASK, address, "9000", network="six").split()
    expect(len(out) == 2 and all(ipaddress.ip_address(word) in subnet and word != address for word in out), out)
    server.kill()


# As root of a user namespace: "near" is the host that runs the members, "far" another one behind a wire.
TWO_HOSTS = r"""
import os, subprocess, sys, time
member_bin, runroot, port, server, ask, gateway, gateway4, dns, look_up = sys.argv[1:10]
udp_port = str(int(port) + 1)  # the host here has no other programs
def run(*argv):
    subprocess.run(argv, check=True)
def says(argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
far = subprocess.Popen(["unshare", "-n", "sleep", "120"])
started = []
try:
    while os.readlink("/proc/%d/ns/net" % far.pid) == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    there = ["nsenter", "-t", str(far.pid), "-n"]
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    for words in ("-6 addr add 2001:db8::1/64 dev near nodad", "link set near up", "-6 route add 2001:db8:77::/64 via 2001:db8::2"):
        run("ip", *words.split())
    for words in ("link set lo up", "-6 addr add 2001:db8::2/64 dev far nodad", "-6 addr add 2001:db8:77::1/128 dev lo nodad",
                  "link set far up"):
        run(*there, "ip", *words.split())
    def serve(lead, *words, script=server):
        child = subprocess.Popen([*lead, "python3", "-c", script, *words], stdout=subprocess.PIPE, text=True)
        started.append(child)
        while child.stdout.readline().strip() != "serving":
            assert child.poll() is None
    def inside(*words):
        return says([member_bin, runroot, "six", "--", "python3", "-c", ask, *words])[-len(words[2:] or "12"):]
    serve(there, "9001")
    serve([], "9002", "::1")
    print("far", *inside("2001:db8::2", "9001"))
    print("routed", *inside("2001:db8:77::1", "9001"))
    print("closed", *inside("2001:db8::2", "9", "tcp"))
    print("loopback", *inside("::ffff:127.0.0.1", "9002", "tcp"), *inside(gateway, "9002", "tcp"))
    opened = [member_bin, runroot, "six:host-loopback=9002", "--", "python3", "-c", ask]
    if os.environ["REDIRECTS"]:  # a network without the fast way refuses the option
        print("opened", *[says([*opened, *words, "tcp"])[-1] for words in ((gateway, "9002"), ("2001:db8::1", "9002"), (gateway, "9003"))])
    serve([], "2001:db8::1", script=dns)
    def ruled(rules, script, *words):
        return says([member_bin, runroot, "six", "--egress", rules, "--dns", "2001:db8::1", "--", "python3", "-c", script, *words])
    kinds = ["9001", "tcp", "said"]
    print("allowed", *ruled("2001:db8::2", ask, "2001:db8::2", *kinds)[-2:])
    print("refused", *ruled("2001:db8::2/127", ask, "2001:db8:77::1", *kinds)[-2:])
    print("untold", *ruled("far.test", ask, "2001:db8::2", *kinds)[-2:])
    print("told", *ruled("far.test", look_up + "sys.argv[1:] = ['2001:db8::2', '9001', 'tcp', 'said']\n" + ask, gateway4, "far.test")[-3:])
    print("known", *says([member_bin, runroot, "six", "--", "python3", "-c", look_up, gateway4, "member", "host.containers.internal",
                          gateway[:-1] + "2", gateway[:-1] + "99"])[-4:])
    serve([member_bin, runroot, "six", "-p", "::1:%s:9000" % port, "-p", "2001:db8::1:%s:9000" % port,
           "-p", "::1:%s:9000/udp" % udp_port, "-p", "2001:db8::1:%s:9000/udp" % udp_port, "--"], "9000")
    print("published", *says(["python3", "-c", ask, "::1", port, "tcp"]), *says([*there, "python3", "-c", ask, "2001:db8::1", port, "tcp"]))
    print("datagrams", *says(["python3", "-c", ask, "::1", udp_port, "udp"]), *says([*there, "python3", "-c", ask, "2001:db8::1", udp_port, "udp"]))
    hidden = [member_bin, runroot, "six", "-p", "2001:db8::1:%d:9000" % (int(port) + 2), "-p", "2001:db8::1:%d:9000/udp" % (int(port) + 2), "--"]
    serve(hidden, "9000", "::1")
    print("hidden", *says([*there, "python3", "-c", ask, "2001:db8::1", str(int(port) + 2)]))
finally:
    for child in started:
        child.kill()
    far.kill()
"""


def features(box):
    return {f["Name"]: f["Status"] for f in json.loads(box.ok("info", "--format", "{{json .}}"))["Features"]}


def two_hosts(box):
    subnet, config = make_network(box)
    env = dict(box.env, REDIRECTS="yes" if features(box)["tcp redirect"] == "yes" and "SBX_NET_SLOW" not in box.env else "")
    if not shutil.which("ip") or not shutil.which("nsenter"):
        raise Skip("iproute2 and util-linux build the second host; one of them is missing")
    done = subprocess.run(["unshare", "-Urn", "python3", "-c", TWO_HOSTS, NET_MEMBER, box.env["SBX_RUNROOT"], str(free_port()), SERVER, ASK,
                           str(subnet[1]), config["IPAM"]["Config"][0]["Gateway"], DNS6, LOOK_UP], env=env, cwd=box.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          preexec_fn=become_user, check=False, timeout=110)
    if "unshare" in done.stderr and "not permitted" in done.stderr:
        raise Skip("this machine lets nobody make a user namespace by unshare(1)")
    expect(done.returncode == 0, done.stdout, done.stderr)
    return {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}, subnet


def check_rules_and_names(said, subnet):
    """Rules (--egress) refuse over IPv6 at once as well; the gateway's DNS has addresses of both families."""
    refused = [str(errno.ECONNREFUSED)] * 2
    expect(said["allowed"] == ["2001:db8::1"] * 2 and said["refused"] == said["untold"] == refused, said)
    expect(said["told"] == ["2001:db8::2", *["2001:db8::1"] * 2], said)
    expect(said["known"] == [str(subnet[2]), "2001:db8::1", "member", "None"], said)


@case(seconds=120)
def a_second_host_is_reached_and_refuses_over_ipv6(box):
    said, subnet = two_hosts(box)
    check_rules_and_names(said, subnet)
    expect(said["far"] == said["routed"] == ["2001:db8::1"] * 2, said)
    expect(said["closed"] == [str(errno.ECONNREFUSED)], said)
    expect(all(int(word) in (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH) for word in said["loopback"]), said)
    expect(said.get("opened", []) == (["::1", "::1", str(errno.ECONNREFUSED)] if features(box)["tcp redirect"] == "yes" else []), said)
    keeps, of_udp = features(box)["client addresses"].startswith("yes"), features(box)["client addresses"] == "yes"
    own = {str(subnet[n]) for n in range(2, 40)}
    expect(said["published"] == [str(subnet[1]), "2001:db8::2"] if keeps else set(said["published"]) <= own, said)
    expect(said["datagrams"] == said["published"] if of_udp else len(said["datagrams"]) == 2 and set(said["datagrams"]) <= own, said)
    expect(len(said["hidden"]) == 2 and (said["hidden"][0] == "2001:db8::2" or not keeps) and said["hidden"][1] in own, said)


@case(seconds=120)
def libslirp_alone_carries_ipv6_as_well(box):
    box.env["SBX_NET_SLOW"] = "1"
    said, subnet = two_hosts(box)
    check_rules_and_names(said, subnet)
    expect(said["far"] == said["routed"] == ["2001:db8::1"] * 2, said)
    expect(len(said["loopback"]) == 2 and all(int(word) for word in said["loopback"]), said)
    own = {str(subnet[n]) for n in range(2, 40)}
    for what in ("published", "datagrams", "hidden"):  # everybody is the container itself
        expect(len(said[what]) == 2 and set(said[what]) <= own, said)


@test("overlay")
def containers_choose_and_show_their_ipv6_addresses(box):
    make_network(box, "--subnet", "172.23.0.0/24", "--subnet", "fd00:60::/64", "--gateway", "fd00:60::ff")
    make_network(box, name="seven")
    box.ok("run", "-d", "--name", "a", "--network", "six", "--ip6", "fd00:60::77", "busybox", "sleep", "1000")
    box.ok("network", "connect", "--ip", "172.23.0.9", "six", box.ok("run", "-d", "--name", "b", "--cap-add", "NET_RAW", "busybox", "sleep", "1000"))
    shown = json.loads(box.ok("inspect", "a"))[0]["NetworkSettings"]["Networks"]["six"]
    expect((shown["GlobalIPv6Address"], shown["GlobalIPv6PrefixLen"], shown["IPv6Gateway"], shown["IPAMConfig"]) ==
           ("fd00:60::77", 64, "fd00:60::ff", {"IPv6Address": "fd00:60::77"}), shown)
    members = json.loads(box.ok("network", "inspect", "six"))[0]["Containers"].values()
    expect({m["Name"]: m["IPv6Address"] for m in members} == {"a": "fd00:60::77/64", "b": "fd00:60::9/64"}, list(members))
    expect("fd00:60::77\t" in box.ok("exec", "a", "cat", "/etc/hosts"))
    box.ok("exec", "b", "ping", "-6", "-c1", "-W5", "fd00:60::77")
    expect("fd00:60::77" in box.ok("run", "--rm", "--network", "six", "busybox", "nslookup", "a"))
    box.ok("restart", "-t", "0", "a")
    expect(box.ok("inspect", "-f", "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}", "a") == "fd00:60::77")
    out = box.ok("run", "--rm", "--network", "seven", "busybox", "sh", "-c", "ip -6 -o addr show eth0; cat /etc/hosts")
    seven = ipaddress.ip_network(json.loads(box.ok("network", "inspect", "seven"))[0]["IPAM"]["Config"][1]["Subnet"])
    expect("inet6 %s/64" % seven[2] in out and "%s\t" % seven[2] in out, out)
    box.fails(125, "run", "--rm", "--network", "six", "--ip6", "fd00:60::77", "busybox", "true", says="already in use")
    box.fails(125, "run", "--rm", "--network", "seven", "--ip6", "fd00:60::78", "busybox", "true", says="no configured subnet contains")
    box.fails(125, "run", "--rm", "--ip6", "fd00:60::78", "busybox", "true", says="user defined networks only")
    box.fails(1, "network", "create", "--subnet", "fd00:61::/64", "eight", says="--ipv6")
    box.fails(1, "network", "create", "--ipv6", "--subnet", "fd00:60::/64", "eight", says="overlaps")
    expect(box.ok("network", "ls", "--format", "{{.Name}} {{.IPv6}}", "-f", "name=six") == "six true")


if __name__ == "__main__":
    sys.exit(main())
