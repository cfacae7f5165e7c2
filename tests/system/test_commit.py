#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers as images: commit and history, acceptance rows 53 and 56 to 58, threat C09."""

import json
import os
import signal
import subprocess
import tarfile

from sbxtest import SBX, USER, Skip, expect, main, sub_ids, test, wait_for

CHANGE = ("rm /a/gone; rm -rf /b; mkdir /b; echo new >/b/n; rm -rf /f; echo plain >/f; touch /x; chown 33:50 /x; "
          "chmod 4711 /x; mkdir -p /deep/er; echo 1 >/deep/er/one; ln /deep/er/one /deep/two")
LOOK = "ls -A /a /b; cat /f /b/n /deep/two; stat -c '%a %u:%g' /x; stat -c %h /deep/er/one"


def change_in(box):
    """With a single id nothing can be given away, and the kernel's overlay shows no set-id bits."""
    return CHANGE.replace("chown 33:50 /x; chmod 4711 /x", "chmod 711 /x") if box.variant == "single" else CHANGE


def state_of(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def top_layer(box, name):
    """The members of the last layer of the only image in an archive."""
    with tarfile.open(box.path(name)) as tar:
        last = json.load(tar.extractfile("manifest.json"))[0]["Layers"][-1]
        with tarfile.open(fileobj=tar.extractfile(last)) as layer:
            return {m.name: m for m in layer}


@test("overlay", "fuse", "single")
def rows_53_61_commit_adds_a_layer_with_deletions_and_keeps_the_settings(box):
    seen = box.ok("run", "--name", "c", "--net", "none", "-e", "WORD=hi", "-w", "/tmp", "--label", "from=run", "layers", "sh",
                  "-c", change_in(box) + ";" + LOOK)
    made = box.ok("commit", "-a", "Ann <ann@example.org>", "-m", "why", "-c", "CMD [\"sh\", \"-c\", \"echo $WORD; pwd\"]",
                  "c", "own:2")
    doc, parent = box.inspect("own:2"), box.inspect("layers")
    expect(doc["Id"] == made and made.startswith("sha256:"), made)
    expect(doc["RootFS"]["Layers"][:-1] == parent["RootFS"]["Layers"], doc["RootFS"])
    expect(doc["Author"] == "Ann <ann@example.org>" and doc["Comment"] == "why", doc)
    expect(doc["Config"]["Env"] == parent["Config"]["Env"] + ["WORD=hi"], doc["Config"])
    expect(doc["Config"]["Labels"] == {"from": "run"}, doc["Config"])
    expect(box.ok("run", "--rm", "--net", "none", "own:2") == "hi\n/tmp")
    expect(seen.startswith("/a:\nkeep\n\n/b:\nn\nplain\nnew\n1\n"), seen)
    expect(box.ok("run", "--rm", "--net", "none", "own:2", "sh", "-c", LOOK) == seen)
    box.ok("save", "-o", "own.tar", "own:2")
    top = top_layer(box, "own.tar")
    x = (top["x"].uid, top["x"].gid, top["x"].mode)
    expect(x == ((0, 0, 0o711) if box.variant == "single" else (33, 50, 0o4711)), x)
    expect("a/.wh.gone" in top and "b/.wh..wh..opq" in top and top["f"].isfile(), sorted(top))


@test("overlay")
def row_53_the_command_of_the_container_stays(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "true")
    box.ok("commit", "c", "one")
    expect(box.inspect("one")["Config"]["Cmd"] == ["true"])
    expect(box.inspect(box.ok("commit", "c"))["RepoTags"] in ([], ["one:latest"]))
    box.fails(1, "commit", "nobody", "x", says="No such container: nobody")
    box.fails(1, "commit", "c", "UPPER", says="lowercase")
    box.fails(1, "commit", "-c", "RUN true", "c", "x", says="not a valid change command")
    expect(box.ok("images", "-q", "x") == "")


@test("overlay", "fuse")
def row_53_processes_are_held_still_and_go_on(box):
    box.ok("run", "-d", "--name", "c", "--net", "none", "busybox", "sh", "-c",
           "sh -c 'while :; do echo x >>/log; done' & while :; do sleep 0.01; done")
    pid = box.inspect("c")["State"]["Pid"]
    box.ok("exec", "c", "sh", "-c", "until [ -s /log ]; do :; done")
    box.ok("commit", "c", "live:1")
    wait_for(lambda: state_of(pid) != "T", "the container to go on")
    grows = "a=$(wc -c </log); until [ $(wc -c </log) -gt $a ]; do :; done; echo grew"
    expect(box.ok("exec", "c", "sh", "-c", grows) == "grew")
    expect(box.ok("run", "--rm", "--net", "none", "live:1", "sh", "-c", "[ -s /log ] && echo kept") == "kept")


@test("overlay", "fuse")
def what_a_running_program_has_written_is_in_the_copy(box):
    """The file is open and was never synced: the kernel may still hold all of it."""
    box.ok("run", "-d", "--name", "c", "--net", "none", "busybox", "sh", "-c",
           "exec >/open; printf 'pending\\n'; while :; do :; done")  # nothing closes the file, which would hand it over
    box.ok("exec", "c", "sh", "-c", "until [ -s /open ]; do :; done")
    box.ok("commit", "c", "open:1")
    expect(box.ok("run", "--rm", "--net", "none", "open:1", "cat", "/open") == "pending")
    box.ok("export", "-o", "open.tar", "c")
    with tarfile.open(box.path("open.tar")) as tar:
        expect(tar.extractfile("open").read() == b"pending\n")


@test("overlay")
def a_killed_commit_does_not_leave_the_container_stopped(box):
    box.ok("run", "-d", "--name", "c", "--net", "none", "busybox", "sh", "-c",
           "dd if=/dev/zero of=/big bs=1M count=300 2>/dev/null; touch /ready; sleep 1000")
    box.ok("exec", "c", "sh", "-c", "until [ -e /ready ]; do sleep 0.02; done")
    pid = box.inspect("c")["State"]["Pid"]
    child = box.start("commit", "c", "big:1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: state_of(pid) == "T", "the container to stop")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    wait_for(lambda: state_of(pid) != "T", "the container to go on")


@test("overlay", "single")
def row_56_what_was_changed_survives_commit_save_rmi_load(box):
    seen = box.ok("run", "--name", "c", "--net", "none", "layers", "sh", "-c", change_in(box) + ";" + LOOK)
    made = box.ok("commit", "c", "own:1")
    box.ok("rm", "c")
    box.ok("save", "-o", "own.tar", "own:1")
    box.ok("rmi", "own:1", "layers")
    expect(box.ok("images", "-q") == "")
    expect(box.ok("load", "-i", "own.tar") == "Loaded image: own:1")
    expect(box.inspect("own:1")["Id"] == made)
    expect(box.ok("run", "--rm", "--net", "none", "own:1", "sh", "-c", LOOK) == seen)


@test("overlay")
def row_57_volumes_are_not_committed_and_that_is_said(box):
    box.ok("run", "--name", "c", "--net", "none", "-v", "/data", "busybox", "sh", "-c", "echo lost >/data/key; echo kept >/key")
    done = box.sbx("commit", "c", "v:1")
    expect(done.code == 0 and "what is in volumes is not part of the image: /data" in done.err, done)
    expect(box.inspect("v:1")["Config"]["Volumes"] == {"/data": {}})
    expect(box.ok("run", "--rm", "--net", "none", "v:1", "sh", "-c", "ls -A /data; cat /key") == "kept")


@test("overlay")
def row_58_old_images_stay_and_can_be_run_again(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", "echo two >/version")
    first = box.inspect("busybox")["Id"]
    box.ok("commit", "-m", "step two", "c", "busybox")
    rows = box.ok("history", "--no-trunc", "--format", "{{.ID}}|{{.Comment}}", "busybox").split("\n")
    expect(rows[0] == box.inspect("busybox")["Id"] + "|step two" and len(rows) == 2, rows)
    expect(rows[1].split("|")[0] == first, rows)
    box.ok("tag", first.split(":")[1][:12], "busybox:before")
    box.fails(1, "run", "--rm", "--net", "none", "busybox:before", "cat", "/version")
    expect(box.ok("run", "--rm", "--net", "none", "busybox", "cat", "/version") == "two")


# The containers' own directories are on a file system without xattrs; the ids are those of the caller again.
BARE = """mount -t ramfs bare "$SBX_ROOT/containers" && chmod 700 "$SBX_ROOT/containers" || exit 77
exec unshare --user --map-user=%d --map-group=%d sh -ec "$1"
"""


@test("fuse")
def what_an_upper_without_xattrs_hides_is_committed_and_told(box):
    """The mark of a directory that was made over a removed one is in upper.beside (docs/formats.md)."""
    if not sub_ids():
        raise Skip("no subordinate ids for a mount of one's own")
    box.ok("pull", "-q", "layers")
    box.folder("root/containers", 0o700)
    work = """sbx="%s"
$sbx run --name c --net none layers sh -c 'rm -rf /b; mkdir /b; echo new >/b/n' 2>/dev/null
grep -q user.overlay.opaque "$SBX_ROOT"/containers/*/upper.beside
$sbx diff c | grep '/b' | sort
$sbx commit c own:1 >/dev/null
$sbx run --rm --net none own:1 ls -A /b 2>/dev/null
$sbx rm c >/dev/null
""" % SBX
    done = box.run(["unshare", "--map-auto", "--map-root-user", "--mount", "--propagation", "private",
                    "sh", "-c", BARE % (USER.pw_uid, USER.pw_gid), "sh", work])
    if done.code == 77:
        raise Skip("no ramfs in a user namespace here: " + done.err)
    expect(done.code == 0, done)
    lines = done.out.split("\n")
    expect(lines[-2] == "n" and "A /b/n" in lines and any(line.startswith("D /b/") for line in lines), done)


@test("overlay")
def history_shows_layers_as_docker_does(box):
    box.ok("pull", "-q", "layers")
    lines = box.ok("history", "layers").split("\n")
    expect(lines[0].split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"] and len(lines) == 5, lines)
    expect(lines[2].startswith("<missing>") and "3MB" in lines[1], lines)
    expect(box.ok("history", "-H=false", "--format", "{{.Size}} {{.CreatedAt}}", "layers").split("\n")[0] ==
           "3000009 2023-11-14T22:13:20Z")
    expect(box.ok("history", "-q", "layers").split("\n")[0] == box.inspect("layers")["Id"].split(":")[1][:12])
    box.fails(1, "history", "nothing", says="No such image: nothing:latest")


@test("overlay", "fuse")
def c09_a_container_cannot_forge_deletions(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c",
           "touch /.wh.etc /.wh..wh..opq /bin/.wh.sh; mkdir -p /d/.wh.x; touch /d/.wh.x/f /d/y; mknod /bin/cat c 0 0; true")
    done = box.sbx("commit", "c", "forged:1")
    expect(done.code == 0, done)
    expect(box.ok("run", "--rm", "--net", "none", "forged:1", "sh", "-c", "ls /etc/passwd /bin/sh /d; [ -s /bin/cat ] && echo cat")
           == "/bin/sh\n/etc/passwd\n\n/d:\ny\ncat", done)


def listing(box, root):
    """What a store's newest layer consists of: names, kinds, modes, sizes, links, owners, marks and bytes."""
    layers = os.path.join(root, "layers")
    newest = max((n for n in os.listdir(layers) if len(n) == 64), key=lambda n: os.stat(os.path.join(layers, n)).st_ctime_ns)
    script = ("import os,sys,hashlib\nos.chdir(sys.argv[1])\n"
              "for d,s,f in os.walk('.'):\n"
              " for n in sorted(s)+sorted(f):\n"
              "  p=os.path.join(d,n);t=os.lstat(p)\n"
              "  h=hashlib.sha256(open(p,'rb').read()).hexdigest() if os.path.isfile(p) and not os.path.islink(p) else ''\n"
              "  l=os.readlink(p) if os.path.islink(p) else ''\n"
              "  x=[] if l else [(k,os.getxattr(p,k)) for k in sorted(os.listxattr(p))]\n"
              "  print(p,oct(t.st_mode),t.st_uid,t.st_gid,t.st_size if h else 0,0 if t.st_mode<0o40000 else int(t.st_mtime),t.st_nlink,h,l,x)\n")
    done = box.run(["unshare", "--map-root-user", "--map-auto", "python3", "-c", script, os.path.join(layers, newest)])
    expect(done.code == 0, done)
    return newest, sorted(done.out.splitlines())


@test("overlay", "fuse")
def row_53_the_layer_is_the_one_that_its_blob_unpacks_to(box):
    box.ok("run", "--name", "c", "--net", "none", "layers", "sh", "-c", CHANGE + ";ln -s /nowhere /l; mkfifo /p;"
           "dd if=/dev/zero of=/sparse bs=1 count=1 seek=50000000 2>/dev/null; head -c 700000 /dev/urandom >/noise; : >/empty")
    box.ok("commit", "c", "own:1")
    made = listing(box, box.env["SBX_ROOT"])
    box.ok("save", "-o", "own.tar", "own:1")
    other = box.folder("other", 0o700)
    box.ok("--root", other, "load", "-i", "own.tar")
    same = os.path.join(other, "layers", made[0])
    expect(os.path.isdir(same), "another chain id")
    for name in os.listdir(os.path.join(other, "layers")):
        if len(name) == 64 and name != made[0]:
            os.utime(os.path.join(other, "layers", name + ".json"))
    os.chmod(same, 0o755)  # its ctime: now the newest
    again = listing(box, other)
    expect(made == again, *(set(made[1]) ^ set(again[1])))
    with open(os.path.join(box.env["SBX_ROOT"], "layers", made[0] + ".json"), encoding="ascii") as a, \
            open(same + ".json", encoding="ascii") as b:
        expect(json.load(a) == json.load(b), "another record")
    holes = box.run(["unshare", "--map-root-user", "--map-auto", "du", "-k", os.path.join(box.env["SBX_ROOT"], "layers", made[0], "sparse")])
    expect(int(holes.out.split()[0]) < 2000, "zeros take space", holes)


@test("overlay", "fuse")
def what_run_made_for_its_mounts_is_no_part_of_an_image(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", "echo kept >/etc/own")
    box.ok("commit", "c", "own:1")
    box.ok("save", "-o", "own.tar", "own:1")
    expect(sorted(top_layer(box, "own.tar")) == ["etc", "etc/own"], sorted(top_layer(box, "own.tar")))
    box.ok("export", "-o", "c.tar", "c")
    with tarfile.open(box.path("c.tar")) as tar:
        names = tar.getnames()
    expect("etc/own" in names and "dev" in names, names)
    expect(not {"etc/hosts", "etc/hostname", "etc/resolv.conf", "dev/console"} & set(names), names)
    box.ok("run", "--name", "d", "--net", "none", "busybox", "true")
    before = box.inspect("busybox")["RootFS"]["Layers"]
    box.ok("commit", "d", "own:2")
    expect(box.inspect("own:2")["RootFS"]["Layers"] == before, "nothing was changed")


@test("overlay")
def others_read_what_sbx_commits(box):
    box.ok("run", "--name", "c", "--net", "none", "layers", "sh", "-c", CHANGE)
    box.ok("commit", "c", "own:1")
    box.ok("save", "-o", "own.tar", "own:1")
    for command in (["skopeo", "--insecure-policy", "copy", "oci-archive:own.tar", "oci:layout:x"],
                    ["umoci", "raw", "unpack", "--rootless", "--image", "layout:x", "rootfs"]):
        done = box.run(command)
        expect(done.code == 0, done)
    expect(sorted(os.listdir(box.path("rootfs/a"))) == ["keep"] and os.listdir(box.path("rootfs/b")) == ["n"])
    expect(os.path.isfile(box.path("rootfs/f")), "a directory became a file")
    done = box.run([SBX, "load", "-i", "own.tar"])
    expect(done.out == "Loaded image: own:1\n", done)


if __name__ == "__main__":
    main()
