#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Networks that the user makes: acceptance rows 123 and 124."""

import contextlib
import json
import os
import re
import signal
import socket
import time

from netmember import echo_server, host_address, netstack_pids
from sbxtest import expect, free_port, main, test, wait_for

SLEEP = ("busybox", "sleep", "1000")


@test("overlay")
def row_123_three_networks_are_always_there(box):
    lines = [line.split() for line in box.ok("network", "ls").split("\n")]
    expect(lines[0] == ["NETWORK", "ID", "NAME", "DRIVER", "SCOPE"], lines)
    expect([line[1:] for line in lines[1:]] ==
           [["bridge", "bridge", "local"], ["host", "host", "local"], ["none", "null", "local"]], lines)
    expect(all(re.fullmatch("[0-9a-f]{12}", line[0]) for line in lines[1:]), lines)
    for name in ("bridge", "host", "none"):
        box.fails(1, "network", "rm", name, says="%s is a pre-defined network and cannot be removed" % name)
        box.fails(1, "network", "create", name, says="operation is not permitted on predefined")
    expect(box.ok("network", "inspect", "-f", "{{.Driver}} {{.Scope}}", "none") == "null local")


@test("overlay")
def row_123_networks_are_made_listed_and_removed(box):
    net = box.ok("network", "create", "--subnet", "172.20.0.0/16", "--ip-range=172.20.5.0/24", "--label", "tier=db",
                 "-o", "com.docker.network.driver.mtu=1400", "backend")
    expect(re.fullmatch("[0-9a-f]{64}", net), net)
    box.fails(1, "network", "create", "backend", says="network with name backend already exists")
    box.fails(1, "network", "create", "--subnet", "172.20.7.0/24", "other", says="Pool overlaps")
    box.fails(1, "network", "create", "-d", "overlay", "other", says="plugin")
    box.fails(1, "network", "create", "-o", "x=y", "other", says="network option x is not supported")
    doc = json.loads(box.ok("network", "inspect", "backend"))[0]
    expect(doc["IPAM"]["Config"] == [{"Subnet": "172.20.0.0/16", "IPRange": "172.20.5.0/24", "Gateway": "172.20.0.1"}], doc)
    expect(doc["Id"] == net and doc["Labels"] == {"tier": "db"} and doc["Internal"] is False, doc)
    expect(box.ok("network", "ls", "-q", "-f", "label=tier") == net[:12])
    expect(box.ok("network", "ls", "--format", "{{.Name}}", "-f", "type=custom") == "backend")
    out = box.ok("run", "--rm", "--network", "backend", "busybox", "sh", "-c", "ip -4 -o addr show eth0; ip link show eth0; ip route")
    expect("inet 172.20.5.0/16 " in out and "mtu 1400" in out and "default via 172.20.0.1" in out, out)
    expect(box.ok("network", "rm", net[:12]) == net[:12])
    box.fails(1, "network", "rm", "backend", says="network backend not found")
    box.fails(125, "run", "--rm", "--network", "backend", "busybox", "true", says="network backend not found")


@test("overlay")
def row_123_addresses_are_kept_back_from_containers(box):
    box.ok("network", "create", "--subnet", "172.24.0.0/29", "--aux-address", "router=172.24.0.2", "--aux-address", "nas=172.24.0.4", "n1")
    config = json.loads(box.ok("network", "inspect", "-v", "n1"))[0]["IPAM"]["Config"]
    expect(config == [{"Subnet": "172.24.0.0/29", "Gateway": "172.24.0.1",
                       "AuxiliaryAddresses": {"router": "172.24.0.2", "nas": "172.24.0.4"}}], config)
    address = "ip -4 -o addr show eth0"
    box.ok("run", "-d", "--name", "first", "--network", "n1", *SLEEP)
    expect("inet 172.24.0.3/29 " in box.ok("exec", "first", *address.split()))
    expect("inet 172.24.0.5/29 " in box.ok("run", "--rm", "--network", "n1", "busybox", *address.split()))
    box.fails(125, "run", "--rm", "--network", "n1", "--ip", "172.24.0.4", "busybox", "true", says="address 172.24.0.4 is already in use")
    box.ok("network", "create", "--ipv6", "--subnet", "fd00:24::/64", "--aux-address", "six=fd00:24::2", "n2")
    expect(json.loads(box.ok("network", "inspect", "n2"))[0]["IPAM"]["Config"][1]["AuxiliaryAddresses"] == {"six": "fd00:24::2"})
    out = box.ok("run", "--rm", "--network", "n2", "busybox", "ip", "-6", "-o", "addr", "show", "eth0")
    expect("inet6 fd00:24::" in out and "inet6 fd00:24::2/64" not in out, out)
    for address, says in (("172.25.0.1", "no matching subnet for aux-address 172.25.0.1"), ("fd00:25::1", "no matching subnet"),
                          ("here", "invalid auxiliary address here")):
        box.fails(1, "network", "create", "--subnet", "172.24.1.0/24", "--aux-address", "x=" + address, "n3", says=says)
    box.fails(125, "network", "create", "--aux-address", "x", "n3", says="x must be formatted as key=value")


@test("overlay")
def row_123_options_of_create_are_dockers(box):
    box.ok("network", "create", "--ipam-driver", "default", "--scope", "local", "--ipv4", "--attachable", "-o", "mtu=1300",
           "-o", "com.docker.network.bridge.enable_icc=true", "-o", "com.docker.network.bridge.enable_ip_masquerade=true", "n1")
    expect(" mtu 1300 " in box.ok("run", "--rm", "--network", "n1", "busybox", "ip", "link", "show", "eth0"))
    result = box.sbx("network", "create", "-o", "com.docker.network.bridge.name=br9", "n2")
    expect(result.code == 0 and "no bridge device br9" in result.err, result)
    for option, says in (("--ipv4=false", "every network has IPv4"), ("--ipam-driver=null", "IPAM driver null"), ("--scope=swarm", "scope swarm"),
                         ("--opt=mtu=99", "from 576 to 65520"), ("--opt=com.docker.network.bridge.enable_icc=false", "enable_icc")):
        box.fails(1, "network", "create", option, "n3", says=says)
    for name in ("-x", "a/b", "a b", "..", ".", "a" * 64, "", "\u00fc"):
        box.fails(1, "network", "create", "--", name, says="invalid network name")
    expect(box.ok("network", "create", "A_b.c-1"))
    expect(box.ok("network", "ls", "-q", "-f", "name=A_b.c") == box.ok("network", "inspect", "-f", "{{.Id}}", "A_b.c-1")[:12])


@test("overlay")
def row_123_all_subnets_may_be_taken(box):
    for subnet in ("10.88.0.0/16", "10.91.0.0/16", "172.29.0.0/16", "10.201.0.0/16", "192.168.0.0/16"):
        box.ok("network", "create", "--subnet", subnet, "n" + subnet[:6].replace(".", "-"))
    box.fails(1, "network", "create", "more", says="all predefined address pools have been fully subnetted")
    box.ok("network", "create", "--subnet", "172.28.0.0/24", "more")


@test("overlay")
def row_123_prune_has_dockers_filters(box):
    for name, label in (("a", "k=1"), ("b", "k=2"), ("c", "other")):
        box.ok("network", "create", "--label", label, name)
    for bad in ("name=a", "type=custom", "dangling=true", "nosuch=1"):
        box.fails(1, "network", "prune", "-f", "--filter", bad, says="invalid filter '%s'" % bad.split("=")[0])
    box.fails(1, "network", "ls", "--filter", "until=1h", says="invalid filter 'until'")
    expect(box.ok("network", "prune", "-f", "--filter", "until=1h") == "")
    expect(box.ok("network", "prune", "-f", "--filter", "label=k=1") == "Deleted Networks:\na\n")
    expect(box.ok("network", "prune", "-f", "--filter", "label!=k") == "Deleted Networks:\nc\n")
    expect(box.ok("network", "prune", "-f", "--filter", "until=2200-01-01T00:00:00Z") == "Deleted Networks:\nb\n")


@test("overlay")
def row_123_a_network_in_use_stays(box):
    box.ok("network", "create", "used")
    box.ok("network", "create", "idle")
    box.ok("run", "-d", "--name", "c1", "--network", "used", *SLEEP)
    box.fails(1, "network", "rm", "used", says="has active endpoints")
    expect("c1" in box.ok("network", "inspect", "-f", "{{json .Containers}}", "used"))
    box.ok("stop", "-t", "0", "c1")
    out = box.ok("network", "prune", "-f")
    expect(out == "Deleted Networks:\nidle\n", repr(out))
    expect(box.ok("network", "ls", "--format", "{{.Name}}", "-f", "type=custom") == "used")
    box.ok("network", "rm", "used")
    box.fails(1, "start", "c1", says="network used not found")


@test("overlay")
def a_network_made_again_is_another_one(box):
    for subnet in ("10.77.1.0/24", "10.77.2.0/24"):
        box.ok("network", "create", "--subnet", subnet, "n")
        expect(subnet[:8] in box.ok("run", "--rm", "--network", "n", "busybox", "ip", "-4", "-o", "addr"))
        box.ok("network", "rm", "n")


@test("overlay", "single")
def row_124_containers_talk_by_address_name_and_alias(box):
    box.ok("network", "create", "n1")
    box.ok("network", "create", "n2")
    box.ok("run", "-d", "--name", "db", "--network", "n1", "--network-alias", "store", "--network-alias", "master",
           "busybox", "nc", "-ll", "-p", "99", "-e", "echo", "from", "db")
    box.ok("run", "-d", "--name", "web", "--network", "n1", *SLEEP)
    box.ok("run", "-d", "--name", "far", "--network", "n2", *SLEEP)
    address = box.ok("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "db")
    for name in (address, "db", "store", "master", "DB"):
        expect(box.ok("exec", "web", "nc", name, "99") == "from db", name)
        expect("from db" not in box.sbx("exec", "far", "timeout", "3", "nc", name, "99").out, "another network reaches " + name)


@test("overlay")
def row_124_links_on_the_default_network(box):
    box.ok("run", "-d", "--name", "db", "busybox", "nc", "-ll", "-p", "99", "-e", "echo", "from", "db")
    expect(box.ok("run", "--rm", "--link", "db:store", "busybox", "nc", "store", "99") == "from db")
    hosts = box.ok("run", "--rm", "--link", "db:store", "--link", "db", "busybox", "cat", "/etc/hosts")
    address, ident = box.ok("inspect", "-f", "{{.NetworkSettings.IPAddress}} {{.Id}}", "db").split()
    expect("%s\tstore %s db\n" % (address, ident[:12]) in hosts and "%s\tdb %s\n" % (address, ident[:12]) in hosts, hosts)
    box.ok("network", "create", "n1")
    box.fails(125, "run", "--rm", "--network", "n1", "--link", "db", "busybox", "true", says="does not belong to the network n1")
    box.fails(125, "run", "--rm", "--link", "nosuch", "busybox", "true", says="could not get container for nosuch")
    box.ok("stop", "-t", "0", "db")
    box.fails(125, "run", "--rm", "--link", "db:x", "busybox", "true", says="Cannot link to a non running container: /db AS x")


@test("overlay")
def addresses_and_macs_are_chosen_and_kept(box):
    box.ok("network", "create", "--subnet", "172.21.0.0/16", "n1")
    box.ok("run", "-d", "--name", "c1", "--network", "n1", "--ip", "172.21.3.4", "--mac-address", "02:42:ac:15:03:04", "--cap-add", "NET_RAW", *SLEEP)
    out = box.ok("exec", "c1", "ip", "addr", "show", "eth0")
    expect("inet 172.21.3.4/16 " in out and "02:42:ac:15:03:04" in out, out)
    box.fails(125, "run", "--rm", "--network", "n1", "--ip", "172.21.3.4", "busybox", "true", says="already in use")
    box.fails(125, "run", "--rm", "--network", "n1", "--ip", "172.22.0.5", "busybox", "true", says="no configured subnet contains")
    box.fails(125, "run", "--rm", "--network", "n1", "--ip", "172.21.0.1", "busybox", "true", says="is not for containers")
    box.fails(125, "run", "--rm", "--network", "n1", "--mac-address", "02:42:ac:15:03:04", "busybox", "true", says="already in use")
    box.fails(125, "run", "--rm", "--ip", "10.88.0.9", "busybox", "true", says="on user defined networks only")
    expect("bytes from" in box.ok("run", "--rm", "--cap-add", "NET_RAW", "--network", "n1", "busybox", "ping", "-c1", "-W3", "c1"))
    with echo_server(host_address()) as port:
        expect("total 6" in box.ok("exec", "c1", "sh", "-c", "echo hello | nc %s %d" % (host_address(), port)))
    box.ok("restart" if "restart" in box.ok("--help") else "stop", "-t", "0", "c1")
    if box.ok("inspect", "-f", "{{.State.Running}}", "c1") != "true":
        box.ok("start", "c1")
    expect("inet 172.21.3.4/16 " in box.ok("exec", "c1", "ip", "addr", "show", "eth0"))


@test("overlay")
def n05_an_internal_network_has_no_way_out_and_no_question_leaves(box):
    box.ok("network", "create", "--internal", "inner")
    box.ok("run", "-d", "--name", "c1", "--network", "inner", "--cap-add", "NET_RAW", *SLEEP)
    address = host_address()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, echo_server(address) as port:
        udp.bind((address, 0))
        udp.settimeout(1)
        box.fails(1, "exec", "c1", "nc", "-w", "2", address, str(port), says="unreachable")
        # even a member that gives itself a route gets nothing out: by TCP, UDP, or a name
        gateway = box.ok("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "inner")
        box.ok("run", "--rm", "--network", "container:c1", "--cap-add", "NET_ADMIN", "busybox", "ip", "route", "add", "default", "via",
               gateway)
        result = box.sbx("exec", "c1", "sh", "-c", "echo hello | timeout 3 nc %s %d" % (address, port))
        expect(result.code != 0 and "total" not in result.out, result)
        box.sbx("exec", "c1", "sh", "-c", "echo lost | nc -u -w 1 %s %d" % udp.getsockname())
        try:
            raise AssertionError("a datagram left: %r" % (udp.recvfrom(100),))
        except TimeoutError:
            pass
        result = box.sbx("exec", "c1", "nslookup", "example.com")
        expect(result.code != 0 and "NXDOMAIN" in result.out + result.err, result)
        expect(box.sbx("exec", "c1", "nslookup", "host.docker.internal").code != 0)
    expect("bytes from" in box.ok("exec", "c1", "ping", "-c1", "-W3", gateway))
    expect("bytes from" in box.ok("run", "--rm", "--network", "inner", "--cap-add", "NET_RAW", "busybox", "ping", "-c1", "-W3", "c1"))
    result = box.sbx("run", "--rm", "--network", "inner", "-p", "%d:80" % free_port(), "busybox", "true")
    expect(result.code == 0 and "which is internal" in result.err, result)


@test("overlay")
def published_ports_work_on_a_network_of_the_users(box):
    port = free_port()
    box.ok("network", "create", "n1")
    box.ok("run", "-d", "--network", "n1", "-p", "%d:80" % port, "busybox", "nc", "-ll", "-p", "80", "-e", "echo", "hello")

    def ask():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
                return s.recv(10)
        except OSError:
            return None

    expect(wait_for(ask, "the server") == b"hello\n")


def netstacks(box):
    """Pids of this box's sbx-netstack processes, relays included."""
    def ours(pid):  # not dumpable, so of its folders and environment /proc tells nothing: by its age
        with contextlib.suppress(OSError), open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as f:
            ticks = int(f.read().rsplit(")", 1)[1].split()[19])
            return ticks / os.sysconf("SC_CLK_TCK") >= box.begun - 0.02
        return False

    return [pid for pid in netstack_pids(box) if ours(pid)]


COUNT = "i=0; while echo $i; do i=$((i + 1)); usleep 20000; done"


@test("overlay", seconds=90)
def a_killed_network_comes_back_under_its_members(box):
    """kill -9 of sbx-netstack: addresses, ports, names and the members' own connections survive."""
    port = free_port()
    box.ok("network", "create", "n1")
    box.ok("run", "-d", "--name", "server", "--network", "n1", "--network-alias", "counter", "-p", "%d:80" % port, "busybox",
           "sh", "-c", "nc -ll -p 99 -e sh -c '%s' & exec nc -ll -p 80 -e echo hello" % COUNT)
    box.ok("run", "-d", "--name", "client", "--network", "n1", "busybox", "sh", "-c", "sleep 0.5; exec nc counter 99")

    def ask():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            return s.recv(10)
        return None

    def last_number():
        lines = box.ok("logs", "--tail", "1", "client").split()
        return int(lines[-1]) if lines else 0

    def addresses():
        return [box.ok("exec", name, "ip", "-4", "-o", "addr", "show", "eth0") for name in ("server", "client")]

    wait_for(lambda: ask() == b"hello\n", "the published port")
    wait_for(lambda: last_number() > 10, "the stream between members")
    before = addresses()
    for _ in range(2):
        mine = netstacks(box)
        expect(mine, "no sbx-netstack")
        os.kill(min(mine), signal.SIGKILL)
        seen = last_number()
        wait_for(lambda: ask() == b"hello\n", "the published port after the kill")
        wait_for(lambda: last_number() > seen + 50, "the stream between members goes on")
        expect(addresses() == before, addresses(), before)
        wait_for(lambda: min(netstacks(box)) not in mine, "the end of the old processes")
        time.sleep(2)  # twice at once would be taken for a loop, and answered more slowly
    with echo_server(host_address()) as outside:
        expect("total 6" in box.ok("exec", "client", "sh", "-c", "echo hello | nc %s %d" % (host_address(), outside)))
    numbers = [int(word) for word in box.ok("logs", "client").split()]
    expect(numbers == list(range(len(numbers))), "numbers were lost or doubled")
    expect(box.ok("inspect", "-f", "{{.State.Running}} {{.RestartCount}}", "server", "client") == "true 0\ntrue 0")


@test("overlay")
def a_killed_relay_comes_back_with_its_ports(box):
    port = free_port()
    box.ok("run", "-d", "-p", "%d:80" % port, "busybox", "nc", "-ll", "-p", "80", "-e", "echo", "hello")

    def ask():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            return s.recv(10)
        return None

    wait_for(lambda: ask() == b"hello\n", "the published port")
    stack, relay = sorted(netstacks(box))
    os.kill(relay, signal.SIGKILL)
    wait_for(lambda: relay not in netstacks(box) and ask() == b"hello\n", "the published port after the kill")
    expect(stack in netstacks(box), "the network died with a relay")


OTHER_VERSION = """
import socket, struct, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
    sock.settimeout(10)
    sock.connect(sys.argv[1])
    sock.send(struct.pack("=IHH", 0x53425831, 999, 1))
    print(struct.unpack("=IHH", sock.recv(100))[0] == 0x53425831, sock.recv(100) == b"")
"""


@test("overlay")
def a_monitor_of_another_version_is_told_so_and_the_network_goes_on(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    path = os.path.join(box.env["SBX_RUNROOT"], "networks/bridge/control")
    result = box.run(["python3", "-c", OTHER_VERSION, path])
    expect(result.out.strip() == "True True", result)
    expect(name[:12] in box.ok("run", "--rm", "busybox", "nslookup", name[:12]))


if __name__ == "__main__":
    main()
