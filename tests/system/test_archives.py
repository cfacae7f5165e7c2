#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Archives: save and load (acceptance rows 54 to 56), read and written by tools that nobody here wrote, and
archives made by an enemy (threats E29, R16)."""

import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import stat
import tarfile

from sbxtest import SBX, Terminal, expect, main, test


sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../fixtures"))
from oci import Layer, Tar, digest  # noqa: E402


def members(box, name):
    with tarfile.open(box.path(name)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isreg()}


def write_tar(box, name, entries):
    """entries: (name, bytes), (name, "-> target") for a symlink, or (name, kind) with tarfile's kind of something else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for member, data in entries:
            info = tarfile.TarInfo(member)
            if data in (tarfile.FIFOTYPE, tarfile.BLKTYPE, tarfile.CHRTYPE, b"Z"):
                info.type, info.devmajor, info.devminor = data, 8, 1
                tar.addfile(info)
            elif isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data[3:]
                tar.addfile(info)
            else:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    with open(box.path(name), "wb") as f:
        f.write(out.getvalue())
    os.chmod(box.path(name), 0o644)
    return name


def small_image():
    layer = Layer(Tar().entry("etc/mark", data=b"loaded\n").bytes(), "none")
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
                         "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}}).encode()
    return layer.data, config


def docker_archive(box, name, tags=("evil:1",), layers=("l.tar",), config="c.json", more=()):
    """A docker-archive of one image whose manifest.json says what the caller wants."""
    layer, text = small_image()
    doc = [{"Config": config, "RepoTags": list(tags), "Layers": list(layers)}]
    return write_tar(box, name, [("l.tar", layer), ("c.json", text), *more, ("manifest.json", json.dumps(doc).encode())])


def identity(box, name):
    return box.inspect(name)["Id"]


@test("overlay", "single")
def row_54_an_archive_is_docker_archive_and_oci_layout(box):
    box.ok("pull", "-q", "redis")
    box.ok("tag", "redis", "example.org/team/redis:7")
    box.ok("save", "-o", "r.tar", "redis", "example.org/team/redis:7")
    held = members(box, "r.tar")
    doc, index = json.loads(held["manifest.json"]), json.loads(held["index.json"])
    expect(len(doc) == 1 and doc[0]["RepoTags"] == ["redis:latest", "example.org/team/redis:7"], doc)
    expect(json.loads(held["repositories"])["redis"]["latest"], held["repositories"])
    expect(json.loads(held["oci-layout"]) == {"imageLayoutVersion": "1.0.0"})
    expect([m["annotations"]["io.containerd.image.name"] for m in index["manifests"]] ==
           ["docker.io/library/redis:latest", "example.org/team/redis:7"], index)
    for name, data in held.items():
        if name.startswith("blobs/sha256/"):
            expect(hashlib.sha256(data).hexdigest() == os.path.basename(name), name)
    expect("sha256:" + os.path.basename(doc[0]["Config"]) == identity(box, "redis"))


@test("overlay")
def row_54_the_same_images_give_the_same_bytes(box):
    box.ok("pull", "-q", "busybox")
    box.ok("save", "-o", "one.tar", "busybox")
    child = box.run(["sh", "-c", "\"$0\" save busybox >two.tar", SBX])
    expect(child.code == 0, child)
    with open(box.path("one.tar"), "rb") as a, open(box.path("two.tar"), "rb") as b:
        expect(a.read() == b.read(), "two archives differ")
    box.ok("save", "-o", "dated.tar", "busybox", env={"SOURCE_DATE_EPOCH": "1234567890"})
    with tarfile.open(box.path("dated.tar")) as tar:
        expect({m.mtime for m in tar} == {1234567890})


@test("overlay")
def row_54_not_to_a_terminal_and_no_half_files(box):
    box.ok("pull", "-q", "busybox")
    terminal = Terminal(box, SBX, "save", "busybox")
    terminal.wait_text("cowardly refusing to save to a terminal")
    expect(terminal.wait_end() == 1)
    box.fails(1, "save", "-o", "no/such/folder.tar", "busybox", says="no/such/folder.tar")
    box.fails(1, "save", "-o", "x.tar", "busybox", "missing", says="No such image: missing:latest")
    expect(not [n for n in os.listdir(box.top) if "tar" in n], os.listdir(box.top))


@test("overlay")
def row_54_a_rotten_blob_is_not_saved(box):
    box.ok("pull", "-q", "busybox")
    blob = max((os.path.join(f, n) for f, _, names in os.walk(box.path("root/images/blobs")) for n in names),
               key=os.path.getsize)
    with open(blob, "r+b") as f:
        f.seek(1000)
        f.write(b"rot")
    box.fails(1, "save", "-o", "x.tar", "busybox", says="E-DIGEST")
    expect(not os.path.exists(box.path("x.tar")))


@test("overlay", "fuse", "single")
def row_55_an_image_comes_back_as_it_was(box):
    box.ok("pull", "-q", "layers")
    before, digest_before = identity(box, "layers"), box.ok("images", "--digests", "layers").split()[-6:]
    box.ok("save", "-o", "l.tar", "layers")
    box.ok("rmi", "layers")
    expect(box.ok("load", "-i", "l.tar") == "Loaded image: layers:latest")
    expect(identity(box, "layers") == before, before, digest_before)
    expect(box.ok("run", "--rm", "layers", "cat", "/a/gone", "/f/file") == "3 again3")


@test("overlay")
def row_55_compressed_archives_and_pipes(box):
    box.ok("pull", "-q", "busybox")
    before = identity(box, "busybox")
    box.ok("save", "-o", "b.tar", "busybox")
    for tool in ("gzip", "zstd", "xz", "bzip2"):
        box.ok("rmi", "busybox")
        done = box.run(["sh", "-c", tool + " -c <b.tar | \"$0\" load -q", SBX])
        expect(done.code == 0 and done.out == "Loaded image: busybox:latest\n", tool, done)
        expect(identity(box, "busybox") == before)


@test("overlay")
def row_55_load_says_which_names_it_moves(box):
    box.ok("pull", "-q", "busybox")
    old = identity(box, "busybox")
    out = box.ok("load", "-i", docker_archive(box, "evil.tar", tags=["docker.io/library/busybox:latest", "other:2"]))
    expect("The image busybox:latest already exists, the old one with ID %s is untagged" % old in out, out)
    expect(out.endswith("Loaded image: busybox:latest\nLoaded image: other:2"), out)
    expect(identity(box, "busybox") != old and box.inspect(old)["RepoTags"] == [], "the old image is lost")


@test("overlay")
def row_55_images_without_a_name(box):
    out = box.ok("load", "-i", docker_archive(box, "x.tar", tags=[]))
    expect(out == "Loaded image ID: " + digest(small_image()[1]), out)
    box.ok("save", "-o", "y.tar", out.split(":")[-1][:12])
    expect(json.loads(members(box, "y.tar")["manifest.json"])[0]["RepoTags"] is None)
    expect(box.ok("load", "-i", "y.tar") == out)


@test("overlay")
def row_55_old_archives_with_links_between_layers(box):
    """Docker 1.10 to 24: a folder per layer; a layer that occurs twice is a link to the first."""
    layer, config = small_image()
    doc = json.loads(config)
    doc["rootfs"]["diff_ids"] *= 2
    text = json.dumps(doc).encode()
    manifest = [{"Config": "c.json", "RepoTags": ["old:1"], "Layers": ["aa/layer.tar", "bb/layer.tar"]}]
    write_tar(box, "old.tar", [("aa/VERSION", b"1.0"), ("aa/json", b"{}"), ("aa/layer.tar", layer), ("bb/json", b"{}"),
                               ("bb/layer.tar", "-> ../aa/layer.tar"), ("c.json", text),
                               ("manifest.json", json.dumps(manifest).encode())])
    expect(box.ok("load", "-i", "old.tar") == "Loaded image: old:1")
    expect(identity(box, "old:1") == digest(text))


@test("overlay")
def e29_members_are_found_by_name_inside_the_archive_only(box):
    box.file("secret.json", small_image()[1].decode())
    box.file("secret.tar", "not yours")
    up = "../" * 12
    cases = {
        "layer that climbs": {"layers": [up + "etc/passwd"]},
        "absolute layer": {"layers": ["/etc/passwd"]},
        "config that climbs": {"config": up + box.path("secret.json").lstrip("/")},
        "absolute config": {"config": box.path("secret.json")},
        "layer by a link to the host": {"layers": ["link.tar"], "more": [("link.tar", "-> " + box.path("secret.tar"))]},
        "config by a link that climbs": {"config": "link.json",
                                         "more": [("link.json", "-> " + up + box.path("secret.json").lstrip("/"))]},
        "link to a link": {"layers": ["one.tar"], "more": [("one.tar", "-> two.tar"), ("two.tar", "-> l.tar")]},
        "missing layer": {"layers": ["none.tar"]},
        "a member twice": {"more": [("l.tar", b"again")]},
        "a name that is none": {"tags": ["../../etc:x"]},
        "a name with a digest": {"tags": ["a@sha256:" + "0" * 64]},
        "upper case": {"tags": ["Evil:1"]},
        "too few layers": {"layers": []},
    }
    for what, how in cases.items():
        done = box.sbx("load", "-i", docker_archive(box, "case.tar", **how))
        expect(done.code == 1 and done.err.startswith("sbx: "), what, done)
        expect("not yours" not in done.err + done.out, what, done)
        expect(box.ok("images", "-q") == "", what)


@test("overlay")
def e29_oci_archives_are_not_believed(box):
    box.ok("pull", "-q", "busybox")
    box.ok("save", "-o", "b.tar", "busybox")
    good = members(box, "b.tar")
    index = json.loads(good["index.json"])
    box.ok("rmi", "busybox")

    def refused(what, **change):
        parts = {k: v for k, v in {**good, **change}.items() if v is not None}
        done = box.sbx("load", "-i", write_tar(box, "case.tar", parts.items()))
        expect(done.code == 1 and done.err.startswith("sbx: "), what, done)
        expect(box.ok("images", "-q") == "", what)

    def with_digest(text):
        doc = json.loads(json.dumps(index))
        doc["manifests"][0]["digest"] = text
        return {"index.json": json.dumps(doc).encode()}

    refused("digest that climbs", **with_digest("sha256:../../../etc/passwd"))
    refused("digest that is not here", **with_digest("sha256:" + "0" * 64))
    refused("not JSON", **{"index.json": b"{"})
    refused("no list", **{"index.json": b"{}"})
    for name in [n for n in good if n.startswith("blobs/")]:
        refused("without " + name, **{name: None})
        refused("damaged " + name, **{name: good[name][:-1] + b"?"})
    expect(box.ok("load", "-i", "b.tar") == "Loaded image: busybox:latest")


@test("overlay")
def e14_devices_in_the_outer_archive_are_no_members(box):
    """A fifo is not opened, a device not made, and neither can stand for a layer or a document."""
    for kind in (tarfile.FIFOTYPE, tarfile.BLKTYPE, tarfile.CHRTYPE):
        box.fails(1, "load", "-i", docker_archive(box, "odd.tar", layers=("odd",), more=[("odd", kind)]), says="odd", seconds=20)
        box.fails(1, "load", "-i", docker_archive(box, "odd.tar", config="odd", more=[("odd", kind)]), says="odd", seconds=20)
    box.ok("load", "-i", docker_archive(box, "beside.tar", more=[("fifo", tarfile.FIFOTYPE), ("disk", tarfile.BLKTYPE)]))
    for folder, _, names in os.walk(box.env["SBX_ROOT"]):
        for name in names:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            expect(not stat.S_ISFIFO(mode) and not stat.S_ISBLK(mode), folder, name)


@test("overlay", "single")
def e14_devices_in_an_added_archive_are_left_out(box):
    """ADD unpacks as a layer is unpacked: no device is made and that is said, a fifo is made and not opened."""
    context = box.folder("context")
    box.file("context/Dockerfile", "FROM scratch\nADD odd.tar /d/\n")
    write_tar(box, "context/odd.tar", [("file", b"1"), ("disk", tarfile.BLKTYPE), ("mem", tarfile.CHRTYPE), ("fifo", tarfile.FIFOTYPE)])
    built = box.sbx("build", "-q", "-t", "odd:1", context, seconds=30)
    expect(built.code == 0 and "device nodes" in built.err and "d/disk" in built.err, "what was left out is not said", built)
    said = box.ok("image", "diff", "odd:1").splitlines()
    expect(said == ["A /d", "A /d/fifo", "A /d/file"], said)


@test("overlay")
def e29_what_is_no_archive_is_refused(box):
    box.file("text", "hello")
    box.fails(1, "load", "-i", "text", says="not a tar")
    box.fails(1, "load", "-i", "missing", says="missing")
    box.fails(1, "load", "-i", write_tar(box, "plain.tar", [("etc/passwd", b"root")]), says="sbx import|manifest.json")
    box.ok("pull", "-q", "busybox")
    box.ok("save", "-o", "b.tar", "busybox")
    with open(box.path("b.tar"), "r+b") as f:
        f.truncate(300000)
    box.ok("rmi", "busybox")
    box.fails(1, "load", "-i", "b.tar", says="damaged|truncated")
    box.fails(1, "load", data=lzma.compress(b"no tar inside"), says="not a tar")


# ---- other tools ----

def podman(box, *args):
    """A podman of its own, with storage in the box."""
    done = box.run(["podman", "--root", box.path("podman"), "--runroot", box.path("prun"), "--storage-driver", "vfs",
                    "--cgroup-manager", "cgroupfs", "--events-backend", "file", *args], seconds=120)
    expect(done.code == 0, done)
    return done.out.strip()


@test("overlay")
def skopeo_reads_what_sbx_saves_and_sbx_what_skopeo_writes(box):
    box.ok("pull", "-q", "layers")
    before = identity(box, "layers")
    box.ok("save", "-o", "s.tar", "layers")
    policy = ["skopeo", "--insecure-policy", "copy"]
    for source, target in (("docker-archive:s.tar", "docker-archive:d.tar:localhost/back:docker"),
                           ("oci-archive:s.tar", "oci-archive:o.tar:localhost/back:oci")):
        done = box.run([*policy, source, target])
        expect(done.code == 0, done)
    box.ok("rmi", "layers")
    expect(box.ok("load", "-i", "d.tar") == "Loaded image: localhost/back:docker")
    expect(identity(box, "localhost/back:docker") == before)
    expect(box.ok("load", "-i", "o.tar") == "Loaded image: localhost/back:oci")
    expect(identity(box, "localhost/back:oci") == before)


@test("overlay")
def podman_loads_what_sbx_saves_and_back(box):
    box.ok("pull", "-q", "layers")
    before = identity(box, "layers")
    box.ok("save", "-o", "s.tar", "layers")
    podman(box, "load", "-q", "-i", "s.tar")
    expect("sha256:" + podman(box, "inspect", "--type", "image", "--format", "{{.Id}}", "docker.io/library/layers") ==
           before)
    box.ok("rmi", "layers")
    for form in ("docker-archive", "oci-archive"):
        podman(box, "save", "-q", "--format", form, "-o", form + ".tar", "docker.io/library/layers:latest")
        expect(box.ok("load", "-i", form + ".tar") == "Loaded image: layers:latest", form)
        expect(identity(box, "layers") == before, form)
        box.ok("rmi", "layers")
    podman(box, "rmi", "-a", "-f")
    podman(box, "system", "migrate")  # ends its pause process


@test("overlay")
def umoci_unpacks_what_sbx_saves(box):
    box.ok("pull", "-q", "layers")
    box.ok("save", "-o", "s.tar", "layers")
    box.folder("layout")
    with tarfile.open(box.path("s.tar")) as tar:
        tar.extractall(box.path("layout"))
    subprocess.run(["chmod", "-R", "a+rX", box.path("layout")], check=True)
    done = box.run(["umoci", "raw", "unpack", "--rootless", "--image", "layout:latest", "rootfs"])
    expect(done.code == 0, done)
    with open(box.path("rootfs/a/gone"), encoding="ascii") as f:
        expect(f.read() == "3 again")
    expect(not os.path.exists(box.path("rootfs/b/hidden")))


if __name__ == "__main__":
    main()
