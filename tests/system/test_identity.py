#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Without subordinate ids: who a process is said to be, and who owns a file, fit together (docs/mounts.md, "One id")."""

import json
import os
import re
import shutil
import subprocess

from sbxtest import Skip, expect, main, sub_ids, test, wait_for

DRIVERS = ("overlay", "fuse")


@test("single")
def a_process_is_who_it_became(box):
    """For good, through exec and fork, and its neighbours are not."""
    out = box.ok("run", "--rm", "debian", "sh", "-c",
                 "setpriv --reuid=33 --regid=33 --groups=50,60 sh -c 'id; (id -u); setpriv --reuid=0 --keep-groups true'; id -u")
    expect(out == "uid=33(www-data) gid=33(www-data) groups=33(www-data),50(staff),60(games)\n33\n0", out)


@test("single")
def owners_are_what_chown_said(box):
    script = "touch /f && mkdir /d && chown 33:50 /f && chown -h 8 /f && chown -R 7 /d && chown 33 /dev/stdout && " \
             "stat -c '%u:%g' /f /d /etc; chown 5 /none; echo $?"
    for driver in DRIVERS:
        out = box.ok("--storage-driver", driver, "run", "--rm", "busybox", "sh", "-c", script)
        expect(out == "8:50\n7:0\n0:0\n1", driver, out)


@test("single")
def owners_of_the_image_and_of_what_is_made_are_shown(box):
    """What somebody makes is theirs; what root made is not, and cannot be given away by them."""
    script = "stat -c %U /data; setpriv --reuid=redis --regid=redis --clear-groups sh -c " \
             "'touch /data/mine; mkdir /data/dir; stat -c %U:%G /data/mine /data/dir /etc/passwd; chown redis /etc/passwd; " \
             "chown root /data/mine'"
    for driver in DRIVERS:
        result = box.sbx("--storage-driver", driver, "run", "--rm", "redis", "sh", "-c", "chown redis /data; " + script)
        expect(result.out == "redis\nredis:redis\nredis:redis\nroot:root\n", driver, result)
        expect(result.err.count("Operation not permitted") == 2, driver, result)


@test("single")
def devices_are_kept_as_what_they_were_to_be(box):
    out = box.ok("run", "--rm", "busybox", "sh", "-c", "mknod -m 660 /b b 8 1; mknod /p p; stat -c '%F %a %t,%T' /b /p")
    expect(out == "block special file 660 8,1\nfifo 644 0,0", out)
    out = box.ok("--storage-driver", "fuse", "run", "--rm", "busybox", "sh", "-c", "mknod /b b 8 1 && test ! -e /b && echo forgotten")
    expect(out == "forgotten", "who keeps no such note goes on without the device", out)
    for option in (["--cap-drop", "CHOWN"], ["--cap-drop", "ALL"]):
        box.fails(1, "run", "--rm", *option, "busybox", "mknod", "/b", "b", "8", "1", says="Operation not permitted")
    out = box.sbx("run", "--rm", "debian", "sh", "-c", "setpriv --reuid=33 --clear-groups mknod /tmp/n c 1 3; ls /tmp")
    expect("Operation not permitted" in out.err and out.out == "", out)


@test("single")
def a_bind_remembers_owners_and_stays_the_callers(box):
    folder = box.folder("data")
    box.ok("run", "--rm", "-v", folder + ":/w", "busybox", "sh", "-c", "touch /w/f; chown 33:33 /w/f")
    expect(box.run(["stat", "-c", "%U", os.path.join(folder, "f")]).line == box.run(["id", "-un"]).line)
    expect(box.ok("run", "--rm", "-v", folder + ":/w", "busybox", "stat", "-c", "%U", "/w/f") == "www")


@test("single")
def exec_is_somebody_too(box):
    name = box.ok("run", "-d", "busybox", "sleep", "100")
    expect(box.ok("exec", name, "id", "-u") == "0")
    expect(box.ok("exec", "-u", "www", name, "sh", "-c", "id -u; touch /tmp/w; stat -c %U /tmp/w") == "33\nwww")
    expect(box.ok("exec", name, "stat", "-c", "%U", "/tmp/w") == "www")
    box.ok("exec", name, "sh", "-c", "(while [ ! -e /go ]; do :; done; id -u >/out; mv /out /done) >/dev/null 2>&1 &")
    box.ok("exec", name, "touch", "/go")
    wait_for(lambda: box.sbx("exec", name, "cat", "/done").out == "0\n", "a background process that still gets answers")


@test("single")
def what_the_policy_refuses_stays_refused(box):
    for caps in ("CHOWN", "ALL"):
        result = box.sbx("run", "--rm", "--cap-drop", caps, "busybox", "sh", "-c", "touch /f; chown 33 /f; stat -c %u /f")
        expect(result.out == "0\n" and re.search("chown.*(not permitted|Invalid argument)", result.err), caps, result)
    rules = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat", "setgroups"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
    profile = box.file("profile.json", json.dumps(rules))
    result = box.sbx("run", "--rm", "--security-opt", "seccomp=" + profile, "debian", "sh", "-c",
                     "mkdir /d; setpriv --reuid=33 --regid=33 --clear-groups true; setpriv --reuid=33 --keep-groups id -u")
    expect(result.out == "33\n" and result.err.count("Operation not permitted") == 2, result)


@test("single")
def a_commit_keeps_the_owners(box):
    box.ok("run", "--name", "c", "busybox", "sh", "-c", "touch /f; chown 33:50 /f; chmod 640 /f")
    box.ok("commit", "c", "owners")
    expect(box.ok("run", "--rm", "owners", "stat", "-c", "%u:%g %a", "/f") == "33:50 640")


@test("single", seconds=120)
def row_106_a_package_with_a_system_user_installs(box):
    """apt-get as in every image: its own user for downloads, dpkg, and a package that makes a user and gives it files."""
    if not shutil.which("dpkg-deb"):
        raise Skip("needs dpkg-deb")
    box.folder("deb")
    for name in ("deb/DEBIAN", "deb/etc", "deb/etc/demo"):
        box.folder(name)
    box.file("deb/etc/demo/conf", "x\n")
    box.file("deb/DEBIAN/control", "Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
             "Description: makes a user\n")
    box.file("deb/DEBIAN/postinst", "#!/bin/sh\nset -e\ngroupadd -r demo\nuseradd -r -g demo -M demo\n"
             "chown -R demo:demo /etc/demo\nchmod 4750 /etc/demo/conf\n", 0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", box.path("deb"), box.path("demo.deb")], check=True,
                   stdout=subprocess.DEVNULL)
    os.chmod(box.path("demo.deb"), 0o644)
    out = box.ok("run", "--rm", "-v", box.path("demo.deb") + ":/demo.deb:ro", "debian", "sh", "-ec",
                 "apt-get install -y /demo.deb >/log 2>&1 || { cat /log >&2; exit 9; }; stat -c '%U:%G %a' /etc/demo/conf; "
                 "setpriv --reuid demo --regid demo --clear-groups id -un")
    expect(out == "demo:demo 4750\ndemo", out)


@test("single", seconds=120)
def row_82_redis_becomes_its_user(box):
    """docker-library's entry point: chown, setpriv, and itself again."""
    box.ok("run", "-d", "--name", "r", "redis", seconds=60)
    wait_for(lambda: box.sbx("exec", "r", "redis-cli", "ping").out == "PONG\n", "PONG", 60)
    expect(box.ok("exec", "r", "redis-cli", "save") == "OK")
    expect(box.ok("exec", "r", "stat", "-c", "%U", "/data", "/data/dump.rdb") == "redis\nredis")


@test("single", seconds=240)
def row_78_mariadb_becomes_its_user(box):
    box.ok("run", "-d", "--name", "db", "-e", "MYSQL_ROOT_PASSWORD=secret", "mysql", seconds=120)

    def is_ready():
        logs = box.sbx("logs", "db")
        return (logs.out + logs.err).count("ready for connections")
    wait_for(is_ready, "MariaDB", 200)
    owners = box.ok("exec", "db", "sh", "-c", "stat -c %U /var/lib/mysql /var/lib/mysql/ibdata1")
    expect(owners == "mysql\nmysql", owners)


def of_process(pid):
    """(name, state, parent); who has ended has none of them."""
    try:
        with open("/proc/%s/stat" % pid, encoding="utf-8", errors="replace") as f:
            name, _, rest = f.read().partition("(")[2].rpartition(")")
    except OSError:
        return None, None, None
    return name, rest.split()[0], rest.split()[1]


def supervisors(box, name):
    """Children of the container's monitor that are the same program as it, and go by its name."""
    with open(os.path.join(box.env["SBX_ROOT"], "containers", box.inspect(name)["Id"], "state.json"), encoding="utf-8") as f:
        monitor = str(json.load(f)["monitor"])
    like = (of_process(monitor)[0], monitor)
    found = [(pid, of_process(pid)) for pid in os.listdir("/proc") if pid.isdigit()]
    return [int(pid) for pid, (called, state, parent) in found if (called, parent) == like and state != "Z"]


@test("single")
def a_killed_supervisor_is_replaced_and_knows_everybody(box):
    box.ok("run", "-d", "--name", "c", "--network", "none", "debian", "sh", "-c",
           "touch /f; chown 33 /f; exec setpriv --reuid=33 --clear-groups sh -c 'echo up; while [ ! -e /tmp/stop ]; do "
           "[ $(id -u) = 33 ] || echo lost; [ $(stat -c %u /f) = 33 ] || echo whose; done; echo done; exec sleep 100'")
    wait_for(lambda: "up" in box.ok("logs", "c"), "the start")
    for _ in range(5):
        one = wait_for(lambda: supervisors(box, "c"), "a supervisor")
        expect(len(one) == 1, one)
        with open("/proc/%d/status" % one[0], encoding="ascii") as f:
            said = f.read()
        expect(re.search(r"^NoNewPrivs:\s1$", said, re.M) and re.search(r"^Seccomp:\s2$", said, re.M), "it is locked in", said)
        box.run(["kill", "-9", str(one[0])])
        wait_for(lambda one=one: supervisors(box, "c") not in ([], one), "another one")
    box.ok("exec", "c", "touch", "/tmp/stop")
    wait_for(lambda: "done" in box.ok("logs", "c"), "the loop", 30)
    expect(box.ok("logs", "c").split() == ["up", "done"], box.ok("logs", "c"))


@test("overlay")
def where_there_are_sub_ids_nobody_supervises(box):
    if not sub_ids():
        raise Skip("the user has no subordinate ids")
    box.ok("run", "-d", "--name", "c", "--network", "none", "busybox", "sleep", "100")
    expect(supervisors(box, "c") == [])


@test("single")
def a_watched_container_has_one_id_as_before(box):
    """There is one listener: a report says what was refused, and chown says why it cannot be."""
    result = box.sbx("run", "--rm", "--report", "busybox", "sh", "-c", "id -u; touch /f; chown 33 /f")
    expect(result.out == "0\n" and result.code == 1 and re.search("chown.*Invalid argument", result.err), result)


@test("overlay")
def where_there_are_sub_ids_the_kernel_answers(box):
    out = box.ok("run", "--rm", "debian", "sh", "-c", "setpriv --reuid=33 --keep-groups grep ^Uid /proc/self/status")
    expect(out.split() == ["Uid:", "33", "33", "33", "33"] or box.run(["id", "-u"]).line == "0", out)
    expect(box.ok("run", "--rm", "busybox", "grep", "-c", "^Seccomp_filters:.1$", "/proc/self/status") == "1")


main()
