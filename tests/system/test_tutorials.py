#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tutorials of docs/tutorials, each typed from top to bottom by tutorial.py. They publish well-known ports and use
the host's network, so each has a host of its own: a network namespace with one address."""

import hashlib
import io
import os
import tarfile

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


def typed(box, page, *images, seconds):
    """Types the page. The images are fetched before, for the tutorial's host has no way to the registry."""
    for image in images:
        box.ok("pull", "-q", image, seconds=120)
    os.symlink(SBX, os.path.join(box.folder("bin"), "sbx"))
    path = os.path.join(HERE, "../../docs/tutorials", page)
    done = box.as_root(OWN_HOST, ["python3", os.path.join(HERE, "tutorial.py"), path], seconds=seconds,
                       PATH=box.path("bin") + ":" + box.env["PATH"])
    expect(done.code == 0, done)


@test("overlay", seconds=120, root=True)
def the_readmes_ten_lines(box):
    typed(box, "../../README.md", "redis", seconds=110)


@test("overlay", seconds=300, root=True)
def rows_75_76_77_78_79_80_85_tutorial_mysql(box):
    typed(box, "mysql.md", "mysql", seconds=290)


@test("overlay", seconds=300, root=True)
def rows_83_84_85_86_87_88_89_tutorial_replication(box):
    typed(box, "replication.md", "mysql", seconds=290)


@test("overlay", seconds=300, root=True)
def rows_90_91_92_93_94_95_96_97_98_99_100_tutorial_redis_cluster(box):
    typed(box, "redis-cluster.md", "redis", seconds=290)


@test("overlay", "fuse", seconds=300, root=True)
def rows_51_52_56_57_81_82_tutorial_redis(box):
    typed(box, "redis.md", "redis", seconds=290)


@test("overlay", "fuse", seconds=120, root=True)
def rows_63_64_70_71_74_tutorial_volumes(box):
    typed(box, "volumes.md", "busybox", seconds=110)


@test("overlay", seconds=200, root=True)
def rows_86_119_120_121_122_123_124_tutorial_networks(box):
    typed(box, "networks.md", "busybox", seconds=190)


# Stands in for the compiler, which no test can fetch: it says its version and "builds" a script.
GO = """#!/bin/sh
case $1 in
version) echo go version go1.20.3 linux/amd64 ;;
build) printf '#!/bin/sh\\necho hello from go >&2\\n' >"$3" && chmod +x "$3" ;;
esac
"""


def image_with_packages(box):
    """An image named ubuntu whose apt has a repository of its own, with a vim and net-tools that give themselves to daemon."""
    listed = ""
    for name, program in (("vim", "vim"), ("net-tools", "ifconfig")):
        for folder in ("ctx", name, name + "/DEBIAN", name + "/usr", name + "/usr/bin"):
            box.folder(folder)
        control = "Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\nDescription: test\n" % name
        box.file(name + "/DEBIAN/control", control)
        box.file(name + "/DEBIAN/postinst", "#!/bin/sh\nchown daemon:daemon /usr/bin/%s\n" % program, 0o755)
        box.file("%s/usr/bin/%s" % (name, program), "#!/bin/sh\n", 0o755)
        made = box.run(["dpkg-deb", "--root-owner-group", "-b", box.path(name), box.path("ctx", name + ".deb")])
        expect(made.code == 0, made)
        with open(box.path("ctx", name + ".deb"), "rb") as f:
            data = f.read()
        listed += "%sFilename: ./%s.deb\nSize: %d\nSHA256: %s\n\n" % (control, name, len(data), hashlib.sha256(data).hexdigest())
    box.file("ctx/Packages", listed)
    box.file("ctx/Dockerfile", "FROM debian\nCOPY Packages *.deb /repo/\nRUN rm -rf /etc/apt/sources.list* && "
             "echo 'deb [trusted=yes] file:/repo ./' >/etc/apt/sources.list\n")
    box.ok("build", "-q", "-t", "ubuntu", box.path("ctx"), seconds=120)


@test("overlay", seconds=300, root=True)
def rows_101_102_103_104_105_106_107_109_110_111_112_113_117_118_tutorial_dockerfile(box):
    image_with_packages(box)
    with tarfile.open(box.path("go1.20.3.linux-amd64.tar.gz"), "w:gz") as tar:
        entry = tarfile.TarInfo("go/bin/go")
        entry.size, entry.mode = len(GO), 0o755
        tar.addfile(entry, io.BytesIO(GO.encode()))
    os.chown(box.path("go1.20.3.linux-amd64.tar.gz"), USER.pw_uid, USER.pw_gid)
    typed(box, "dockerfile.md", "debian", "busybox", seconds=170)


if __name__ == "__main__":
    main()
