# SPDX-License-Identifier: Apache-2.0
"""The smaller commands: volumes, port, rename, top, diff, cp, prune."""

import json
import os
import re

from sbxtest import USER, expect, free_port, main, sub_ids, test, wait_for


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


if __name__ == "__main__":
    main()
