#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Policies as files: the shipped ones from inside real containers, one's own, and the commands that read them."""

import json
import os
import re

from sbxtest import expect, main, test


def own_policy(box, name, **keys):
    path = os.path.join(box.top, name)
    with open(path, "w", encoding="ascii") as f:
        json.dump({"sbxPolicy": 1, **keys}, f)
    os.chmod(path, 0o644)
    return path


@test("overlay", "fuse", "single")
def untrusted_takes_network_root_and_rights_away(box):
    script = "cat /proc/self/status; touch /x 2>&1; touch /tmp/x && echo scratch; ls /sys/class/net; ulimit -n; ulimit -c"
    out = box.ok("run", "--rm", "--policy", "untrusted", "busybox", "sh", "-c", script)
    for want in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
                 "Read-only file system", "scratch"):
        expect(want in out, want, out)
    expect(out.split()[-3:] == ["lo", "1024", "0"], out)


@test("overlay")
def untrusted_refuses_calls_the_default_lets_through(box):
    box.ok("run", "--rm", "busybox", "chroot", "/", "true")
    result = box.sbx("run", "--rm", "--policy", "untrusted", "--cap-add", "SYS_CHROOT", "busybox", "chroot", "/", "true")
    expect(result.code != 0 and "not permitted" in result.err, result)
    box.fails(1, "run", "--rm", "--policy", "untrusted", "--cap-add", "MKNOD", "busybox", "mknod", "/tmp/p", "p",
              says="not permitted")


@test("overlay")
def what_the_caller_writes_comes_on_top_of_a_policy(box):
    out = box.ok("run", "--rm", "--policy", "untrusted", "--network", "bridge", "--cap-add", "KILL", "busybox", "sh", "-c",
                 "ls /sys/class/net; grep CapEff /proc/self/status")
    expect("eth0" in out and out.endswith("0000000000000020"), out)
    box.ok("run", "--rm", "--policy", "build", "busybox", "chown", "1:1", "/etc/passwd")
    expect("Seccomp:\t0" in box.ok("run", "--rm", "--policy", "open", "busybox", "cat", "/proc/self/status"))


@test("overlay")
def a_container_keeps_the_policy_it_was_made_with(box):
    path = own_policy(box, "mine.json", extends="untrusted", files={"readOnlyRoot": False})
    box.ok("create", "--name", "c", "--policy", path, "busybox", "sh", "-c", "touch /x && ls /sys/class/net")
    os.unlink(path)
    expect(box.ok("start", "-a", "c") == "lo")


@test("overlay")
def a_policy_of_ones_own_can_deny_calls_by_name(box):
    path = own_policy(box, "p.json", seccomp={"deny": ["mkdir", "mkdirat"]})
    box.fails(1, "run", "--rm", "--policy", path, "busybox", "mkdir", "/x", says="not permitted")
    path = own_policy(box, "q.json", seccomp={"deny": ["mkdri"]})
    box.fails(125, "run", "--rm", "--policy", path, "busybox", "true", says=["mkdri", "misspelt"])
    path = own_policy(box, "r.json", files={"readOnly": ["/etc"], "hide": ["/bin/sleep"]})
    box.fails(1, "run", "--rm", "--policy", path, "busybox", "touch", "/etc/x", says="Read-only")
    expect(box.ok("run", "--rm", "--policy", path, "busybox", "wc", "-c", "/bin/sleep").startswith("0 "))
    expect(box.ok("ps", "-aq") == "")


@test("overlay", "single")
def exec_takes_the_policy_and_limits_it_is_told(box):
    box.ok("run", "-d", "--name", "c", "--ulimit", "nofile=100:200", "busybox", "sleep", "100")
    own = box.ok("exec", "c", "sh", "-c", "ulimit -n; ulimit -Hn; grep -e CapEff -e NoNewPrivs /proc/self/status").split()
    expect(own[:2] == ["100", "200"] and own[3] != "0000000000000000" and own[5] == "0", own)
    tight = box.ok("exec", "--policy", "untrusted", "c", "sh", "-c", "ulimit -c; grep -e CapEff -e NoNewPrivs /proc/self/status").split()
    expect(tight == ["0", "CapEff:", "0000000000000000", "NoNewPrivs:", "1"], tight)
    box.fails(1, "exec", "--policy", own_policy(box, "p.json", seccomp={"deny": ["mkdir", "mkdirat"]}), "c", "mkdir", "/x", says="not permitted")
    box.ok("exec", "c", "mkdir", "/x")
    box.fails(125, "exec", "--policy", "nosuch", "c", "true", says=["nosuch", "untrusted"])
    box.fails(125, "exec", "--policy", "build", "--privileged", "c", "true", says="conflicting options")


@test("overlay")
def mistakes_in_policies_are_named_before_anything_starts(box):
    box.fails(125, "run", "--rm", "--policy", "nosuch", "busybox", "true", says=["nosuch", "untrusted", "policies"])
    path = own_policy(box, "p.json", seccomp={"dney": []})
    box.fails(125, "run", "--rm", "--policy", path, "busybox", "true", says=["seccomp.dney"])
    path = own_policy(box, "p.json", limits={"openFiles": "many"})
    box.fails(125, "run", "--rm", "--policy", path, "busybox", "true", says=["many", "p.json"])
    box.fails(125, "policy", "check", path, says=["many"])


@test("overlay")
def policies_are_listed_shown_checked_and_compared(box):
    os.makedirs(os.path.join(box.env["XDG_CONFIG_HOME"], "sbx/policies"), exist_ok=True)
    with open(os.path.join(box.env["XDG_CONFIG_HOME"], "sbx/policies/mine.json"), "w", encoding="ascii") as f:
        json.dump({"sbxPolicy": 1, "summary": "Mine", "extends": "default", "network": {"mode": "none"}}, f)
    names = [line.split()[0] for line in box.ok("policy", "ls").split("\n")]
    expect(names == ["NAME", "default", "build", "untrusted", "open", "mine"], names)
    for name in names[1:]:
        expect(json.loads(box.ok("policy", "show", name))["sbxPolicy"] == 1)
        expect(box.ok("policy", "check", name).startswith(name + ": ok\n"))
    expect(box.ok("policy", "diff", "default", "mine") == "+ --network=none")
    lines = box.ok("policy", "diff", "default", "untrusted").split("\n")
    expect("- --cap-add=CHOWN" in lines and "+ --security-opt=seccomp-deny=ptrace" in lines, lines)
    expect(all(re.match(r"[-+] --", line) for line in lines), lines)


if __name__ == "__main__":
    main()
