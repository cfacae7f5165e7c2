# SPDX-License-Identifier: Apache-2.0
"""The smaller commands: volumes, port, rename, top, diff, cp, prune."""

import json
import os
import re

from sbxtest import SBX, USER, Terminal, expect, free_port, main, sub_ids, test, wait_for


# ---- volumes (row 74) ----

@test()
def row_74_a_named_volume_is_filled_once_and_kept(box):
    expect(box.ok("volume", "create", "--label", "app=shop", "data") == "data")
    box.ok("run", "--rm", "-u", "0", "-v", "data:/vol", "config", "test -s /vol/seed && echo more > /vol/more")
    expect(box.ok("run", "--rm", "-v", "data:/vol", "busybox", "cat", "/vol/seed", "/vol/more") ==
           "from the image\nmore")
    info = json.loads(box.ok("volume", "inspect", "data"))[0]
    expect(list(info) == ["CreatedAt", "Driver", "Labels", "Mountpoint", "Name", "Options", "Scope"], info)
    expect(info["Labels"] == {"app": "shop"} and info["Options"] is None and info["Scope"] == "local", info)
    expect(info["Mountpoint"] == box.path("root/volumes/data/_data"), info)
    expect(open(info["Mountpoint"] + "/more", encoding="utf-8").read() == "more\n")
    expect(box.ok("inspect", "-f", "{{.Name}}", "--type", "volume", "data") == "data")
    expect(box.ok("volume", "rm", "data") == "data")
    box.fails(1, "volume", "inspect", "data", says="get data: no such volume")


@test("overlay", "fuse")
def row_74_volume_ls_filters_and_formats(box):
    box.ok("volume", "create", "--label", "a=1", "--label", "b", "first")
    box.ok("run", "-d", "--name", "c1", "-v", "second:/s", "-v", "/anonymous", "busybox", "sleep", "100")
    anonymous = [m["Name"] for m in box.inspect("c1")["Mounts"] if m["Destination"] == "/anonymous"][0]
    lines = box.ok("volume", "ls").split("\n")
    expect(lines[0] == "DRIVER    VOLUME NAME", lines)
    expect(lines[1:] == ["local     " + name for name in sorted(["first", "second", anonymous])], lines)
    expect(box.ok("volume", "ls", "-q", "-f", "dangling=true") == "first")
    expect(box.ok("volume", "ls", "-q", "-f", "label=a=1", "-f", "label=b") == "first")
    expect(box.ok("volume", "ls", "-q", "-f", "label=a=2") == "")
    expect(box.ok("volume", "list", "-q", "--filter", "name=^sec") == "second")
    expect(box.ok("volume", "ls", "-f", "name=first", "--format", "{{.Name}} {{.Labels}} {{.Label \"a\"}}") ==
           "first a=1,b= 1")
    expect(json.loads(box.ok("volume", "ls", "-f", "name=first", "--format", "json"))["Driver"] == "local")
    box.fails(1, "volume", "ls", "-f", "colour=red", says="invalid filter 'colour'")
    box.fails(125, "volume", "ls", "-f", "colour", says="bad format of filter")


@test()
def row_74_a_volume_in_use_is_refused_and_names_the_container(box):
    c1 = box.ok("run", "-d", "--name", "c1", "-v", "data:/d", "busybox", "sh", "-c", "echo kept > /d/f; exec sleep 100")
    box.fails(1, "volume", "rm", "data", says=r"remove data: volume is in use - \[%s\]" % c1)
    box.ok("kill", "c1")
    box.fails(1, "volume", "rm", "-f", "data", says="volume is in use")
    box.ok("rm", "-v", "c1")
    expect(box.ok("volume", "ls", "-q") == "data", "rm -v removes anonymous volumes only")
    result = box.fails(1, "volume", "rm", "nosuch", "data", says="get nosuch: no such volume")
    expect(result.out == "data\n", result)
    expect(box.ok("volume", "rm", "-f", "nosuch") == "nosuch")
    expect(os.listdir(box.path("root/volumes")) == [])


@test("overlay", "fuse")
def row_74_files_of_other_users_go_with_their_volume(box):
    if not sub_ids():
        return
    box.ok("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c",
           "mkdir -p /d/a/b; echo x > /d/a/b/f; chown -R 7:7 /d/a; chmod 700 /d/a; chmod 000 /d/a/b")
    expect(os.stat(box.path("root/volumes/data/_data/a")).st_uid not in (0, USER.pw_uid))
    expect(box.ok("volume", "rm", "data") == "data")
    expect(os.listdir(box.path("root/volumes")) == [])


@test("overlay")
def threat_c10_odd_volume_names(box):
    box.file("canary", "mine")
    for name in ("../../canary", ".", "..", "-rf", "a/b", "x" * 300, "a\nb", "a\033[2J"):
        box.fails(1, "volume", "create", "--", name)
        box.fails(1, "volume", "rm", "--", name, says="no such volume")
    result = box.fails(1, "volume", "create", "--", "a\033[2J")
    expect("\033" not in result.err, repr(result.err))
    expect(os.path.exists(box.path("canary")) and not os.listdir(box.path("root/volumes") if
           os.path.isdir(box.path("root/volumes")) else box.folder("none")))
    outside = box.folder("outside")
    box.file("outside/f", "mine")
    box.ok("volume", "create", "data")
    os.symlink(outside, box.path("root/volumes/linked"))
    os.symlink(outside, box.path("root/volumes/data/_data/link"))
    box.fails(1, "volume", "rm", "linked", says="no such volume")
    box.ok("volume", "rm", "data")
    expect(os.listdir(outside) == ["f"])
    os.unlink(box.path("root/volumes/linked"))


@test("overlay", "fuse")
def row_74_prune_takes_what_nobody_uses(box):
    box.ok("volume", "create", "--label", "keep", "kept")
    box.ok("volume", "create", "named")
    anonymous = box.ok("volume", "create")
    expect(re.fullmatch("[0-9a-f]{64}", anonymous), anonymous)
    box.ok("run", "-d", "--name", "c1", "-v", "used:/u", "busybox", "sh", "-c",
           "head -c 1000000 /dev/zero > /u/f; exec sleep 100")
    result = box.sbx("volume", "prune", data="n\n")
    expect(result.code == 0 and result.out.endswith("Are you sure you want to continue? [y/N] "), result)
    expect("WARNING! This will remove anonymous local volumes not used by at least one container." in result.out)
    result = box.sbx("volume", "prune", data="y\n")
    expect(result.out.endswith("Deleted Volumes:\n%s\n\nTotal reclaimed space: 0B\n" % anonymous), result)
    expect(box.ok("volume", "prune", "-f") == "Total reclaimed space: 0B")
    expect(box.ok("volume", "prune", "-af", "--filter", "label!=keep").split("\n")[:2] == ["Deleted Volumes:", "named"])
    wait_for(lambda: os.path.getsize(box.path("root/volumes/used/_data/f")) == 1000000, "the file")
    box.ok("rm", "-f", "c1")
    expect(box.ok("volume", "prune", "-f", "--all") ==
           "Deleted Volumes:\nkept\nused\n\nTotal reclaimed space: 1MB")
    box.fails(1, "volume", "prune", "-f", "--filter", "until=1h", says="invalid filter 'until'")


@test("overlay", "fuse")
def a_volume_can_be_a_directory_of_the_host(box):
    work = box.folder("w")
    box.ok("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=" + work, "data")
    box.ok("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c", "echo x > /d/f")
    expect(os.listdir(work) == ["f"])
    box.ok("volume", "rm", "data")
    expect(os.listdir(work) == ["f"])
    box.fails(1, "volume", "create", "-o", "type=nfs", "data", says="without root")


# ---- port, rename, top ----

@test("overlay")
def row_30_port_shows_where_ports_are(box):
    tcp, udp = free_port(), free_port()
    box.ok("run", "-d", "--name", "c1", "-p", "%d:80" % tcp, "-p", "127.0.0.1:%d:53/udp" % udp, "busybox", "sleep", "100")
    expect(box.ok("port", "c1") == "53/udp -> 127.0.0.1:%d\n80/tcp -> 0.0.0.0:%d" % (udp, tcp))
    expect(box.ok("port", "c1", "80") == "0.0.0.0:%d" % tcp)
    expect(box.ok("container", "port", "c1", "53/udp") == "127.0.0.1:%d" % udp)
    box.fails(1, "port", "c1", "53", says="no public port '53/tcp' published for c1")
    box.fails(1, "port", "c1", "http", says="invalid port")
    box.fails(1, "port", "nosuch", says="No such container: nosuch")
    box.ok("kill", "c1")
    expect(box.ok("port", "c1") == "")


@test("overlay", "fuse")
def rename_moves_the_name_of_running_and_stopped_containers(box):
    c1 = box.ok("run", "-d", "--name", "one", "busybox", "sleep", "100")
    expect(box.ok("rename", "one", "two") == "")
    expect(box.inspect("two")["Id"] == c1 and box.inspect(c1)["Name"] == "/two")
    box.fails(1, "inspect", "one", says="No such object: one")
    expect(box.ok("exec", "two", "echo", "hi") == "hi")
    box.ok("run", "--name", "one", "busybox", "true")
    box.fails(1, "rename", "one", "two", says=r"name .two. is already in use by container .%s" % c1)
    box.fails(1, "rename", "two", "two", says="same name")
    box.fails(1, "rename", "two", "a/b", says="only")
    box.ok("container", "rename", "one", "three")
    box.ok("kill", "two")
    box.ok("rm", "two", "three")
    expect(os.listdir(box.path("root/names")) == [])


@test("overlay")
def a_container_that_removes_itself_takes_its_new_name_along(box):
    box.ok("run", "-d", "--rm", "--name", "one", "busybox", "sleep", "100")
    box.ok("rename", "one", "two")
    box.ok("kill", "two")
    wait_for(lambda: not os.listdir(box.path("root/containers")) and not os.listdir(box.path("root/names")),
             "the end of it")


@test()
def row_41_top_shows_the_hosts_view(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c", "sleep 101 & sleep 102 & exec sleep 103")
    box.ok("exec", "-d", "c1", "sleep", "104")
    box.ok("run", "-d", "--name", "c2", "busybox", "sleep", "105")
    wait_for(lambda: len(box.ok("top", "c1").split("\n")) == 5, "four processes")
    lines = box.ok("top", "c1").split("\n")
    expect(lines[0].split() == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"], lines)
    expect(lines[0].index("PID") == 20, "columns are 20 wide at least", lines)
    expect(sorted(l.split(None, 7)[7] for l in lines[1:]) == ["sleep 10%d" % i for i in range(1, 5)], lines)
    expect(str(box.inspect("c1")["State"]["Pid"]) in [l.split()[1] for l in lines[1:]], lines)
    lines = box.ok("top", "c1", "-eo", "pid,args").split("\n")
    expect(lines[0].split() == ["PID", "COMMAND"] and len(lines) == 5, lines)
    box.fails(1, "top", "c1", "-o", "user", says="Couldn't find PID field in ps output")
    box.fails(1, "top", "c1", "--nonsense", says="Error running ps: exit status 1")
    box.ok("kill", "c1")
    box.fails(1, "top", "c1", says="is not running")


@test("overlay")
def threat_c02_top_runs_nothing_of_the_image(box):
    bad = box.file("bad", "#!/bin/sh\necho bad >/tmp/ran\n", 0o755)
    box.ok("run", "-d", "--name", "c1", "-v", bad + ":/bin/ps", "-v", bad + ":/usr/bin/ps", "busybox", "sleep", "100")
    expect("sleep 100" in box.ok("top", "c1"))
    box.fails(1, "exec", "c1", "cat", "/tmp/ran")
    box.ok("run", "-d", "--name", "c2", "busybox", "sh", "-c", "sleep 100; : \033[2J")
    shown = box.ok("top", "c2")
    expect("sh -c sleep 100" in shown and "\033" not in shown, repr(shown))


# ---- diff ----

@test()
def diff_tells_what_a_container_changed(box):
    box.ok("run", "--name", "c1", "busybox", "true")
    expect(box.ok("diff", "c1") == "", "nothing was changed")
    box.ok("run", "-d", "--name", "c2", "busybox", "sleep", "100")
    box.ok("exec", "c2", "sh", "-c", "rm /etc/group; echo >>/etc/passwd; mkdir -p /new/a; echo >/new/a/b; chmod 700 /home;"
           "rm -rf /usr; mkdir /usr; touch /usr/x; rm -rf /var; echo >/var; touch '/new/\n\033[2J'; chmod 0 /new/a;"
           "ln -s / /new/l; echo >/proc/self/comm; echo >/dev/shm/x")
    want = ["C /etc", "D /etc/group", "C /etc/passwd", "C /home", "A /new", "A /new/\\x0a\\x1b[2J", "A /new/a",
            "A /new/a/b", "A /new/l", "C /usr", "D /usr/bin", "D /usr/sbin", "A /usr/x", "C /var"]
    got = box.ok("diff", "c2").split("\n")
    expect(got == want, got)
    box.ok("kill", "c2")
    expect(box.ok("container", "diff", "c2").split("\n") == want)
    box.fails(1, "diff", "nosuch", says="No such container: nosuch")


# ---- cp (row 46) ----

def cp_world(box):
    """A running container c1 and a stopped one c2 with the same files, a volume, and a folder on the host."""
    for name in ("src", "src/sub"):
        box.folder(name)
    box.file("src/f", "hello\n", 0o640)
    box.file("src/sub/deep", "deep\n")
    os.symlink("f", box.path("src/link"))
    made = "mkdir -p /d/sub; echo in >/d/f; chmod 4755 /d/f; ln -s f /d/link; echo deep >/d/sub/deep; ln -s /d /dlink; %s"
    box.ok("run", "-d", "--name", "c1", "-v", "v1:/vol", "busybox", "sh", "-c", made % "exec sleep 100")
    box.ok("run", "--name", "c2", "-v", "v2:/vol", "busybox", "sh", "-c", made % "chown 7:7 /d/f || true")
    wait_for(lambda: box.sbx("exec", "c1", "test", "-L", "/dlink").code == 0, "the files")
    return "c1", "c2"


def inside(box, name, script):
    """What a shell says in the container; a stopped one is started by another that has its volume."""
    if name == "c1":
        return box.ok("exec", "c1", "sh", "-c", script)
    box.ok("cp", name + ":/", box.path("whole"))
    result = box.run(["sh", "-c", "cd %s; %s" % (box.path("whole"), re.sub(r"(?<=[ ;(])/", "./", script))])
    box.run(["sh", "-c", "chmod -R u+rwX %s; rm -rf %s" % (box.path("whole"), box.path("whole"))])
    return result.out.rstrip("\n")


@test()
def row_46_cp_into_a_container(box):
    for c in cp_world(box):
        box.ok("cp", "src", c + ":/new")
        box.ok("cp", box.path("src") + "/.", c + ":/new/again")
        box.ok("cp", "src", c + ":new")
        box.ok("cp", "src/f", c + ":/etc/renamed")
        box.ok("cp", "src/f", c + ":/vol/")
        box.ok("cp", "src/f", c + ":/dlink/through")
        box.ok("cp", "src/link", c + ":/l1")
        box.ok("cp", "-L", "src/link", c + ":/l2")
        got = inside(box, c, "cat /new/f /new/again/sub/deep /new/src/f /etc/renamed /vol/f /d/through /l2; readlink /l1")
        expect(got == "hello\ndeep\n" + "hello\n" * 5 + "f", c, got)
        box.fails(1, "cp", "nosuch", c + ":/x", says="nosuch: No such file")
        box.fails(1, "cp", "src", c + ":/etc/renamed", says="cannot copy directory to a file")
        box.fails(1, "cp", "src/f", c + ":/none/", says="no such directory")
        box.fails(1, "cp", "src/f", c + ":/none/x", says="no directory to copy into")
        box.fails(1, "cp", "src/f", c + ":/etc/renamed/", says="not a directory")
    expect(box.ok("exec", "c1", "stat", "-c", "%a %u:%g", "/etc/renamed", "/new") == "640 0:0\n755 0:0")
    box.ok("cp", "-a", "src/f", "c1:/kept")
    expect(box.ok("exec", "c1", "stat", "-c", "%u:%g", "/kept") == "0:0", "the caller is root inside")
    expect(open(box.path("root/volumes/v2/_data/f"), encoding="ascii").read() == "hello\n")
    expect(box.ok("start", "-a", "c2") == "")


@test()
def row_46_cp_out_of_a_container(box):
    for c in cp_world(box):
        out = box.folder("out-" + c)
        box.ok("cp", c + ":/d", out + "/new")
        box.ok("cp", c + ":/d", out)
        box.ok("cp", c + ":/d/.", out)
        box.ok("cp", c + ":d/f", out + "/renamed")
        box.ok("cp", c + ":/d/link", out + "/link2")
        box.ok("cp", "-L", c + ":/d/link", out + "/followed")
        box.ok("cp", c + ":/dlink/", out + "/slash")
        for name in ("new/f", "d/f", "f", "renamed", "followed", "slash/f"):
            st = os.lstat(os.path.join(out, name))
            expect((st.st_uid, st.st_gid) == (USER.pw_uid, USER.pw_gid), name, st)
            expect(st.st_mode & 0o7777 == 0o755, "no set-id bits on the host", name, oct(st.st_mode))
            expect(open(os.path.join(out, name), encoding="ascii").read() == "in\n", name)
        expect(os.readlink(out + "/link2") == "f" and os.readlink(out + "/new/link") == "f")
        expect(open(out + "/new/sub/deep", encoding="ascii").read() == "deep\n")
        box.fails(1, "cp", c + ":/nosuch", out, says="Could not find the file /nosuch in container " + c)
        box.fails(1, "cp", c + ":/d", out + "/renamed", says="cannot copy directory to a file")
        box.fails(1, "cp", c + ":/d/f", out + "/none/", says="no such directory")
    box.fails(1, "cp", "c1:/d", "c2:/d", says="copying between containers is not supported")
    box.fails(1, "cp", "a", "b", says="must specify at least one container source")
    box.fails(1, "cp", "nosuch:/d", "b", says="No such container: nosuch")


@test("overlay", "fuse")
def row_46_cp_speaks_tar(box):
    for c in cp_world(box):
        box.run(["sh", "-c", "tar c -C src . >in.tar"])
        with open(box.path("in.tar"), "rb") as f:
            expect(box.sbx("cp", "-", c + ":/tmp", data=f.read()).code == 0)
        real = box.run(["sh", "-c", "\"$0\" cp %s:/d - | tar tf - | sort" % c, SBX])
        expect(real.out.split() == ["d/", "d/f", "d/link", "d/sub/", "d/sub/deep"], real)
        real = box.run(["sh", "-c", "\"$0\" cp %s:/tmp/sub/deep - | tar xOf - deep" % c, SBX])
        expect(real.out == "deep\n", real)
        result = box.sbx("cp", "-", c + ":/d/f", data=b"")
        expect(result.code == 1 and "must be a directory" in result.err, result)
        result = box.sbx("cp", "-", c + ":/tmp", data=b"no archive" * 100)
        expect(result.code == 1 and "not a tar archive" in result.err, result)
        result = box.sbx("cp", "-", c + ":/tmp", data=b"")
        expect(result.code == 1, "an empty stream is no archive", result)


@test("overlay", "fuse", seconds=120)
def threat_c01_a_container_that_swaps_names_gets_nothing_of_the_host(box):
    box.file("canary", "of the host\n")
    secret = box.path("canary")
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c",
           "mkdir -p /w/a%s /w/b%s; echo inside >/w/a%s; while :; do mv /w/a /w/c; ln -s / /w/a; rm /w/a; mv /w/c /w/a; done" %
           (box.top, box.top, secret))
    wait_for(lambda: box.sbx("exec", "c1", "test", "-e", "/w").code == 0, "the loop")
    box.file("payload", "payload\n")
    good = 0
    for i in range(int(os.environ.get("SBX_TEST_ROUNDS", "60"))):
        result = box.sbx("cp", "c1:/w/a" + secret, "got")
        if result.code == 0:
            good += 1
            got = open(box.path("got"), encoding="ascii").read()
            expect(got in ("inside\n", "payload\n"), i, got)
        box.sbx("cp", "payload", "c1:/w/a" + secret)
        box.sbx("exec", "c1", "sh", "-c", "echo inside >/w/a" + secret)
        expect(open(secret, encoding="ascii").read() == "of the host\n", "the host's file was written", i)
    expect(good, "never copied at all")


@test("overlay")
def threats_c05_c06_c07_odd_files(box):
    box.ok("run", "-d", "--name", "c1", "busybox", "sh", "-c",
           "mkdir /o; cd /o; mkfifo p; echo x >'a\nb'; echo e >\"$(printf '\\033[2J')\"; truncate -s 100000000 sparse;"
           "ln -s %s out; exec sleep 100" % box.folder("outside"))
    wait_for(lambda: box.sbx("exec", "c1", "test", "-L", "/o/out").code == 0, "the files")
    result = box.sbx("cp", "c1:/o", "got")
    expect(result.code == 0 and "FIFO: not copied" in result.err and "\033" not in result.err, repr(result.err))
    expect(sorted(os.listdir(box.path("got"))) == ["\033[2J", "a\nb", "out", "sparse"])
    expect(os.stat(box.path("got/sparse")).st_blocks < 10000, "holes stay holes")
    box.fails(1, "cp", "c1:/o/p", "p", says="is a FIFO: not copied")
    expect(box.ok("cp", "c1:/proc/version", "version") == "")
    # what is copied over a link that an earlier copy made does not go through it
    box.ok("exec", "c1", "sh", "-c", "rm /o/out; mkdir /o/out; echo bad >/o/out/f")
    box.fails(1, "cp", "c1:/o/.", "got", says="cannot overwrite non-directory|not a directory")
    expect(os.listdir(box.path("outside")) == [])
    os.chmod(box.folder("private"), 0o700)
    box.ok("cp", "c1:/etc/passwd", "private")
    expect(os.stat(box.path("private")).st_mode & 0o777 == 0o700)


@test("overlay")
def cp_says_what_it_did_to_a_terminal_only(box):
    box.ok("run", "--name", "c1", "busybox", "true")
    box.file("f", "x" * 3000)
    result = box.sbx("cp", "f", "c1:/f")
    expect(result.code == 0 and result.out == "" and result.err == "", result)
    terminal = Terminal(box, SBX, "cp", "f", "c1:/f")
    terminal.wait_text(r"Successfully copied [0-9.]+kB to c1:/f")
    expect(terminal.wait_end() == 0)
    terminal = Terminal(box, SBX, "cp", "-q", "f", "c1:/f")
    expect(terminal.wait_end() == 0 and terminal.seen == b"", terminal.seen)


# ---- prune, df ----

@test("overlay", "fuse")
def prune_removes_what_nobody_uses(box):
    up = box.ok("run", "-d", "--name", "up", "busybox", "sleep", "100")
    down = box.ok("run", "-d", "--name", "down", "--label", "a=1", "busybox", "sh", "-c", "head -c 500000 /dev/zero >/f")
    box.ok("wait", "down")
    result = box.sbx("container", "prune", data="n\n")
    expect(result.code == 0 and "WARNING! This will remove all stopped containers." in result.out, result)
    expect(box.ok("container", "prune", "-f", "--filter", "until=1h") == "Total reclaimed space: 0B")
    expect(box.ok("container", "prune", "-f", "--filter", "label!=a") == "Total reclaimed space: 0B")
    box.fails(1, "container", "prune", "-f", "--filter", "x=y", says="invalid filter 'x'")
    result = box.sbx("container", "prune", data="y\n")
    expect(result.out.endswith("Deleted Containers:\n%s\n\nTotal reclaimed space: 500kB\n" % down), result)
    expect(box.ok("ps", "-aq", "--no-trunc") == up)
    box.ok("pull", "config")
    expect(box.ok("image", "prune", "-f") == "Total reclaimed space: 0B", "nothing dangles")
    out = box.ok("image", "prune", "-af")
    expect("untagged: config:latest" in out and "deleted: sha256:" in out and "busybox" not in out, out)
    expect(box.ok("images", "--format", "{{.Repository}}") == "busybox")
    anonymous = box.ok("volume", "create")
    box.ok("kill", "up")
    out = box.ok("system", "prune", "-af", "--volumes")
    expect(up in out and anonymous in out and "untagged: busybox:latest" in out, out)
    expect(box.ok("ps", "-aq") + box.ok("images", "-q") + box.ok("volume", "ls", "-q") == "")


@test("overlay", "fuse")
def row_20_system_df(box):
    def table():
        lines = box.ok("system", "df").split("\n")
        expect(re.split("   +", lines[0].strip()) == ["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"], lines)
        return {re.split("   +", l)[0]: re.split("   +", l)[1:] for l in lines[1:]}
    expect(table() == {"Images": ["0", "0", "0B", "0B"], "Containers": ["0", "0", "0B", "0B"],
                       "Local Volumes": ["0", "0", "0B", "0B"], "Build Cache": ["0", "0", "0B", "0B"]})
    box.ok("run", "--name", "c1", "-v", "v1:/v", "busybox", "sh", "-c", "head -c 10000000 /dev/zero >/v/f; echo 12345 >/g")
    box.ok("volume", "create", "v2")
    got = table()
    expect(got["Local Volumes"] == ["2", "1", "10MB", "0B (0%)"], got)
    expect(got["Containers"] == ["1", "0", "6B", "6B (100%)"], got)
    expect(got["Images"][:2] == ["1", "1"] and got["Images"][3] == "0B (0%)", got)
    box.ok("rm", "c1")
    got = table()
    expect(got["Local Volumes"] == ["2", "0", "10MB", "10MB (100%)"], got)
    expect(got["Images"][1] == "0" and got["Images"][3].endswith("(100%)"), got)
    expect(box.ok("system", "df", "--format", "{{.Type}}={{.TotalCount}}").split("\n")[0] == "Images=1")


if __name__ == "__main__":
    main()
