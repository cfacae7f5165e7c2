#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers on several networks: --network given more than once, network connect and disconnect."""

import json
import os
import re
import signal
import socket
import subprocess

from netmember import netstack_pids
from sbxtest import expect, main, test, wait_for

SLEEP = ("busybox", "sleep", "1000")


WEB = ("busybox", "nc", "-ll", "-p", "99", "-e", "echo", "from", "web")
FETCH = "nc -w 5 %s 99"


def two_networks(box):
    box.ok("network", "create", "--subnet", "10.71.1.0/24", "one")
    box.ok("network", "create", "--subnet", "10.71.2.0/24", "two")


@test("overlay", "single")
def a_container_starts_on_several_networks(box):
    two_networks(box)
    box.ok("run", "-d", "--name", "peer", "--network", "two", *WEB)
    out = box.ok("run", "--name", "c", "--network", "one:alias=first,ip=10.71.1.77", "--network",
                 "name=two,alias=second,alias=third,mac-address=02:42:00:00:00:09", "busybox", "sh", "-c",
                 "ip -4 -o addr; ip route; cat /sys/class/net/eth1/address; " + FETCH % "10.71.2.2" + ";"
                 "cat /etc/hosts")
    expect("eth0    inet 10.71.1.77/24" in out and "eth1    inet 10.71.2." in out, out)
    expect(out.count("default via") == 1 and "default via 10.71.1.1 dev eth0" in out, out)
    expect("02:42:00:00:00:09" in out and "from web" in out, out)
    expect(re.search(r"^10\.71\.2\.\d+\t[0-9a-f]{12}$", out, re.M), out)
    nets = box.inspect("c")["NetworkSettings"]["Networks"]
    expect(list(nets) == ["one", "two"] and nets["one"]["Aliases"] == ["first"] and
           nets["one"]["IPAMConfig"] == {"IPv4Address": "10.71.1.77"} and nets["two"]["Aliases"] == ["second", "third"] and
           nets["two"]["NetworkID"] == box.ok("network", "inspect", "-f", "{{.Id}}", "two"), nets)
    expect(box.ok("ps", "-a", "--format", "{{.Names}} {{.Networks}}", "-f", "network=two").split("\n") ==
           ["c one,two", "peer two"])
    out = box.ok("start", "-a", "c")
    expect("10.71.1.77/24" in out and "eth1" in out, "again", out)
    box.fails(125, "run", "--rm", "--network", "one", "--network", "one", "busybox", "true", says="multiple times")
    box.fails(125, "run", "--rm", "--network", "one", "--network", "host", "busybox", "true", says="conflicting options")
    box.fails(125, "run", "--rm", "--network", "one:colour=red", "busybox", "true", says="unknown option colour")


@test("overlay", "single")
def a_running_container_is_connected_and_disconnected(box):
    two_networks(box)
    box.ok("run", "-d", "--name", "web", "--network", "two", *WEB)
    box.ok("run", "-d", "--name", "c", "--network", "one", *SLEEP)
    box.ok("network", "connect", "--alias", "store", "--ip", "10.71.2.50", "--link", "web:www", "two", "c")
    out = box.ok("exec", "c", "sh", "-c", "ip -4 -o addr; cat /etc/hosts; " + FETCH % "www")
    expect("eth1    inet 10.71.2.50/24" in out and out.endswith("\nfrom web") and "10.71.2.50\t" in out and
           "\n10.71.2.2\twww " in out, out)
    expect("10.71.2.50" in box.sbx("exec", "web", "nslookup", "store").out)
    nets = box.inspect("c")["NetworkSettings"]["Networks"]
    expect(nets["two"]["IPAddress"] == "10.71.2.50" and nets["two"]["Aliases"] == ["store"], nets)
    expect("10.71.2.50/24" in box.ok("network", "inspect", "-f", "{{json .Containers}}", "two"))
    box.ok("run", "-d", "--name", "near", "--network", "one", *WEB)
    for name in ("web", "near"):
        expect(box.ok("exec", "c", "sh", "-c", FETCH % name) == "from web", "names of both networks: " + name)
    expect("web" in box.sbx("exec", "web", "nslookup", "10.71.2.2").out, "the name of an address")
    box.fails(1, "network", "connect", "two", "c", says="endpoint with name c already exists in network two")
    box.ok("network", "disconnect", "two", "c")
    out = box.ok("exec", "c", "sh", "-c", "ip -4 -o addr; cat /etc/hosts")
    expect("10.71.2" not in out and "10.71.1." in out, out)
    box.fails(1, "network", "disconnect", "two", "c", says="c is not connected to the network two")
    box.ok("network", "disconnect", "-f", "two", "c")
    box.ok("network", "disconnect", "one", "c")
    expect(box.inspect("c")["NetworkSettings"]["Networks"] == {})
    expect("inet 10." not in box.ok("exec", "c", "ip", "-4", "addr"))
    box.ok("network", "connect", "two", "c")
    expect(box.ok("exec", "c", "sh", "-c", FETCH % "web") == "from web", "the resolver is the other network's now")
    box.ok("network", "connect", "bridge", "c")
    expect(sorted(box.inspect("c")["NetworkSettings"]["Networks"]) == ["bridge", "two"])


@test("overlay")
def a_stopped_container_finds_its_networks_when_it_starts(box):
    two_networks(box)
    box.ok("create", "--name", "c", "--network", "one", "busybox", "sh", "-c", "ip -4 -o addr")
    box.ok("network", "connect", "--ip", "10.71.2.60", "two", "c")
    box.fails(1, "network", "connect", "--ip", "10.9.9.9", "one", "c", says="no configured subnet contains")
    out = box.ok("start", "-a", "c")
    expect("eth0    inet 10.71.1." in out and "eth1    inet 10.71.2.60/24" in out, out)
    box.ok("network", "disconnect", "one", "c")
    out = box.ok("start", "-a", "c")
    expect("eth0    inet 10.71.2.60/24" in out and "10.71.1." not in out, out)
    box.ok("network", "disconnect", "two", "c")
    expect("eth0" not in box.ok("start", "-a", "c"))
    expect(list(box.inspect("c")["NetworkSettings"]["Networks"]) == [])


@test("overlay")
def networks_of_others_cannot_be_added_to(box):
    box.ok("network", "create", "one")
    box.ok("run", "-d", "--name", "n", "--network", "none", *SLEEP)
    box.ok("run", "-d", "--name", "h", "--network", "host", *SLEEP)
    box.ok("run", "-d", "--name", "s", "--network", "container:n", *SLEEP)
    box.fails(1, "network", "connect", "one", "n", says=r"networks in private \(none\) mode")
    for name in "hs":
        box.fails(1, "network", "connect", "one", name, says="sharing network namespace")
    box.fails(1, "network", "connect", "host", "n", says="connected to host network")
    box.fails(1, "network", "disconnect", "host", "h", says="cannot be disconnected from host network")
    box.fails(1, "network", "connect", "nowhere", "n", says="network nowhere not found")
    box.fails(1, "network", "connect", "one", "nobody", says="No such container: nobody")


@test("overlay")
def a_connected_network_comes_back_when_its_process_dies(box):
    two_networks(box)
    box.ok("run", "-d", "--name", "web", "--network", "two", *WEB)
    box.ok("run", "-d", "--name", "c", "--network", "one", *SLEEP)
    box.ok("network", "connect", "two", "c")
    peer = box.inspect("web")["NetworkSettings"]["Networks"]["two"]["IPAddress"]
    for pid in netstack_pids(box):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: box.sbx("exec", "c", "sh", "-c", FETCH % peer).line == "from web", "the network", 20)
    expect(json.loads(box.ok("network", "inspect", "-f", "{{json .Containers}}", "two")))


@test("overlay")
def a_network_may_be_named_with_the_hosts_loopback(box):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        child = box.start("run", "--rm", "--network", "bridge:host-loopback=" + port, "busybox", "sh", "-c",
                          "nc -w 9 $(ip route | sed -n 's/default via \\([0-9.]*\\) .*/\\1/p') " + port, stdout=subprocess.PIPE)
        server.settimeout(30)
        conn = server.accept()[0]
        conn.sendall(b"hello")
        conn.close()
        expect(child.communicate(timeout=30)[0] == b"hello")


if __name__ == "__main__":
    main()
