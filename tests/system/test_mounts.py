#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mounts beyond the plain ones: acceptance rows 70 to 72, the modes of -v and --mount."""

import os

from sbxtest import USER, expect, main, test


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as f:
        return f.read()


def parent(box, *options):
    """A container that mounts a bind, a named and an anonymous volume."""
    box.file("b/f", "bound") if os.path.isdir(box.path("b")) else box.file(os.path.join(box.folder("b"), "f"), "bound")
    return box.ok("run", "--name", "parent", *options, "-v", box.path("b") + ":/b", "-v", "named:/n", "-v", "/a",
                  "busybox", "sh", "-c", "echo named > /n/f; echo anonymous > /a/f")


LOOK = ["busybox", "cat", "/b/f", "/n/f", "/a/f"]


@test("overlay", "single")
def row_70_volumes_from_a_stopped_parent_by_name_and_id(box):
    parent(box)
    expect(box.ok("run", "--rm", "--volumes-from", "parent", *LOOK) == "boundnamed\nanonymous")
    name = box.ok("ps", "-aq")
    expect(box.ok("run", "--rm", "--volumes-from=" + name, *LOOK) == "boundnamed\nanonymous")
    expect(box.inspect("parent")["HostConfig"]["VolumesFrom"] is None)


@test("overlay")
def row_70_volumes_from_read_only_repeated_and_in_chains(box):
    parent(box)
    box.fails(1, "run", "--rm", "--volumes-from", "parent:ro", "busybox", "touch", "/n/x", says="read-only")
    box.fails(1, "run", "--rm", "--volumes-from", "parent:ro", "busybox", "touch", "/b/x", says="read-only")
    box.ok("run", "--name", "child", "--volumes-from", "parent", "-v", "second:/s", "busybox", "sh", "-c", "echo two > /s/f")
    expect(box.ok("run", "--rm", "--volumes-from", "child", *LOOK, "/s/f") == "boundnamed\nanonymous\ntwo")
    box.ok("create", "--name", "other", "-v", "third:/t", "-v", "other:/n", "busybox")
    out = box.ok("run", "--rm", "--volumes-from", "parent", "--volumes-from", "other", "busybox", "sh", "-c",
                 "ls -d /t; ls /n")
    expect(out == "/t", "the last of two at one place counts", out)
    expect(box.inspect("child")["HostConfig"]["VolumesFrom"] == ["parent"])
    box.fails(125, "run", "--rm", "--volumes-from", "nobody", "busybox", says="No such container: nobody")
    box.fails(125, "run", "--rm", "--volumes-from", "parent:xx", "busybox", says="invalid mode: xx")


@test("overlay")
def row_70_a_mount_of_ones_own_comes_first(box):
    parent(box)
    mine = box.folder("mine")
    box.file("mine/f", "mine")
    expect(box.ok("run", "--rm", "-v", mine + ":/n", "--volumes-from", "parent", "busybox", "cat", "/n/f") == "mine")


@test("overlay")
def row_71_the_child_keeps_the_data_of_a_dead_parent(box):
    box.ok("run", "-d", "--name", "parent", "-v", "/a", "busybox", "sh", "-c", "echo kept > /a/f; exec sleep 100")
    box.ok("run", "-d", "--name", "child", "--volumes-from", "parent", "busybox", "sleep", "100")
    box.ok("kill", "parent")
    box.ok("rm", "-v", "parent")
    expect(box.ok("exec", "child", "cat", "/a/f") == "kept")
    box.ok("exec", "child", "sh", "-c", "echo more >> /a/f")
    box.ok("restart", "-t", "0", "child")
    expect(box.ok("exec", "child", "cat", "/a/f") == "kept\nmore")
    volume = box.ok("volume", "ls", "-q")
    box.fails(1, "volume", "rm", volume, says="in use")
    box.ok("rm", "-fv", "child")
    expect(box.ok("volume", "ls", "-q") == "", "the last user took the anonymous volume along")


@test("overlay")
def row_72_a_misspelt_option_is_explained(box):
    box.fails(125, "run", "--volumnes-from", "c", "busybox", says=["unknown flag: --volumnes-from", "--volumes-from"])


@test("overlay", "single")
def modes_change_what_is_mounted(box):
    box.file(os.path.join(box.folder("w"), "prog"), "#!/bin/sh\necho ran\n", 0o755)
    work = box.path("w")
    expect(box.ok("run", "--rm", "-v", work + ":/w:exec,Z,rprivate,nosuid", "busybox", "/w/prog") == "ran")
    box.fails(126, "run", "--rm", "-v", work + ":/w:noexec", "busybox", "/w/prog", says="noexec")
    expect(box.ok("run", "--rm", "--mount", "type=bind,src=%s,dst=/w,bind-propagation=rslave" % work, "busybox", "/w/prog") ==
           "ran")
    box.fails(125, "run", "--rm", "-v", work + ":/w:rshared", "busybox", "true", says="needs root")
    box.fails(125, "run", "--rm", "-v", work + ":/w:U", "busybox", "true", says="squash")


@test("overlay")
def a_directory_of_a_volume_is_mounted_and_its_links_stay_inside(box):
    box.ok("run", "--rm", "-v", "data:/d", "busybox", "sh", "-c",
           "mkdir -p /d/a/b; echo deep > /d/a/b/f; ln -s /etc /d/out; ln -s a /d/in")
    expect(box.ok("run", "--rm", "--mount", "type=volume,src=data,dst=/d,volume-subpath=a/b", "busybox", "cat", "/d/f") == "deep")
    expect(box.ok("run", "--rm", "--mount", "src=data,dst=/d,volume-subpath=in/b", "busybox", "cat", "/d/f") == "deep")
    for missing in ("no", "out"):
        result = box.sbx("run", "--rm", "--mount", "src=data,dst=/d,volume-subpath=" + missing, "busybox", "ls", "/d")
        expect(result.code == 125 and "volume-subpath" in result.err, result)


@test("overlay", "fuse", "single")
def image_is_mounted_read_only_whole_or_in_part(box):
    spec = "type=image,source=busybox,target=/i"
    out = box.ok("run", "--rm", "--mount", spec, "busybox", "sh", "-c", "/i/bin/busybox echo up; ls -d /i/etc/passwd; ls /")
    expect(out.startswith("up\n/i/etc/passwd\n") and "i" in out.split(), out)
    box.fails(1, "run", "--rm", "--mount", spec, "busybox", "touch", "/i/x", says="Read-only file system")
    box.fails(1, "run", "--rm", "--mount", spec, "busybox", "mount", "-o", "remount,rw", "/i")
    part = "type=image,src=busybox,dst=/etc/here,image-subpath=etc/"
    expect(box.ok("run", "--rm", "--mount", part, "busybox", "sh", "-c", "test -f /etc/here/passwd && echo there") == "there")
    file = "type=image,src=busybox,dst=/p,subpath=/etc/passwd"
    expect(box.ok("run", "--rm", "--mount", file, "busybox", "sh", "-c", "cmp /p /etc/passwd && echo same") == "same")
    two = ["--mount", spec, "--mount", "type=image,src=busybox,dst=/j"]
    expect(box.ok("run", "--rm", *two, "busybox", "sh", "-c", "cmp /i/bin/busybox /j/bin/busybox && echo same") == "same")


@test("overlay")
def image_that_is_not_here_and_paths_that_lead_out_are_refused(box):
    def refused(spec, says):
        result = box.sbx("run", "--rm", "--mount", "type=image,target=/i," + spec, "busybox", "ls", "/i")
        expect(result.code == 125 and says in result.err, result)

    refused("source=nobody:here", "sbx pull nobody:here")
    refused("source=busybox,image-subpath=no/such", "not found")
    refused("source=busybox,rw=true", "read-only")
    refused("source=busybox,volume-nocopy", "cannot mix")
    refused("readonly", "Source must not be empty")
    expect(box.sbx("ps", "-aq").out.split() == [], "nothing is left of what was refused")
    box.ok("run", "--name", "bent", "busybox", "sh", "-c", "ln -s /../../../../../etc /way; ln -s /proc/1/root/etc /kernel")
    box.ok("commit", "bent", "bent")
    host = read("/etc/hostname").strip()
    out = box.ok("run", "--rm", "--mount", "type=image,src=bent,dst=/i,image-subpath=way", "busybox", "ls", "/i")
    expect("passwd" in out.split() and "debian_version" not in out.split(), out, host)
    refused("source=bent,image-subpath=kernel", "kernel")
    box.ok("rm", "bent")


@test("overlay")
def image_stays_what_it_was_as_long_as_a_container_mounts_it(box):
    box.ok("run", "--name", "one", "busybox", "sh", "-c", "echo first > /text")
    box.ok("commit", "one", "text")
    box.ok("rm", "one")
    box.ok("create", "--name", "reader", "--mount", "type=image,src=text,dst=/i", "busybox", "cat", "/i/text")
    expect(box.ok("start", "-a", "reader") == "first")
    (mount,) = box.inspect("reader")["Mounts"]
    expect(mount["Type"] == "image" and mount["Source"] == "text" and mount["Destination"] == "/i" and not mount["RW"], mount)
    expect(not box.inspect("reader")["HostConfig"]["Binds"])
    box.fails(1, "rmi", box.ok("images", "-q", "text"), says="conflict")
    box.ok("run", "--name", "two", "busybox", "sh", "-c", "echo second > /text")
    box.ok("commit", "two", "text")
    box.ok("rm", "two")
    box.ok("image", "prune", "-af")
    expect(box.ok("start", "-a", "reader") == "first", "the image's name has moved on")
    expect(box.ok("cp", "reader:/etc/passwd", "-") != "", "a stopped container is looked into without it")
    box.ok("rm", "reader")


@test("overlay")
def what_is_made_for_a_missing_source_is_the_callers(box):
    box.ok("run", "--rm", "-v", box.path("x/y") + ":/w:ro", "busybox", "true")
    expect(os.stat(box.path("x/y")).st_uid == USER.pw_uid)
    result = box.sbx("run", "--rm", "-v", "/proc/nope:/w", "busybox", "true")
    expect(result.code == 125 and "/proc/nope" in result.err, result)


@test("overlay", "single")
def row_78_unshare_removes_what_belongs_to_sub_ids(box):
    work = box.folder("w", 0o777)
    if box.variant == "overlay":
        box.ok("run", "--rm", "-v", work + ":/w", "busybox", "sh", "-c", "mkdir /w/d; touch /w/d/f; chown -R 999:999 /w/d")
        expect(os.stat(work + "/d").st_uid != USER.pw_uid)
        expect(box.ok("unshare", "stat", "-c", "%u", work + "/d") == "999")
        box.ok("unshare", "chown", "-R", "0:0", work + "/d")
        expect(os.stat(work + "/d/f").st_uid == USER.pw_uid)
        box.ok("unshare", "chown", "-R", "999:999", work + "/d")
        box.ok("unshare", "rm", "-r", work + "/d")
        expect(os.listdir(work) == [])
    expect(box.ok("unshare", "id", "-u") == "0")
    expect(box.sbx("unshare", "sh", "-c", "exit 7").code == 7)
    box.fails(127, "unshare", "no-such-program", says="no-such-program")


@test("overlay")
def a_volume_is_exported_and_imported_with_its_owners(box):
    box.ok("run", "--rm", "-v", "va:/a", "busybox", "sh", "-c", "mkdir /a/d; echo x > /a/d/f; ln -s f /a/d/l; chown 999:5 /a/d/f")
    box.ok("volume", "export", "-o", box.path("a.tar"), "va")
    box.ok("volume", "create", "vb")
    box.ok("volume", "import", "vb", box.path("a.tar"))
    look = ["sh", "-c", "cat /a/d/l; stat -c %u:%g:%a /a/d/f"]
    expect(box.ok("run", "--rm", "-v", "vb:/a", "busybox", *look) == box.ok("run", "--rm", "-v", "va:/a", "busybox", *look))
    expect(box.ok("run", "--rm", "-v", "vb:/a", "busybox", *look).endswith("999:5:644"))
    box.fails(1, "volume", "export", "none", says="no such volume")
    box.fails(1, "volume", "import", "none", box.path("a.tar"), says="no such volume")
    box.file("bad.tar", "this is no archive" * 100)
    expect(box.sbx("volume", "import", "vb", box.path("bad.tar")).code == 1)


@test("overlay")
def autostart_writes_a_unit_or_a_line_and_takes_it_back(box):
    """Stand-ins for crontab and systemctl note what they are asked."""
    tools = box.folder("tools")
    box.file("tools/crontab", "#!/bin/sh\ncd %s\n[ \"$1\" = -l ] && { cat table 2>/dev/null || exit 1; exit 0; }\ncat > table\n" %
             box.top, 0o755)
    box.file("tools/systemctl", "#!/bin/sh\necho \"$@\" >> %s/asked\n" % box.top, 0o755)
    env = {"PATH": tools + ":" + box.env["PATH"]}
    box.file("table", "5 * * * * mine\n")
    expect("start --all" in box.ok("autostart", "--print", env=env) and not os.path.exists(box.path("asked")))
    line = box.ok("autostart", env=env)
    expect(line.startswith("@reboot ") and box.env["SBX_ROOT"] in line, line)
    box.ok("autostart", env=env)
    expect(read(box.path("table")) == "5 * * * * mine\n" + line + "\n", "once")
    box.ok("autostart", "--remove", env=env)
    expect(read(box.path("table")) == "5 * * * * mine\n")
    box.fails(1, "autostart", "--remove", env=env, says="nothing to take back")
    os.makedirs(box.path("run/systemd"))
    box.file("run/systemd/private", "")
    box.ok("autostart", env=env)
    unit = read(box.path("conf/systemd/user/sbx-autostart.service"))
    expect("ExecStart=" in unit and "start --all" in unit and read(box.path("asked")) == "--user --quiet enable sbx-autostart.service\n")
    odd = ("--root", box.path("a%b$c"), "autostart", "--print")
    expect("/a%%b$$c'" in box.ok(*odd, env=env), "systemd reads % and $")
    os.unlink(box.path("run/systemd/private"))
    expect("/a\\%b$c'" in box.ok(*odd, env=env), "cron ends a command at %")
    box.file("run/systemd/private", "")
    box.ok("autostart", "--remove", env=env)
    expect(not os.path.exists(box.path("conf/systemd/user/sbx-autostart.service")))


if __name__ == "__main__":
    main()
