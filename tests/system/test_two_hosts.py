#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers of two hosts, and the host's own address from every kind of container. The hosts are network namespaces with
a wire between them, made by the test user: each runs its own sbx with its own store. Rows 86, 90 and 93."""

import json
import os
import shutil
import subprocess
import sys

from sbxtest import SBX, Skip, become_user, expect, free_port, main, test

# As root of a user namespace. "near" is 203.0.113.1 and has a master on a published port; "far" is 203.0.113.2. Prints
# "NAME word word…" for each thing that was seen.
REPLICATION = r"""
import os, subprocess, sys, time
sbx, archive, port, work = sys.argv[1:5]
def run(*argv):
    subprocess.run(argv, check=True, stdout=sys.stderr)
far = subprocess.Popen(["unshare", "-n", "sleep", "300"])
there = ["nsenter", "-t", str(far.pid), "-n"]
def host(where, *argv, check=True):
    lead = there if where == "far" else []
    env = dict(os.environ, SBX_ROOT=work + "/" + where, SBX_RUNROOT=work + "/run-" + where, SBX_USERNS="single")
    done = subprocess.run([*lead, sbx, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
                          check=False)
    if check and done.returncode:
        sys.exit("%s: sbx %s: %d\n%s%s" % (where, " ".join(argv), done.returncode, done.stdout, done.stderr))
    return done.stdout.strip()
def wait(what, fn):
    end = time.monotonic() + 60
    while not fn():
        if time.monotonic() > end:
            sys.exit("waited 60 s for " + what)
        time.sleep(0.05)
def redis(where, name, *words):
    return host(where, "exec", name, "/usr/bin/redis-cli", *words, check=False)
def server(where, name, *words):
    host(where, "run", "-d", "--name", name, *words)
try:
    while os.readlink("/proc/%d/ns/net" % far.pid) == os.readlink("/proc/self/ns/net"):
        time.sleep(0.01)
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(far.pid))
    for words in ("addr add 203.0.113.1/24 dev near", "link set near up", "route add default via 203.0.113.2"):
        run("ip", *words.split())
    for words in ("link set lo up", "addr add 203.0.113.2/24 dev far", "link set far up", "route add default via 203.0.113.1"):
        run(*there, "ip", *words.split())
    for where in ("near", "far"):
        host(where, "load", "-q", "-i", archive)
    # the machine's own programs in a small image; Debian's redis-check-rdb is redis-server by another name
    usr = ("-v", "/usr:/usr:ro", "-v", "/lib:/lib:ro", *(("-v", "/lib64:/lib64:ro") if os.path.exists("/lib64") else ()))
    entry = (*usr, "-v", work + "/bin:/redis:ro", "busybox", "/redis/redis-server", "--protected-mode", "no", "--repl-diskless-sync-delay", "0",
             "--save", "")
    server("near", "master", "-p", port + ":6379", *entry)
    wait("the master", lambda: redis("near", "master", "ping") == "PONG")
    follow = (*entry, "--replicaof", "203.0.113.1", port)
    server("near", "neighbour", *follow)
    server("far", "slave", "-p", port + ":6379", *follow)
    for where, name in (("near", "neighbour"), ("far", "slave")):
        wait(name + "'s link", lambda: "master_link_status:up" in redis(where, name, "info", "replication"))
    redis("near", "master", "set", "k", "kept")
    for where, name in (("near", "neighbour"), ("far", "slave")):
        wait("the key at " + name, lambda: redis(where, name, "get", "k") == "kept")
    lines = [line for line in redis("near", "master", "info", "replication").splitlines() if line.startswith("slave")]
    print("slaves", *sorted(line.partition("ip=")[2].partition(",")[0] for line in lines), flush=True)
    host("near", "network", "create", "made")
    host("near", "network", "create", "--internal", "closed")
    for network in ("bridge", "made", "host", "container:master", "none", "closed"):
        for what, address in (("own", "203.0.113.1"), ("other", "203.0.113.2")):
            print(network, what, host("near", "run", "--rm", "--network", network, *usr, "busybox", "/usr/bin/redis-cli", "-h", address, "-p", port,
                                      "ping", check=False) or "closed", flush=True)
finally:
    for where in ("near", "far"):
        for name in host(where, "ps", "-aq", check=False).split():
            host(where, "rm", "-f", name, check=False)
    far.kill()
"""


def features(box):
    return json.loads(box.ok("info", "--format", "{{json .}}"))["Features"]


@test("overlay", seconds=240)
def row_86_replication_from_two_hosts_and_the_hosts_address_from_every_network(box):
    if not shutil.which("ip") or not shutil.which("nsenter"):
        raise Skip("iproute2 and util-linux build the second host; one of them is missing")
    server = next((p for p in ("/usr/bin/redis-server", "/usr/bin/redis-check-rdb") if os.path.exists(p)), None)
    if not server or not os.path.exists("/usr/bin/redis-cli"):
        raise Skip("redis-tools, whose programs run in the containers, is not installed")
    box.ok("pull", "-q", "busybox")
    archive = box.path("busybox.tar")
    box.ok("save", "-o", archive, "busybox")
    work = box.folder("hosts", 0o700)
    os.symlink(server, os.path.join(box.folder("hosts/bin"), "redis-server"))
    done = subprocess.run(["unshare", "-Urn", "python3", "-c", REPLICATION, os.path.abspath(SBX), archive, str(free_port()), work], env=box.env, cwd=box.top,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=become_user, check=False, timeout=230)
    if "unshare" in done.stderr and "not permitted" in done.stderr:
        raise Skip("this machine lets nobody make a user namespace by unshare(1)")
    expect(done.returncode == 0, done.stdout, done.stderr)
    seen = {line.rpartition(" ")[0]: line.rpartition(" ")[2] for line in done.stdout.splitlines() if not line.startswith("slaves")}
    for network in ("bridge", "made", "host", "container:master"):
        for what in ("own", "other"):
            expect(seen["%s %s" % (network, what)] == "PONG", network, what, seen)
    for network in ("none", "closed"):
        for what in ("own", "other"):
            expect(seen["%s %s" % (network, what)] == "closed", network, what, seen)
    slaves = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("slaves")][0]
    expect(len(slaves) == 2 and (slaves == ["203.0.113.1", "203.0.113.2"] or
                                 "no" in [f["Status"][:2] for f in features(box) if f["Name"] == "client addresses"]), slaves)


if __name__ == "__main__":
    sys.exit(main())
