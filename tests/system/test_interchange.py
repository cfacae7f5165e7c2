#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The interchange matrix: skopeo, umoci, podman and buildah read what sbx pushes, saves, commits and stores, and sbx
reads what they make. Ids and digests agree on both sides. (Archives of each kind: test_archives.py.)"""

import json
import os
import re
import tarfile

from sbxtest import REGISTRY, SBX, expect, main, sub_ids, test

HOST = REGISTRY.split("//")[1]
OWN = "echo data >/data; rm /etc/group; mkdir -p /deep/er; ln -s /data /link"
LOOK = "cat /data /link; ls /etc; readlink /link"


def tool(box, *command):
    done = box.run(list(command), seconds=120)
    expect(done.code == 0, done)
    return done.out.strip()


def store(box, *command):
    """podman or buildah with storage in the box."""
    return tool(box, command[0], "--root", box.path("theirs"), "--runroot", box.path("theirrun"), "--storage-driver", "vfs",
                *command[1:])


def end_theirs(box):
    store(box, "podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "rmi", "-a", "-f")
    store(box, "podman", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "system", "migrate")  # ends its pause process


def own_image(box, name):
    """A committed container, whose top layer deletes, adds and links."""
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", OWN)
    return box.ok("commit", "-c", "ENV WORD='hi there'", "-c", "LABEL from=sbx", "c", name)


def name_of(box, what):
    return "%s/exchange/%s:%s" % (HOST, os.path.basename(box.top), what)


def manifest_digest(box, name):
    return [d for d in box.inspect(name)["RepoDigests"] if d.startswith(name.rsplit(":", 1)[0])][0].split("@")[1]


@test("overlay")
def skopeo_takes_what_sbx_pushes_and_sbx_what_skopeo_pushes(box):
    ident = own_image(box, name_of(box, "own"))
    pushed = box.ok("push", name_of(box, "own")).split("digest: ")[1].split()[0]
    doc = json.loads(tool(box, "skopeo", "inspect", "--tls-verify=false", "docker://" + name_of(box, "own")))
    expect(doc["Digest"] == pushed and doc["Labels"] == {"from": "sbx"} and "WORD=hi there" in doc["Env"], doc)
    tool(box, "skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--dest-tls-verify=false",
         "docker://" + name_of(box, "own"), "docker://" + name_of(box, "copied"))
    box.ok("rmi", name_of(box, "own"))
    box.ok("pull", "-q", name_of(box, "copied"))
    expect(box.inspect(name_of(box, "copied"))["Id"] == ident and manifest_digest(box, name_of(box, "copied")) == pushed)
    seen = box.ok("run", "--rm", "--net", "none", name_of(box, "copied"), "sh", "-c", LOOK)
    expect(seen == "data\ndata\npasswd\n/data" or seen.startswith("data\ndata\n") and "group" not in seen, seen)


@test("overlay")
def podman_and_buildah_take_what_sbx_pushes_and_sbx_what_they_push(box):
    ident = own_image(box, name_of(box, "own"))
    box.ok("push", "-q", name_of(box, "own"))
    for program in ("podman", "buildah"):
        store(box, program, "pull", "-q", "--tls-verify=false", name_of(box, "own"))
        form = ("inspect", "--type", "image", "--format", "{{.Id}}" if program == "podman" else "{{.FromImageID}}")
        expect("sha256:" + store(box, program, *form, name_of(box, "own")) == ident, program)
        store(box, program, "tag", name_of(box, "own"), name_of(box, program))
        store(box, program, "push", "-q", "--tls-verify=false", name_of(box, program))
        box.ok("pull", "-q", name_of(box, program))
        expect(box.inspect(name_of(box, program))["Id"] == ident, program)
    work = store(box, "buildah", "from", "-q", name_of(box, "own"))
    store(box, "buildah", "config", "--cmd", '["cat", "/data"]', "--env", "MADE=buildah", work)
    theirs = store(box, "buildah", "commit", "-q", "--rm", work, name_of(box, "theirs"))
    store(box, "buildah", "push", "-q", "--tls-verify=false", name_of(box, "theirs"))
    box.ok("pull", "-q", name_of(box, "theirs"))
    doc = box.inspect(name_of(box, "theirs"))
    expect(doc["Id"] == "sha256:" + theirs and "MADE=buildah" in doc["Config"]["Env"], doc["Id"], theirs)
    expect(box.ok("run", "--rm", "--net", "none", name_of(box, "theirs")) == "data")
    end_theirs(box)


@test("overlay")
def the_store_is_a_layout_that_others_read(box):
    ident = own_image(box, "own:1")
    layout = "oci:%s:docker.io/library/own:1" % os.path.join(box.env["SBX_ROOT"], "images")
    doc = json.loads(tool(box, "skopeo", "inspect", "--config", layout))
    expect(doc["config"]["Labels"] == {"from": "sbx"}, doc)
    raw = tool(box, "skopeo", "inspect", "--raw", layout)
    expect(json.loads(raw)["config"]["digest"] == ident, raw)
    tool(box, "skopeo", "--insecure-policy", "copy", layout, "oci:out:x")
    tool(box, "umoci", "raw", "unpack", "--rootless", "--image", "out:x", "rootfs")
    with open(box.path("rootfs/data"), encoding="ascii") as f:
        expect(f.read() == "data\n" and not os.path.exists(box.path("rootfs/etc/group")))
    expect(os.readlink(box.path("rootfs/link")) == "/data")


@test("overlay")
def umoci_makes_an_image_and_sbx_runs_it_from_its_folder(box):
    box.ok("pull", "-q", "busybox")
    layout = "oci:%s:docker.io/library/busybox:latest" % os.path.join(box.env["SBX_ROOT"], "images")
    tool(box, "skopeo", "--insecure-policy", "copy", layout, "oci:lay:base")
    box.folder("extra")
    box.file("extra/word", "inserted")
    tool(box, "umoci", "insert", "--rootless", "--image", "lay:base", "--tag", "more", box.path("extra"), "/extra")
    tool(box, "umoci", "config", "--image", "lay:more", "--config.cmd", "cat", "--config.cmd", "/extra/word")
    other = box.folder("other", 0o700)
    for name in ("oci:lay:more", "oci:" + box.path("lay") + ":more"):
        expect(box.ok("--root", other, "run", "--rm", "--net", "none", name) == "inserted", name)
    box.fails(125, "run", "--rm", "oci:lay", says="2 images in it: add :NAME")
    box.fails(125, "run", "--rm", "oci:lay:none", says="no image 'none'")
    box.fails(125, "run", "--rm", "oci:./nothing", says="nothing: open it: No such file")
    expect(box.ok("--root", other, "images", "-q").count("\n") == 0, "an image per run")
    tool(box, "skopeo", "--insecure-policy", "copy", "oci:lay:more", "dir:flat")
    tool(box, "skopeo", "--insecure-policy", "copy", "oci:lay:more", "docker-archive:d.tar:web:2")
    tool(box, "skopeo", "--insecure-policy", "copy", "oci:lay:more", "oci-archive:o.tar:docker.io/library/web:2")
    for name in ("dir:./flat", "docker-archive:d.tar", "docker-archive:d.tar:web:2", "oci-archive:o.tar"):
        expect(box.ok("run", "--rm", "--net", "none", name) == "inserted", name)
    made = box.ok("pull", "dir:" + box.path("flat"))
    expect(made.startswith("sha256:") and box.inspect(made)["RepoTags"] == [], made)


@test("overlay")
def a_folder_of_images_is_not_believed(box):
    box.ok("pull", "-q", "busybox")
    layout = "oci:%s:docker.io/library/busybox:latest" % os.path.join(box.env["SBX_ROOT"], "images")
    tool(box, "skopeo", "--insecure-policy", "copy", layout, "oci:lay:x")
    box.ok("rmi", "busybox")
    blobs = box.path("lay/blobs/sha256")
    largest = max(os.listdir(blobs), key=lambda n: os.path.getsize(os.path.join(blobs, n)))
    path = os.path.join(blobs, largest)
    with open(path, "rb") as f:
        good = f.read()
    with open(path, "wb") as f:
        f.write(good[:-1] + bytes([good[-1] ^ 1]))
    box.fails(125, "run", "--rm", "oci:lay:x", says="E-DIGEST")
    os.remove(path)
    os.symlink("/etc/passwd", path)
    box.fails(125, "run", "--rm", "oci:lay:x", says="not complete|no such|E-DIGEST")
    os.remove(path)
    os.mkfifo(path)
    box.fails(125, "run", "--rm", "oci:lay:x", says="is no file")
    expect(box.ok("images", "-q") == "", "something was kept")
    with open(box.path("lay/index.json"), "w", encoding="ascii") as f:
        json.dump({"manifests": [{"mediaType": "x", "digest": "sha256:../../../etc/passwd", "size": 1}]}, f)
    box.fails(125, "run", "--rm", "oci:lay", says="digest")


@test("overlay")
def the_same_twice_is_the_same_bytes(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "sh", "-c", OWN)
    fixed = {"SOURCE_DATE_EPOCH": "1700000000"}
    first, second = box.ok("commit", "c", "a:1", env=fixed), box.ok("commit", "c", "b:1", env=fixed)
    expect(first == second and box.inspect("a:1")["Created"].startswith("2023-11-14T22:13:20"), box.inspect("a:1")["Created"])
    for name in ("one.tar", "two.tar"):
        box.ok("save", "-o", name, "a:1", env=fixed)
    with open(box.path("one.tar"), "rb") as a, open(box.path("two.tar"), "rb") as b:
        expect(a.read() == b.read(), "two archives of one image differ")
    with tarfile.open(box.path("one.tar")) as tar:
        expect({m.mtime for m in tar} == {1700000000}, {m.mtime for m in tar})
    box.ok("export", "-o", "flat.tar", "c")
    made = [box.ok("import", "flat.tar", "flat:%d" % n, env=fixed) for n in (1, 2)]
    expect(made[0] == made[1], made)


@test("overlay", "fuse")
def a_directory_is_run_and_not_changed(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "true")
    box.ok("export", "-o", "flat.tar", "c")
    root = box.folder("a root, with: signs")
    done = box.run(["tar", "-xf", box.path("flat.tar"), "-C", root])
    expect(done.code == 0, done)
    before = sorted(os.listdir(root))
    expect(box.ok("run", "--rm", "--net", "none", "--rootfs", root, "sh", "-c", "echo 1 >/new; rm -r /home; ls -d /new; ls -d /home || true")
           == "/new")
    expect(sorted(os.listdir(root)) == before, "the directory was changed")
    box.ok("run", "--name", "r", "--net", "none", "--rootfs", root, "sh", "-c", "echo x >>/count; cat /count")
    expect(box.ok("start", "-a", "r") == "x\nx")
    expect(box.inspect("r")["Config"]["Image"] == root, box.inspect("r")["Config"])
    box.fails(1, "commit", "r", "x:1", says="has no image to build on")
    box.fails(125, "run", "--rm", "--rootfs", root, says="no command specified")
    box.fails(125, "run", "--rm", "--rootfs", box.path("nothing"), "sh", says="No such file")
    box.fails(125, "run", "--rm", "--rootfs", box.path("flat.tar"), "sh", says="not a directory")


@test("overlay", "single")
def a_directory_of_somebody_else_is_run_by_the_built_in_overlay(box):
    """Root's files are nobody's in the container: the kernel's overlay could not copy them up (EOVERFLOW)."""
    box.ok("run", "--name", "c", "--net", "none", "busybox", "true")
    box.ok("export", "-o", "flat.tar", "c")
    root = box.folder("foreign")
    setup = "mount -t tmpfs -o mode=755 t %s; tar --no-same-owner -C %s -xf %s" % (root, root, box.path("flat.tar"))
    script = """
        "$1" --storage-driver auto run --name r --net none --rootfs "$2" sh -c 'echo 1 >>/etc/new; rm -rf /home; cat /etc/new'
        echo status $?; "$1" inspect -f '{{.GraphDriver.Name}}' r; "$1" --storage-driver auto start -a r
        [ ! -e "$2/etc/new" ] && [ -d "$2/home" ] && echo unchanged
        "$1" --storage-driver overlay run --rm --net none --rootfs "$2" true; echo status $?"""
    ran = box.as_root(setup, ["sh", "-c", script, "sh", SBX, root])
    if box.variant == "single" or not sub_ids():
        expect(ran.out.startswith("status 125\n") and re.search(
            "E-ROOTFS-OWNER: .* uid 0 of the host.*one single id.*Without root: .*import.*With root: ", ran.err), ran)
    else:
        expect(ran.out.split("\n") == ["1", "status 0", "fuse", "1", "1", "unchanged", "status 125", ""], ran)
        expect(re.search("E-ROOTFS-OWNER: .*kernel's overlay.*Without root: .*--storage-driver fuse", ran.err), ran)


@test("overlay")
def run_says_what_docker_says_of_a_pull(box):
    done = box.sbx("run", "--rm", "--net", "none", "busybox", "echo", "out")
    lines = done.err.splitlines()
    expect(done.out == "out\n" and lines[0] == "Unable to find image 'busybox:latest' locally", done)
    expect(lines[1] == "latest: Pulling from library/busybox", lines)
    expect(lines[-2].startswith("Digest: sha256:") and lines[-1] == "Status: Downloaded newer image for busybox:latest", lines)
    box.ok("rmi", "busybox")
    quiet = box.sbx("run", "-q", "--rm", "--net", "none", "busybox", "echo", "out")
    expect(quiet.out == "out\n" and quiet.err == "", quiet)


if __name__ == "__main__":
    main()
