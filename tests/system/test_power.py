#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Power cuts (F-P1): an ext4 in a file; its backing file, copied while the command stands still, is the disk after the
cut. All that has a name there must be whole, and the command, given again, must succeed."""

import hashlib
import os

from registrytest import IMAGE, NAME, noise  # sets the path
from bad_registry import BadRegistry
from oci import Image, Layer, Tar
from sbxtest import SBX, USER, Skip, expect, main, test

HELPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "powercut.py")


def image():
    """Layers of many files that carry the digests of their contents in their names."""
    layers = []
    for number in range(3):
        tar = Tar()
        for i in range(60):
            data = noise(3000 + 7001 * (i % 5), 100 * number + i)
            tar.entry("%d-%s" % (i, hashlib.sha256(data).hexdigest()), data=data)
        layers.append(Layer(tar.bytes()))
    return Image(layers)


def disk(box, name, copies=0):
    """Root's lines that mount a new ext4 (or copies of it) below `name`, for the user."""
    if not copies:
        lines = "truncate -s 48m {0}; mkfs.ext4 -q -m 0 {0}; chown {2} {0}; mkdir -p {1}; mount -o loop {0} {1}; chown {2} {1}; " \
            "chmod 700 {1}"
        lines = lines.format(box.path(name + ".ext4"), box.path(name), USER.pw_uid)
    else:
        lines = "for i in $(seq 0 %d); do mkdir -p %s$i; mount -o loop %s/$i %s$i; done" % (
            copies - 1, box.path("after"), box.path("copies"), box.path("after"))
    return "{ for tool in mkfs.ext4 losetup; do command -v $tool >/dev/null; done; %s; } || exit 77" % lines


def record(box, command, **env):
    """How many copies there are of the disk, the last of them made when the command had ended."""
    done = box.as_root(disk(box, "store"), ["python3", HELPER, "record", box.path("store"), box.path("store.ext4"),
                                            box.path("copies"), *command], SBX_ROOT=box.path("store"), **env)
    if done.code == 77:
        raise Skip("this machine cannot mount an ext4 in a file (mkfs.ext4, loop devices)")
    expect(done.code == 0, done)
    return len(os.listdir(box.path("copies")))


def judged(box, n):
    """What is damaged, for each of the n copies."""
    script = "for i in $(seq 0 %d); do echo \"== $i\"; python3 %s judge %s$i; done" % (n - 1, HELPER, box.path("after"))
    done = box.as_root(disk(box, "after", n), ["sh", "-c", script])
    expect(done.code == 0, done)
    return [part.split("\n", 1)[1].strip() for part in done.out.split("== ")[1:]]


@test("overlay", seconds=240)
def f_p1_a_power_cut_during_a_pull_leaves_nothing_half_written_under_a_name(box):
    box.env["SBX_CONFINE"] = ""
    with BadRegistry() as registry:
        registry.add(NAME, image())
        command = [IMAGE, "pull", "-q", "%s/%s" % (registry.host, NAME)]
        careless = judged(box, record(box, command, SBX_SYNC="none", COPIES_MAX="1"))
        if not any(careless):
            raise Skip("this machine writes everything at once: nothing was lost without syncing, so nothing is proven")
        n = record(box, command)
        careful = judged(box, n)
        expect(n >= 3, "only %d cuts" % n)
        expect(not any(careful), careful)
        n = 2  # the others would say the same
        again = "for i in $(seq 0 %d); do export SBX_ROOT=%s$i; \"$0\" pull -q %s/%s && \"$0\" system check -q && \"$1\" images -q; done" % (
            n - 1, box.path("after"), registry.host, NAME)
        healed = box.as_root(disk(box, "after", n), ["sh", "-ec", again, SBX, SBX])
        expect(healed.code == 0, healed)
        expect(len(healed.out.split()) == 2 * n, healed)


if __name__ == "__main__":
    main()
