#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Attacks of tests/attacks/table.txt that belong to no single part: metadata of images, odd targets of mounts, what a
container does to the host's users and kernel, and a caller with a broken environment."""

import hashlib
import io
import json
import os
import socket
import stat
import tarfile

from sbxtest import SBX, Skip, expect, main, sub_ids, test, wait_for

ROUNDS = int(os.environ.get("SBX_TEST_ROUNDS", "12"))
ELEVEN = 0x800405fb


def load_image(box, name, config):
    """Busybox with that for its config, as an archive of docker save's, which needs no digests."""
    box.ok("create", "--name", "source", "busybox")
    box.ok("export", "-o", box.path("layer.tar"), "source")
    box.ok("rm", "source")
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(box.path("layer.tar"))]},
              "config": config}
    with tarfile.open(box.path("image.tar"), "w") as tar:
        for member, data in (("c.json", json.dumps(config).encode()),
                             ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": [name + ":latest"], "Layers": ["layer.tar"]}]).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.add(box.path("layer.tar"), "layer.tar")
    os.chmod(box.path("image.tar"), 0o644)
    return box.sbx("load", "-i", box.path("image.tar"))


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def canary(box):
    """A folder of the host with a secret, and a function that tells whether anything of it changed."""
    folder = box.folder("canary", 0o777)
    box.file("canary/secret", "of the host\n")

    def look():
        expect(os.listdir(folder) == ["secret"], "something was made on the host", os.listdir(folder))
        with open(os.path.join(folder, "secret"), encoding="ascii") as f:
            expect(f.read() == "of the host\n", "a file of the host was written")
    return folder, look


# ---- what an image says ----

@test("overlay")
def j05_words_of_an_image_are_data(box):
    folder, unchanged = canary(box)
    touch = "$(touch %s/made);`touch %s/made`" % (folder, folder)
    good = {"Labels": {touch: touch, "esc": "\x1b]0;title\x07\x1b[2J", "line\nbreak": "a\nb"}, "Hostname": touch, "Domainname": touch,
            "Entrypoint": ["echo", touch, "-o", "x"], "ExposedPorts": {"%d/tcp" % (port + 1): {} for port in range(3000)},
            "Healthcheck": {"Test": ["CMD-SHELL", "echo " + touch], "Interval": 10 ** 18}, "OnBuild": [touch]}
    result = load_image(box, "odd", good)
    expect(result.code == 0, result)
    expect(box.ok("run", "--name", "c", "odd") == touch + " -o x")
    expect(json.loads(box.ok("inspect", "--format", "{{json .Config.Labels}}", "c"))[touch] == touch)
    for out in box.ok("ps", "-a"), box.ok("ps", "-a", "--no-trunc"), box.ok("images"), box.sbx("history", "odd").out:
        expect("\x1b" not in out, repr(out))
    box.ok("rm", "c")
    for key, value in (("StopSignal", "-o x"), ("StopSignal", touch), ("ExposedPorts", {touch: {}}), ("ExposedPorts", {"70000/tcp": {}}),
                       ("User", touch), ("WorkingDir", touch), ("Healthcheck", {"Test": [touch, touch]})):
        result = load_image(box, "bad", {"Cmd": ["true"], key: value})
        if result.code == 0:
            result = box.sbx("run", "--rm", "bad")
        expect(result.code in (0, 1, 125, 126, 127) and "\x1b" not in result.err, key, value, result)
        unchanged()
    unchanged()


@test("overlay", "fuse")
def j06_supplementary_groups_are_always_set(box):
    """CVE-2022-2989, CVE-2022-36109: what a group is denied must stay denied to its members."""
    script = "echo 'u:x:1000:1000::/:/bin/sh' >>/etc/passwd; echo 'g:x:2000:u' >>/etc/group; echo 'h:x:2001:other,u' >>/etc/group; " \
        "mkdir /no; echo secret >/no/f; chgrp 2000 /no; chmod 705 /no"
    box.ok("run", "--name", "s", "busybox", "sh", "-ec", script)
    box.ok("commit", "s", "groups")
    expect(box.ok("run", "--rm", "-u", "u", "groups", "id", "-G").split() == ["1000", "2000", "2001"])
    box.fails(1, "run", "--rm", "-u", "u", "groups", "cat", "/no/f", says="Permission denied|can't open")
    expect(box.ok("run", "--rm", "-u", "1001", "groups", "cat", "/no/f") == "secret", "others may, which makes it a test")
    box.ok("run", "-d", "--name", "c", "groups", "sleep", "100")
    expect(box.ok("exec", "-u", "u", "c", "id", "-G").split() == ["1000", "2000", "2001"])
    box.fails(1, "exec", "-u", "u", "c", "cat", "/no/f", says="Permission denied|can't open")
    expect(box.ok("exec", "-u", "1001", "c", "id", "-G").split() == ["0"], "nothing of the caller's groups")


# ---- mounts ----

@test("overlay", "fuse")
def m07_missing_targets_are_made_inside_whatever_is_swapped(box):
    """CVE-2024-45310: directories of a target that is missing are made where a link leads to the host."""
    folder, unchanged = canary(box)
    given = box.folder("given")
    box.ok("volume", "create", "vv")
    box.ok("run", "-d", "--name", "racer", "-v", "vv:/v", "busybox", "sh", "-c",
           "mkdir /v/a; ln -s %s /v/b; echo ready; while :; do mv /v/a /v/t; mv /v/b /v/a; mv /v/a /v/b; mv /v/t /v/a; done" % folder)
    wait_for(lambda: "ready" in box.ok("logs", "racer"), "the race")
    for i in range(ROUNDS):
        result = box.sbx("run", "--rm", "-v", "vv:/v", "-v", given + ":/v/a/made/deep", "busybox", "true")
        expect(result.code in (0, 125), i, result)
        unchanged()


@test("overlay")
def m08_targets_that_are_no_place_to_mount(box):
    folder, unchanged = canary(box)
    box.ok("pull", "busybox")
    for target in "/", "//", "/.", "/..", "/../..", "/proc", "/proc/", "/proc/self", "/proc/self/fd/0", "/proc/sys", "/proc/1/root", "/x/../proc":
        result = box.sbx("run", "--rm", "-v", folder + ":" + target, "busybox", "true")
        expect(result.code == 125 and result.err.strip(), target, result)
        expect(len(result.err.strip().split("\n")) < 4, target, result)
        unchanged()
    for target in "/dev/fd/5", "/dev/stdin", "/sys/kernel", "/sys/fs/cgroup":
        result = box.sbx("run", "--rm", "-v", folder + ":" + target, "busybox", "sh", "-c", "mount | grep -c ' on / '; ls /secret")
        expect(result.code != 0 and "of the host" not in result.out, target, result)
        unchanged()
    for target in "/../up", "/a/../../up":
        box.fails(125, "run", "--rm", "-v", folder + ":" + target, "busybox", "true", says="leads above")
    for target in "/a/../up", "/up/":
        expect(box.ok("run", "--rm", "-v", folder + ":" + target, "busybox", "cat", "/up/secret") == "of the host", target)
    expect(box.ok("ps", "-aq") == "")


# ---- what runs ----

@test("overlay", "single")
def x04_a_replaced_program_has_the_containers_rights_only(box):
    script = "rm -f /bin/true; printf '#!/bin/sh\\ncat /proc/self/status; ls -l /proc/self/fd; printf \"\\\\033[2J\"; exit 200\\n' >/bin/true; " \
        "chmod 755 /bin/true; cp /bin/true /bin/id; echo ready; exec sleep 100"
    box.ok("run", "-d", "--name", "c", "busybox", "sh", "-c", script)
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the replaced program")
    for program in "true", "id":
        result = box.sbx("exec", "c", program)
        expect(result.code == 200 and result.out.endswith("\x1b[2J"), result)
        expect("CapEff:\t%016x" % ELEVEN in result.out and "Seccomp:\t2" in result.out and "CapInh:\t%016x" % 0 in result.out, result)
        expect(sum(" -> " in line and "/proc/" not in line for line in result.out.split("\n")) == 3, "descriptors", result)
    box.ok("ps")
    box.sbx("top", "c")
    expect("ready" in box.ok("logs", "c"))


@test("overlay", "single")
def x08_cgroups_and_core_dumps_lead_nowhere(box):
    folder, unchanged = canary(box)
    script = """
for t in cgroup cgroup2; do mount -t $t none /mnt 2>/dev/null && echo mounted $t; done
(echo '|%s/handler' >/proc/sys/kernel/core_pattern) 2>/dev/null && echo handler
for f in $(find /sys/fs/cgroup -name release_agent -o -name cgroup.procs 2>/dev/null | head -5); do (echo 1 >$f) 2>/dev/null && echo wrote $f; done
ulimit -c unlimited
sh -c 'cd /tmp; kill -SEGV $$'; echo $?""" % folder
    for options in ((), ("--cap-add", "SYS_ADMIN"), ("--security-opt", "seccomp=unconfined")):
        before = open("/proc/sys/kernel/core_pattern", encoding="utf-8").read()
        out = box.ok("run", "--rm", *options, "busybox", "sh", "-c", script)
        expect("handler" not in out and out.split("\n")[-1] == "139", options, out)
        if not options:
            expect("mounted" not in out and "wrote" not in out, out)
        expect(open("/proc/sys/kernel/core_pattern", encoding="utf-8").read() == before)
        unchanged()


@test("overlay", "single")
def x16_set_user_programs_on_binds_give_no_rights(box):
    """CVE-2023-0386's kind: a program of the host's that is set-user-id for root inside."""
    given = box.folder("given", 0o777)
    box.ok("run", "--rm", "-v", given + ":/g", "busybox", "sh", "-ec", "cp /bin/busybox /g/su; chmod 4755 /g/su; ln -s su /g/id; ln -s su /g/grep")
    out = box.ok("run", "--rm", "-v", given + ":/g", "busybox", "sh", "-c", "grep ' /g ' /proc/self/mountinfo")
    options = out.split(" ")[5].split(",")
    expect("nosuid" in options and "nodev" in options, out)
    if box.variant != "single":
        expect(box.ok("run", "--rm", "-u", "33", "-v", given + ":/g", "busybox", "/g/id", "-u") == "33")
        expect("CapEff:\t%016x" % 0 in box.ok("run", "--rm", "-u", "33", "-v", given + ":/g", "busybox", "/g/grep", "CapEff", "/proc/self/status"))


@test("overlay", "fuse", "single")
def x17_dev_has_what_programs_need_and_no_more(box):
    known = {"console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
    names = set(box.ok("run", "--rm", "busybox", "ls", "-a", "/dev").split()) - {".", ".."}
    expect(names <= known and {"null", "zero", "full", "random", "urandom", "tty"} <= names, sorted(names ^ known))
    script = """
for f in mem kmem kmsg port fuse net/tun sda kvm; do [ ! -e /dev/$f ] || echo has $f; done
mknod /tmp/m c 1 1 2>/dev/null && head -c 1 /tmp/m 2>/dev/null | grep -q . && echo memory
mknod /tmp/n c 1 3 2>/dev/null && (echo x >/tmp/n) 2>/dev/null && [ -c /tmp/n ] && [ -z "$(cat /tmp/n)" ] && echo device
cp /bin/busybox /dev/x 2>/dev/null && /dev/x true 2>/dev/null && echo executed
dd if=/dev/zero of=/dev/fill bs=64k count=1100 2>/dev/null && echo filled
grep ' /dev ' /proc/self/mountinfo | grep -q nosuid || echo suid
true"""
    out = box.ok("run", "--rm", "busybox", "sh", "-c", script)
    expect(out == "", out)


def start_of_init():
    """As the kernel counts it; the times of /proc/1 itself are those of an inode that may be forgotten and made again."""
    with open("/proc/1/stat", encoding="utf-8", errors="replace") as f:
        return f.read().rpartition(")")[2].split()[19]


@test("overlay", "single")
def x18_the_clock_the_name_and_reboot_stay_inside(box):
    name, begun = os.uname().nodename, start_of_init()
    script = "date -s @1 >/dev/null 2>&1; [ $(date +%s) -gt 100000 ] || echo clock; hwclock -w 2>/dev/null && echo hwclock; reboot -f 2>/dev/null && echo reboot; " \
        "poweroff -f 2>/dev/null; hostname changed 2>/dev/null && echo name; dmesg 2>/dev/null | head -1; echo lives"
    out = box.ok("run", "--rm", "busybox", "sh", "-c", script)
    expect(out == "lives", out)
    out = box.ok("run", "--rm", "--cap-add", "SYS_TIME", "--cap-add", "SYSLOG", "busybox", "sh", "-c", "date -s @1 >/dev/null 2>&1; [ $(date +%s) -gt 100000 ] || echo clock; echo lives")
    expect(out == "lives", out)
    result = box.sbx("run", "--name", "r", "--cap-add", "SYS_BOOT", "busybox", "reboot", "-f")
    expect(result.code in (0, 1, 129, 130, 137), "reboot(2) ends the container", result)
    expect(box.inspect("r")["State"]["Status"] == "exited" and box.inspect("r")["State"]["ExitCode"] == result.code)
    expect(os.uname().nodename == name and start_of_init() == begun)


@test("overlay", "single")
def x09_untrusted_has_no_namespaces_and_few_calls(box):
    for flag in "-U", "-Ur", "-m", "-n", "-p", "-i", "-u":
        result = box.sbx("run", "--rm", "--policy", "untrusted", "busybox", "unshare", flag, "true")
        expect(result.code != 0, flag, result)
    most = box.ok("run", "--rm", "--policy", "untrusted", "busybox", "sh", "-c",
                  "cat /proc/sys/user/max_user_namespaces; ulimit -u; ulimit -n; ulimit -c; touch /tmp/x && echo scratch; (echo x >/etc/x) 2>&1; true").split("\n")
    expect(most[2] == "1024" and most[3] == "0" and "scratch" in most and "Read-only" in most[-1], most)
    expect(0 < int(most[1]) <= 4096, "a limit of processes", most)


@test("single")
def x19_mounts_made_inside_are_not_mistaken_for_the_containers(box):
    """The supervisor that answers for owners looks a path up itself: where the asking process has mounts of its own, the
    name means another file, and what a sandbox inside the container does must not land outside of that."""
    script = "mkdir /m; echo outside >/m/f; " \
        "unshare -m sh -c 'mount -t tmpfs t /m; echo in >/m/f; stat -c %s /m/f; mknod /m/made b 8 1 2>/dev/null; chown 7 /m/f'; " \
        "stat -c '%s %u' /m/f; ls /m"
    out = box.ok("run", "--rm", "--cap-add", "SYS_ADMIN", "busybox", "sh", "-c", script)
    expect(out.split("\n") == ["3", "8 0", "f"], out)


# ---- the host's side ----

@test("overlay", "fuse")
def s02_nonsense_on_a_containers_sockets_hurts_nobody(box):
    box.ok("run", "-d", "-i", "--name", "c", "busybox", "sh", "-c", "echo ready; cat; sleep 100")
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the container")
    sockets = []
    for top, folders, names in os.walk(box.env["SBX_RUNROOT"]):
        expect(stat.S_IMODE(os.stat(top).st_mode) & 0o077 == 0, "open to others", top, oct(os.stat(top).st_mode))
        sockets += [os.path.join(top, n) for n in names if stat.S_ISSOCK(os.lstat(os.path.join(top, n)).st_mode)]
    mine = [path for path in sockets if "networks" not in path]
    expect(mine, "no socket of the container", sockets)
    slow = []
    for path in mine:
        expect(stat.S_IMODE(os.lstat(path).st_mode) & 0o077 == 0 or stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) & 0o077 == 0, path)
        for junk in [b"", b"\0", b"\xff" * 9000] + [bytes([n]) + os.urandom(n * 3) for n in range(64)]:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
                connect(s, path)
                try:
                    s.send(junk)
                    s.send(junk)
                except OSError:
                    pass  # it hung up, which is its right
        for _ in range(20):  # and some that never read or say anything
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.setblocking(False)
            slow.append(s)
            try:
                connect(s, path)
            except OSError:
                pass  # no room for more: they wait
    expect(box.inspect("c")["State"]["Status"] == "running")
    expect(box.ok("exec", "c", "echo", "alive") == "alive")
    for s in slow:
        s.close()
    box.ok("kill", "c")
    wait_for(lambda: box.inspect("c")["State"]["Status"] == "exited", "the end")


def connect(s, path):
    """Also where the path is longer than an address of a socket may be."""
    folder = os.open(os.path.dirname(path), os.O_PATH)
    try:
        s.connect("/proc/self/fd/%d/%s" % (folder, os.path.basename(path)))
    finally:
        os.close(folder)


@test("overlay", "single")
def s06_a_container_gets_its_own_environment_only(box):
    """CVE-2021-21334, CVE-2020-14370."""
    mine = {"SSH_AUTH_SOCK": "/x", "XDG_SESSION_ID": "7", "TZ": "Mars", "AWS_SECRET_ACCESS_KEY": "s3cret", "LC_ALL": "C", "DOCKER_HOST": "x", "GIVEN": "g"}
    out = box.sbx("run", "--rm", "-e", "GIVEN", "-e", "OWN=1", "busybox", "env", env=mine).out
    names = {line.split("=", 1)[0] for line in out.strip().split("\n")}
    expect(names == {"PATH", "HOME", "HOSTNAME", "GIVEN", "OWN"}, names)
    box.ok("run", "-d", "--name", "c", "busybox", "sleep", "100")
    out = box.sbx("exec", "c", "env", env=mine).out
    expect({line.split("=", 1)[0] for line in out.strip().split("\n")} == {"PATH", "HOME", "HOSTNAME"}, out)


@test("overlay", "single")
def s07_a_caller_with_little_left(box):
    """Closed standard descriptors, ignored signals, few descriptors, no file sizes, a working directory that is gone: no
    descriptor is taken for another, and what fails says why."""
    box.ok("pull", "busybox")
    for n, closed in enumerate(("<&-", ">&-", "2>&-", "<&- >&- 2>&-")):
        result = box.run(["sh", "-c", '"$0" run --name c%d busybox sh -c "echo out; echo err >&2" %s' % (n, closed), SBX])
        expect(result.code == 0, closed, result)
        logs = box.sbx("logs", "c%d" % n)
        expect(logs.out == "out\n" and logs.err == "err\n", closed, logs)
        expect(box.inspect("c%d" % n)["State"]["ExitCode"] == 0)
    result = box.run(["perl", "-e", '$SIG{$_}="IGNORE" for "CHLD","PIPE","HUP","USR1"; exec @ARGV', SBX, "run", "--rm", "busybox", "sh", "-c", "exit 7"])
    expect(result.code == 7, result)
    result = box.run(["sh", "-c", 'mkdir gone; cd gone; rmdir ../gone; "$0" run --rm busybox echo works', SBX])
    expect(result.code == 0 and result.out == "works\n", result)
    for limit in "-n 20", "-n 9", "-f 0":
        result = box.run(["sh", "-c", 'ulimit %s; "$0" run --rm busybox echo works' % limit, SBX])
        expect(result.out == "works\n" if result.code == 0 else result.code == 125 and "sbx:" in result.err, limit, result)
    box.ok("ps", "-a")
    expect(box.ok("run", "--rm", "busybox", "echo", "works") == "works")


@test("overlay")
def s11_helpers_with_rights_come_from_fixed_places(box):
    if not sub_ids():
        raise Skip("the test user has no sub-ids: newuidmap is not used")
    folder = box.folder("path")
    for name in "newuidmap", "newgidmap", "getsubids", "getent":
        box.file("path/" + name, "#!/bin/sh\ntouch %s/called\nexit 1\n" % folder, 0o755)
    result = box.sbx("run", "--rm", "busybox", "echo", "works", env={"PATH": folder + ":" + os.environ["PATH"]})
    expect(result.code == 0 and result.out == "works\n", result)
    expect("called" not in os.listdir(folder), os.listdir(folder))


if __name__ == "__main__":
    main()
