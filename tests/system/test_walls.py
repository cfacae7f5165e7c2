#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The attacks on a container's set-up, each made (tests/attacks/table.txt has the list): odd images, races of mount
targets, overwriting sbx itself, abstract sockets, Landlock as the second wall."""

import hashlib
import io
import json
import os
import shutil
import socket
import tarfile

from sbxtest import SBX, Skip, Terminal, expect, free_port, main, processes_with, test, wait_for


def landlock(box):
    """The kernel's Landlock ABI, 0 without."""
    for feature in json.loads(box.ok("info", "--format", "json"))["Features"]:
        if feature["Name"] == "landlock":
            words = feature["Status"].split()
            return int(words[2]) if words[0] == "yes," else 0
    raise AssertionError("info does not speak of landlock")


def odd_image(box, name, change):
    """An image of busybox whose members change() was shown: it returns what replaces one, or None; called once more with
    None for what comes last."""
    box.ok("create", "--name", "source", "busybox")
    box.ok("export", "-o", box.path("plain.tar"), "source")
    box.ok("rm", "source")
    with tarfile.open(box.path("plain.tar")) as old, tarfile.open(box.path("odd.tar"), "w") as new:
        for member in old:
            if not change(member.name.strip("./"), new):
                new.addfile(member, old.extractfile(member) if member.isreg() else None)
        change(None, new)
    os.chmod(box.path("odd.tar"), 0o644)
    box.ok("import", box.path("odd.tar"), name)


def link(tar, name, target):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    tar.addfile(member)


def with_link(box, image, name, target):
    """An image where `name` is a link, whatever it was before."""
    def change(member, tar):
        if member is None:
            link(tar, name, target)
        return member is not None and (member == name or member.startswith(name + "/"))
    odd_image(box, image, change)


def canary(box):
    """A folder of the host with a secret, and a function that tells whether anything of it changed."""
    folder = box.folder("canary")
    box.file("canary/secret", "of the host\n")
    os.chmod(folder, 0o777)

    def look():
        expect(os.listdir(folder) == ["secret"], "something was made on the host", os.listdir(folder))
        with open(os.path.join(folder, "secret"), encoding="ascii") as f:
            expect(f.read() == "of the host\n", "a file of the host was written")
    return folder, look


# ---- what an image may look like ----

@test("overlay", "fuse")
def m02_proc_and_sys_of_the_image_are_links(box):
    folder, unchanged = canary(box)
    for name in "proc", "sys":
        with_link(box, "odd-" + name, name, folder)
        result = box.sbx("run", "--rm", "odd-" + name, "sh", "-c", "cat /%s/secret; head -c1 /proc/timer_list; echo 1 >/proc/sys/kernel/sysrq" % name)
        expect("of the host" not in result.out and result.code != 0, result)
        unchanged()
    for target in "/proc", "/proc/sys", "/sys/fs":
        result = box.sbx("run", "--rm", "-v", folder + ":" + target, "busybox", "sh", "-c", "ls " + target)
        expect(result.code != 0 or target == "/sys/fs", result)
        unchanged()


@test("overlay", "fuse")
def m03_dev_null_is_a_link_where_masks_are_made(box):
    folder, unchanged = canary(box)
    with_link(box, "odd", "dev/null", folder + "/secret")
    script = "cat /proc/timer_list /proc/keys /proc/kallsyms 2>/dev/null | head -c 100; echo x >/proc/timer_list; echo x >/dev/null"
    expect(box.ok("run", "--rm", "odd", "sh", "-c", script) == "", "masks show something")
    box.ok("volume", "create", "vv")
    box.ok("run", "--rm", "-v", "vv:/v", "busybox", "ln", "-s", folder + "/secret", "/v/null")
    result = box.sbx("run", "--rm", "-v", "vv:/dev", "busybox", "sh", "-c", "cat /proc/timer_list /proc/keys 2>/dev/null")
    expect("of the host" not in result.out and result.out == "", result)
    unchanged()


@test("overlay")
def m04_the_console_and_the_pty_are_links(box):
    folder, unchanged = canary(box)

    def change(member, tar):
        if member is None:
            link(tar, "dev/console", folder + "/secret")
            link(tar, "dev/ptmx", folder + "/secret")
            link(tar, "dev/pts", folder)
        return member is not None and member.startswith("dev/")
    odd_image(box, "odd", change)
    box.ok("volume", "create", "vv")
    box.ok("run", "--rm", "-v", "vv:/v", "busybox", "sh", "-c",
           "ln -s %s/secret /v/console; ln -s %s/secret /v/ptmx; ln -s %s /v/pts" % (folder, folder, folder))
    for options in ((), ("-v", "vv:/dev")):
        term = Terminal(box, SBX, "run", "--rm", "-t", *options, "odd", "sh", "-c", "cat /dev/pts/secret; echo written >/dev/console; tty")
        term.wait_end()
        expect(b"of the host" not in term.seen, term.seen)
        unchanged()


@test("overlay")
def m05_writes_to_proc_reach_the_true_one_only(box):
    """CVE-2025-52881. Before a container runs: through the host's /proc. Afterwards, with a false /proc mounted inside:
    none at all."""
    out = box.ok("run", "--rm", "--oom-score-adj", "700", "--sysctl", "net.ipv4.ip_default_ttl=77", "busybox", "cat",
                 "/proc/self/oom_score_adj", "/proc/sys/net/ipv4/ip_default_ttl")
    expect(out.split() == ["700", "77"], out)
    fake = "mount -t tmpfs x /proc; mkdir -p /proc/self/attr /proc/1/attr /proc/sys/kernel; for f in self/attr/exec self/attr/current " \
        "self/oom_score_adj self/setgroups self/uid_map sysrq-trigger sys/kernel/core_pattern 1/attr/exec; do echo same >/proc/$f; done"
    box.ok("run", "-d", "--name", "c", "--cap-add", "SYS_ADMIN", "--health-cmd", "echo healthy", "--health-interval", "100ms",
           "busybox", "sh", "-c", fake + "; echo ready; exec sleep 100")
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the false /proc")
    out = box.sbx("exec", "c", "sh", "-c", "find /proc -type f | xargs cat | sort | uniq -c")
    expect(out.code == 0 and out.out.split() == ["8", "same"], "a write went to the false /proc", out)
    wait_for(lambda: box.inspect("c")["State"]["Health"]["Log"], "a health check")
    expect(box.ok("exec", "c", "sh", "-c", "find /proc -type f | xargs cat | sort -u") == "same")


@test("overlay")
def e28_volumes_of_the_image_are_links(box):
    folder, unchanged = canary(box)
    os.mkdir(box.path("context"))
    with open(box.path("context/Dockerfile"), "w", encoding="ascii") as f:
        f.write("FROM busybox\nRUN ln -s %s /v && ln -s ../../../..%s /w\nVOLUME /v /w\n" % (folder, folder))
    os.chmod(box.path("context"), 0o755)
    box.ok("build", "-q", "-t", "odd", box.path("context"))
    out = box.sbx("run", "--rm", "odd", "sh", "-c", "cat /v/* /w/*; echo inside >/v/secret; echo inside >/w/new; cat /v/secret")
    expect("of the host" not in out.out and "inside" in out.out, out)
    unchanged()
    box.ok("volume", "create", "full")  # what a volume holds is never replaced by what the image has there
    box.ok("run", "--rm", "-v", "full:/v", "busybox", "sh", "-c", "echo mine >/v/passwd")
    expect(box.ok("run", "--rm", "-v", "full:/etc", "busybox", "cat", "/etc/passwd") == "mine")


@test("overlay")
def e30_annotations_are_never_paths(box):
    folder, unchanged = canary(box)
    box.ok("pull", "busybox")
    box.ok("save", "-o", box.path("a.tar"), "busybox")
    edited = 0
    bad = "../" * 12 + folder[1:]
    with tarfile.open(box.path("a.tar")) as old, tarfile.open(box.path("b.tar"), "w") as new:
        for member in old:
            data = old.extractfile(member).read() if member.isreg() else None
            if member.name.endswith("index.json"):
                index = json.loads(data)
                for entry in index["manifests"]:
                    entry.setdefault("annotations", {}).update({
                        "com.docker.compose.file": bad + "/compose.yaml", "com.docker.compose.extends": "true",
                        "com.docker.compose.envfile": bad + "/env", "org.opencontainers.image.title": bad + "/title",
                        "io.buildah.path": folder + "/secret"})
                data = json.dumps(index).encode()
                member.size, edited = len(data), edited + 1
            new.addfile(member, io.BytesIO(data) if data is not None else None)
    expect(edited == 1, "the archive has no index.json")
    os.chmod(box.path("b.tar"), 0o644)
    box.ok("rmi", "busybox")
    box.ok("load", "-i", box.path("b.tar"))
    expect(box.ok("run", "--rm", "--pull", "never", "busybox", "echo", "works") == "works")
    unchanged()


# ---- races ----

@test("overlay", "fuse")
def m01_a_mount_target_in_a_shared_volume_is_swapped(box):
    """CVE-2021-30465: the target is a directory when looked at and a link when mounted over."""
    folder, unchanged = canary(box)
    given = box.folder("given")
    box.file("given/mark", "given\n")
    box.ok("volume", "create", "vv")
    box.ok("run", "-d", "--name", "racer", "-v", "vv:/v", "busybox", "sh", "-c",
           "mkdir /v/a; ln -s %s /v/b; echo ready; while :; do mv /v/a /v/t; mv /v/b /v/a; mv /v/a /v/b; mv /v/t /v/a; done" % folder)
    wait_for(lambda: "ready" in box.ok("logs", "racer"), "the race")
    good = 0
    for i in range(int(os.environ.get("SBX_TEST_ROUNDS", "30"))):
        result = box.sbx("run", "--rm", "-v", "vv:/v", "-v", given + ":/v/a", "busybox", "sh", "-c",
                         "cat /v/a/secret %s/secret; cat %s/mark; grep -c %s /proc/self/mountinfo" % (folder, folder, "canary"))
        expect("of the host" not in result.out, i, result)
        good += result.code in (0, 1)
        unchanged()
    expect(good, "no container ever started")


@test("overlay")
def x01_sbx_is_overwritten_while_it_enters(box):
    """CVE-2019-5736, where root inside owns the program on the host: writers in the container try every process that
    appears, as commands enter. A kernel that refuses to write what is executed would hide a missing copy: then at least
    nothing is lost, which is what is asked."""
    folder = box.folder("bin")
    for name in os.listdir(os.path.dirname(SBX)):
        path = os.path.join(os.path.dirname(SBX), name)
        if name.startswith("sbx") and os.path.isfile(path) and os.access(path, os.X_OK):
            shutil.copy(path, folder)
            os.chown(os.path.join(folder, name), os.stat(box.top).st_uid, os.stat(box.top).st_gid)
    sbx = os.path.join(folder, "sbx")

    def sums():
        found = {}
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), "rb") as f:
                found[name] = hashlib.sha256(f.read()).hexdigest()
        return found
    before = sums()
    writer = "echo ready; while :; do for p in /proc/[0-9]*; do [ $p/exe -ef /bin/busybox ] || echo pwned 2>/dev/null >$p/exe; done; done 2>/dev/null"
    expect(box.run([sbx, "run", "-d", "--name", "c", "--init", "--privileged", "busybox", "sh", "-c", writer]).code == 0)
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the writer")
    box.ok("exec", "c", "sh", "-c", "printf '#!/proc/self/exe\\n' >/bad; chmod 755 /bad")
    for i in range(int(os.environ.get("SBX_TEST_ROUNDS", "60"))):
        expect(box.run([sbx, "exec", *(["--privileged"] if i % 2 else []), "c", "true"]).code == 0)
        if i % 10 == 0:
            expect(box.run([sbx, "exec", "c", "/bad"]).code != 0)
            box.run([sbx, "run", "--rm", "busybox", "sh", "-c", "echo pwned >/proc/1/exe; echo pwned >/proc/self/exe"])
            expect(sums() == before, "sbx was overwritten in round %d" % i)
    expect(sums() == before, "sbx was overwritten")
    expect(box.ok("exec", "c", "readlink", "/proc/1/exe") not in before, "pid 1 names the host's file")


@test("overlay", "fuse")
def c03_mount_targets_are_links_when_cp_runs(box):
    """CVE-2026-41568: to copy into a stopped container its volumes have to be where they belong, links or not."""
    folder, unchanged = canary(box)
    with_link(box, "odd", "w", folder)
    box.file("payload", "payload\n")
    box.ok("volume", "create", "vv")
    box.ok("create", "--name", "c", "-v", "vv:/w/m", "odd", "sh", "-c",
           "mkdir -p /x/m; echo ready; while :; do rm -f /y; ln -s %s /y; rm -f /y; ln -s /x /y; done" % folder)
    for name in "/w/m/f", "/w/f", "/w/secret":
        box.sbx("cp", "payload", "c:" + name)
        unchanged()
        result = box.sbx("cp", "c:" + name, "got")
        if result.code == 0:
            expect(open(box.path("got"), encoding="ascii").read() == "payload\n", name, result)
    box.ok("start", "c")
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the race")
    for _ in range(20):
        box.sbx("cp", "payload", "c:/y/m/f")
        box.sbx("cp", "payload", "c:/y/secret")
        unchanged()


@test("overlay")
def c04_links_and_patterns_in_names_mean_the_container(box):
    folder, unchanged = canary(box)
    box.ok("run", "-d", "--name", "c", "busybox", "sh", "-c",
           "mkdir -p /up%s; ln -s %s /l; ln -s ../../../../../..%s /r; echo ready; exec sleep 100" % (folder, folder, folder))
    wait_for(lambda: "ready" in box.ok("logs", "c"), "the links")
    box.file("payload", "payload\n")
    for name in "/l/secret", "/r/secret", "/l/new", "/r/", "/l":
        result = box.sbx("cp", "payload", "c:" + name)
        expect(result.code in (0, 1), result)
        unchanged()
    for name in "/l/secret", "/r/secret":
        result = box.sbx("cp", "c:" + name, "got")
        expect(result.code != 0 or open(box.path("got"), encoding="ascii").read() == "payload\n", result)
    box.fails(1, "cp", "c:/*", "got", says="/\\*")
    box.fails(1, "cp", "*:/etc/passwd", "got", says="no such container|such container")
    os.symlink(folder + "/new", box.path("dangling"))  # on the caller's side the caller's own links count, as with cp(1)
    box.ok("cp", "c:/etc/passwd", "plain")


# ---- the second wall, and limits ----

CONNECT = "use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; print connect($s, pack('S a*', AF_UNIX, \"\\0$ARGV[0]\")) ? 'connected' : \"refused: $!\""


@test("overlay")
def x14_abstract_sockets_of_the_host_are_out_of_reach(box):
    abi = landlock(box)
    name = "sbx-test-" + os.path.basename(box.top)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0" + name)
        listening.listen(8)
        ask = ("debian", "perl", "-e", CONNECT, name)
        expect("refused" in box.ok("run", "--rm", *ask), "another network namespace")
        out = box.ok("run", "--rm", "--network", "host", *ask)
        expect(("not permitted" in out) if abi >= 6 else (out == "connected"), abi, out)
        expect(box.ok("run", "--rm", "--network", "host", "--security-opt", "landlock=off", *ask) == "connected")
        own = CONNECT.replace("socket(my", "socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack('S a*', AF_UNIX, \"\\0$ARGV[0]\")) or die; listen($l, 1); socket(my", 1)
        expect(box.ok("run", "--rm", "--network", "host", "debian", "perl", "-e", own, name + "-own") == "connected", "its own")


@test("overlay", "fuse")
def x14_sbx_listens_on_no_abstract_socket(box):
    box.ok("run", "-d", "-p", "%d:80" % free_port(), "busybox", "sleep", "100")
    with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
        abstract = {row[6] for row in map(str.split, f) if len(row) > 7 and row[7].startswith("@")}
    seen = 0
    for pid, command in processes_with(box.top):
        try:
            links = [os.readlink("/proc/%d/fd/%s" % (pid, fd)) for fd in os.listdir("/proc/%d/fd" % pid)]
        except OSError:
            continue  # helpers cannot be looked into; their calls are in their lists
        seen += 1
        expect(not [l for l in links if l[:8] == "socket:[" and l[8:-1] in abstract], pid, command, links)
    expect(seen, "no process of sbx was seen")


@test("overlay", "fuse", "single")
def the_second_wall_lets_pass_what_docker_lets_pass(box):
    """Landlock on: renames and links between folders, executing, /dev/stdin of the host's, /proc, tmpfs, volumes, and
    exec may look into the container's own processes."""
    work = "mkdir /a /b; echo x >/a/f; mv /a/f /b/g; ln /b/g /a/h; cp /bin/busybox /a/true; /a/true; cat /dev/stdin </dev/null;" \
        "echo 3 >/proc/self/oom_score_adj; echo x >/dev/shm/x; echo x >/v/x; mv /v/x /v/y; echo x >/b2/x; : >/b2/x; cat /b/g; echo x >/dev/stderr"
    out = box.ok("run", "--rm", "-v", "vv:/v", "-v", box.folder("b2") + ":/b2", "busybox", "sh", "-ec", work)
    expect(out == "x", out)
    expect(box.ok("run", "--rm", "-i", "busybox", "cat", "/dev/stdin", data="words") == "words")
    with open(box.file("words", "of a file\n"), "rb") as f:
        child = box.start("run", "--rm", "-i", "busybox", "cat", "/dev/stdin", stdin=f, stdout=-1)
        expect(child.communicate()[0] == b"of a file\n", "a file as input")
    box.ok("run", "-d", "--name", "c", "-e", "WORD=seen", "busybox", "sleep", "100")
    expect("WORD=seen" in box.ok("exec", "c", "cat", "/proc/1/environ"))
    expect(box.ok("exec", "c", "readlink", "/proc/1/exe").startswith("/bin/"))
    box.ok("exec", "c", "sh", "-c", "echo logged >/proc/1/fd/1")
    wait_for(lambda: "logged" in box.ok("logs", "c"), "the line")
    box.ok("run", "--rm", "--read-only", "--tmpfs", "/t", "-v", "vv:/v", "busybox", "sh", "-ec",
           "echo x >/t/x; echo x >/v/z; echo x >/dev/null; echo x >/dev/shm/x; echo 3 >/proc/self/oom_score_adj; ! touch /x 2>/dev/null")


@test("overlay")
def the_second_wall_stands_when_mounts_become_writable(box):
    """With --read-only and Landlock forced on, root inside may remount what it likes: nothing can be mounted at all, so a
    read-only root stays so."""
    if landlock(box) < 2:
        raise Skip("this kernel has no Landlock that allows renames (ABI 2)")
    script = "mount -o remount,rw / 2>&1; mount -t tmpfs x /tmp 2>&1; touch /x 2>&1 || echo stays"
    out = box.ok("run", "--rm", "--read-only", "--cap-add", "SYS_ADMIN", "--security-opt", "landlock=on", "busybox", "sh", "-c", script)
    expect("stays" in out and out.count("permission denied") + out.count("not permitted") >= 2, out)
    out = box.ok("run", "--rm", "--cap-add", "SYS_ADMIN", "busybox", "sh", "-ec", "mount -t tmpfs x /tmp; echo mounted")
    expect(out == "mounted", "where mounts are allowed there is no second wall by itself")
    box.fails(125, "run", "--rm", "--security-opt", "landlock=maybe", "busybox", "true", says="want on or off")


@test("overlay")
def x15_a_fork_bomb_a_full_log_and_full_shared_memory(box):
    box.ok("run", "-d", "--name", "bomb", "--policy", "untrusted", "--ulimit", "nproc=60", "busybox", "sh", "-c",
           "f() { f | f & }; (while :; do f; done) 2>/dev/null & exec sleep 100")
    box.ok("run", "--name", "noise", "--log-opt", "max-size=100k", "--log-opt", "max-file=2", "busybox", "sh", "-c",
           "dd if=/dev/zero bs=1000 count=2000 2>/dev/null | tr '\\0' a | fold -w 100")
    folder = os.path.dirname(box.inspect("noise")["LogPath"])
    size = sum(os.path.getsize(os.path.join(folder, n)) for n in os.listdir(folder) if n.startswith("log"))
    expect(0 < size < 300000, size)
    result = box.sbx("run", "--rm", "busybox", "dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=100")
    expect(result.code != 0 and "No space left" in result.err, result)
    box.ok("ps")
    box.ok("kill", "bomb")
    wait_for(lambda: box.inspect("bomb")["State"]["Status"] == "exited", "the bomb's end")


if __name__ == "__main__":
    main()
