#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tutorials of docs/tutorials, each typed from top to bottom by tutorial.py. They publish well-known ports and use
the host's network, so each has a host of its own: a network namespace with one address."""

import os

from sbxtest import SBX, USER, expect, main, test

HERE = os.path.dirname(os.path.abspath(__file__))
OWN_HOST = """exec unshare -n sh -ec '
ip link set lo up
ip link add host0 type veth peer name host1
ip addr add 192.168.179.139/24 dev host0
ip link set host0 up; ip link set host1 up
ip route add default via 192.168.179.1
exec setpriv --reuid %d --regid %d --init-groups -- "$@"' sh "$@"
""" % (USER.pw_uid, USER.pw_gid)


def prepare(box, *images):
    """The images are fetched before, for the tutorial's host has no way to the registry."""
    for image in images:
        box.ok("pull", "-q", image, seconds=120)
    os.symlink(SBX, os.path.join(box.folder("bin"), "sbx"))
    box.env["PATH"] = box.path("bin") + ":" + box.env["PATH"]


def tutorial(page):
    return ["python3", os.path.join(HERE, "tutorial.py"), os.path.join(HERE, "../../docs/tutorials", page)]


@test("overlay", seconds=120)
def the_readmes_ten_lines(box):
    prepare(box, "redis")
    typed = box.as_root(OWN_HOST, tutorial("../../README.md"), seconds=110)
    expect(typed.code == 0, typed)


@test("overlay", seconds=300)
def rows_75_76_77_78_79_80_85_tutorial_mysql(box):
    prepare(box, "mysql")
    typed = box.as_root(OWN_HOST, tutorial("mysql.md"), seconds=290)
    expect(typed.code == 0, typed)


@test("overlay", seconds=300)
def rows_83_84_85_86_87_88_89_tutorial_replication(box):
    prepare(box, "mysql")
    typed = box.as_root(OWN_HOST, tutorial("replication.md"), seconds=290)
    expect(typed.code == 0, typed)


@test("overlay", seconds=300)
def rows_90_91_92_93_94_95_96_97_98_99_100_tutorial_redis_cluster(box):
    prepare(box, "redis")
    typed = box.as_root(OWN_HOST, tutorial("redis-cluster.md"), seconds=290)
    expect(typed.code == 0, typed)


@test("overlay", "fuse", seconds=300)
def rows_51_52_56_57_81_82_tutorial_redis(box):
    prepare(box, "redis")
    typed = box.as_root(OWN_HOST, tutorial("redis.md"), seconds=290)
    expect(typed.code == 0, typed)


@test("overlay", "fuse", seconds=120)
def rows_63_64_70_71_74_tutorial_volumes(box):
    prepare(box, "busybox")
    typed = box.as_root(OWN_HOST, tutorial("volumes.md"), seconds=110)
    expect(typed.code == 0, typed)


@test("overlay", seconds=200)
def rows_86_119_120_121_122_123_124_tutorial_networks(box):
    prepare(box, "busybox")
    typed = box.as_root(OWN_HOST, tutorial("networks.md"), seconds=190)
    expect(typed.code == 0, typed)


if __name__ == "__main__":
    main()
