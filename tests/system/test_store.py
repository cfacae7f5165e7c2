#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The image store among others: what is used stays while somebody prunes, nothing is needed in /tmp, and a disk that is too small is
said."""

import os
import threading

from registrytest import NAME, image_of, noise
from sbxtest import REGISTRY, SBX, Skip, expect, main, test

from bad_registry import BadRegistry
from oci import Image, Layer, Tar

ROUNDS = int(os.environ.get("SBX_TEST_ROUNDS", "4"))


@test("overlay", seconds=120)
def prune_and_rmi_leave_what_a_container_or_another_image_uses(box):
    """Two images stand on one layer. While one of them is pulled and removed again and again and everything unused is pruned,
    the other's container runs and its image stays whole."""
    box.ok("pull", "-q", "busybox")
    base = box.ok("image", "inspect", "-f", "{{index .RootFS.Layers 0}}", "busybox").strip()
    box.ok("create", "--name", "user", "--net", "none", "busybox", "echo", "here")
    faults, over = [], threading.Event()

    def again_and_again(*commands):
        def loop():
            while not over.is_set():
                for command in commands:
                    done = box.sbx(*command)
                    if done.code and "o such image" not in done.err:
                        faults.append(done)
        return threading.Thread(target=loop)
    others = [again_and_again(("pull", "-q", "layers"), ("rmi", "layers")), again_and_again(("image", "prune", "-af"))]
    for other in others:
        other.start()
    try:
        for _ in range(ROUNDS):
            expect(box.ok("start", "-a", "user") == "here")
            expect(box.ok("run", "--rm", "--net", "none", "busybox", "echo", "there") == "there")
    finally:
        over.set()
        for other in others:
            other.join()
    expect(not faults, *faults)
    expect(box.ok("image", "inspect", "-f", "{{index .RootFS.Layers 0}}", "busybox").strip() == base)
    expect(box.ok("system", "check", "-q") == "", "the store is damaged")
    box.ok("pull", "-q", "layers")
    expect(box.ok("run", "--rm", "--net", "none", "layers", "cat", "/a/keep") == "1", "a shared layer went")


@test("overlay")
def nothing_is_needed_in_tmp(box):
    """/tmp is full and TMPDIR does not exist: images come and go all the same."""
    if SBX.startswith("/tmp/"):
        raise Skip("sbx itself lies in /tmp")
    setup = """mkdir -p {0}/back; mount --bind {0} /mnt; mount -t tmpfs -o size=64k,mode=1777 none /tmp; mkdir -p {0}
        mount --bind /mnt {0}; dd if=/dev/zero of=/tmp/full bs=4k >/dev/null 2>&1 || true""".format(box.top)
    script = """! echo x >/tmp/more
        sbx pull -q busybox; sbx save -o {0}/b.tar busybox; sbx rmi busybox >&2; sbx load -q -i {0}/b.tar >&2
        sbx create --name c --net none busybox true >&2; sbx export -o {0}/e.tar c; sbx import {0}/e.tar imported:1 >&2
        sbx commit c committed:1 >&2; sbx rm c >&2; sbx run --rm --net none committed:1 echo well""".format(box.top)
    path = "%s:%s" % (os.path.dirname(SBX), os.environ["PATH"])
    done = box.as_root(setup, ["sh", "-ec", script], TMPDIR="/nonexistent", PATH=path)
    expect(done.code == 0 and done.out.splitlines()[-1] == "well", done)


@test("overlay")
def disks_that_are_too_small_are_said_and_nothing_stays(box):
    """Bytes are counted before a layer is fetched; inodes end while it is unpacked."""
    many = Tar()
    for i in range(300):
        many.entry("f%d" % i)
    with BadRegistry() as registry:
        registry.add(NAME, image_of(5000000))
        registry.add("many/files", Image([Layer(many.bytes())]))
        registry.add("small/image", Image([Layer(Tar().entry("f", data=noise(1000)).bytes())]))

        def on_disk(options, name):
            setup = "mkdir -p {0}/small; mount -t tmpfs -o {1},uid=$(stat -c %u {0}),mode=700 none {0}/small".format(box.top, options)
            script = '"$0" pull -q "$1"; echo status $?; find "$SBX_ROOT" -type f -size +100k; ls "$SBX_ROOT/layers" "$SBX_ROOT/tmp"'
            return box.as_root(setup, ["sh", "-c", script, SBX, "%s/%s" % (registry.host, name)], SBX_ROOT=box.path("small/root"))

        def left(done):
            return [line for line in done.out.splitlines() if line and not line.startswith("status") and not line.endswith(":")]
        full = on_disk("size=4m", NAME)
        expect("status 1" in full.out and "E-WONT-FIT" in full.err and left(full) == [], full)
        expect(len(registry.requests("/blobs/")) == 1, "more than the configuration was fetched", full)
        inodes = on_disk("nr_inodes=120", "many/files")
        expect("status 1" in inodes.out and left(inodes) == [] and "inodes" in inodes.err, inodes)
        expect("status 0" in on_disk("size=4m", "small/image").out, "the small one")


if __name__ == "__main__":
    main()
