#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds without subordinate ids: the image has the owners that were asked for (docs/build.md)."""

import io
import json
import os
import re
import shutil
import subprocess
import tarfile

from buildtest import build, built, steps, write
from sbxtest import SBX, Skip, expect, main, test


def members(box, *names):
    """{path: TarInfo} of all layers of an image, later ones over earlier, as another program finds them."""
    found = {}
    box.ok("save", "-o", box.path("image.tar"), *names)
    with tarfile.open(box.path("image.tar")) as image:
        for layer in json.load(image.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(image.extractfile(layer).read())) as tar:
                found.update({m.name.strip("/"): m for m in tar})
    return found


def told(member):
    return "%d:%d %o" % (member.uid, member.gid, member.mode & 0o7777)


@test("single")
def owners_of_a_run_reach_the_layer(box):
    """And a device, and what a user who was become makes; said in one line."""
    text = ("FROM busybox\nRUN mkdir -p /d/e && touch /f /d/e/g && chown 33:50 /f && chmod 640 /f && chown -R 7:8 /d && ls -ln /f\n"
            "RUN mknod -m 660 /n b 8 1 && mkfifo /p\nUSER 33\nRUN touch /tmp/mine && id -u\n")
    for driver in ("overlay", "fuse"):
        wanted = text if driver == "overlay" else text.replace("&& mkfifo", "&& test ! -e /n && mkfifo")
        result = box.sbx("--storage-driver", driver, "build", "--progress", "plain", "--network", "none", "--no-cache", "-t", "a",
                         write(box, wanted))
        expect(result.code == 0 and result.err.count("one user id is mapped: owners are kept as metadata") == 1, result)
        expect(re.search(r"-rw-r----- .* 33 +50 ", result.err) and re.search(r"#\d+ [\d.]+ 33\n", result.err), result)
        tar = members(box, "a")
        expect([told(tar[name]) for name in ("f", "d", "d/e", "d/e/g")] ==
               ["33:50 640", "7:8 755", "7:8 755", "7:8 644"], driver, {k: told(v) for k, v in tar.items() if k[0] in "fd"})
        expect(tar["tmp/mine"].uid == 33, driver, told(tar["tmp/mine"]))
        if driver == "overlay":
            expect(tar["n"].isblk() and (tar["n"].devmajor, tar["n"].devminor) == (8, 1) and tar["p"].isfifo(), tar["n"])
        expect(box.ok("--storage-driver", driver, "run", "--rm", "--net", "none", "a", "stat", "-c", "%u:%g", "/f", "/d/e/g") ==
               "33:50\n7:8", driver)


@test("single")
def owners_of_copy_and_add_reach_the_layer(box):
    """--chown by number and name, those of a stage, an archive's, a cache mount's; a later COPY takes what it brings back."""
    text = ("FROM busybox AS one\nRUN mkdir /s && touch /s/f && chown -R 5:6 /s && mknod /s/dev c 1 3 && chmod 4755 /s/f\n"
            "FROM busybox\nCOPY --chown=7:8 d /d/\nCOPY --chown=www:www f /named\nCOPY --from=one /s /s\nADD a.tar /a/\nCOPY d /d/\n"
            "COPY --from=one --chown=9 /s/f /nine\nRUN --mount=type=cache,target=/c,uid=33,gid=34 stat -c %u:%g /c\n"
            "RUN --mount=type=bind,from=one,source=/s,target=/b stat -c %u:%g /b/f\nWORKDIR /w\n")
    write(box, text)
    box.folder("ctx/d/e")
    box.file("ctx/d/e/x", "x\n")
    box.file("ctx/f", "f\n")
    with tarfile.open(box.path("ctx/a.tar"), "w") as tar:
        inner = tarfile.TarInfo("inner")
        inner.uid, inner.gid, inner.size = 11, 12, 2
        tar.addfile(inner, io.BytesIO(b"x\n"))
    os.chmod(box.path("ctx/a.tar"), 0o644)
    progress = built(box, text, "-t", "a")
    expect(re.search(r"#\d+ [\d.]+ 33:34\n", progress) and re.search(r"#\d+ [\d.]+ 5:6\n", progress), progress)
    tar = members(box, "a")
    wanted = {"d": "7:8", "d/e": "0:0", "d/e/x": "0:0", "named": "33:33", "s": "5:6", "s/f": "5:6", "a/inner": "11:12", "nine": "9:9", "w": "0:0"}
    expect({name: told(tar[name]).split()[0] for name in wanted} == wanted, {k: told(v) for k, v in tar.items() if k in wanted})
    expect(tar["s/dev"].ischr() and told(tar["s/f"]) == "5:6 4755", tar["s/dev"], told(tar["s/f"]))
    expect(set(steps(built(box, text, "-t", "b")).values()) == {"CACHED"})


@test("single")
def a_mode_that_a_run_has_changed_counts(box):
    """Beside the file the image's own mode is kept: it must not come back."""
    built(box, "FROM busybox\nRUN touch /f /g && chown 5 /f /g && chmod 600 /f /g && chmod 4711 /g\n", "-t", "a")
    box.ok("save", "-o", box.path("a.tar"), "a")
    box.ok("rmi", "a")
    box.ok("builder", "prune", "-af")
    box.ok("load", "-i", box.path("a.tar"))  # unpacked: owner and mode are kept now
    built(box, "FROM a\nRUN chmod 644 /f; touch /g\n", "-t", "b")
    tar = members(box, "b")
    expect((told(tar["f"]), told(tar["g"])) == ("5:0 644", "5:0 4711"), told(tar["f"]), told(tar["g"]))


@test("single")
def a_folder_on_the_way_to_a_mount_keeps_its_new_owner(box):
    built(box, "FROM busybox\nRUN --mount=type=tmpfs,target=/srv/sub true\nRUN mkdir -p /v/w\n"
          "RUN --mount=type=cache,target=/v/w chown 33:34 /v\n", "-t", "a")
    expect(box.ok("run", "--rm", "--net", "none", "a", "stat", "-c", "%u:%g", "/v") == "33:34")


@test("single")
def without_a_supervisor_changes_of_owners_are_answered(box):
    """As on kernels before 5.6; here the limit that it keeps its numbers in is taken away."""
    path = write(box, "FROM busybox\nRUN touch /f && chown 33:33 /f && mknod /n c 1 3 && ! test -e /n && ls -ln /f && "
                 "mkfifo /p && test -p /p\n")
    result = box.run(["prlimit", "--locks=1000:1000", SBX, "build", "--progress", "plain", "--network", "none", path])
    expect(result.code == 0 and "changes of owners and users are answered as done" in result.err, result)
    expect(re.search(r"-rw-r--r-- .* 0 +0 ", result.err), result)


def package(box, script):
    """demo.deb: makes a user and gives it files."""
    if not shutil.which("dpkg-deb"):
        raise Skip("needs dpkg-deb")
    for name in ("deb", "deb/DEBIAN", "deb/etc", "deb/etc/demo"):
        box.folder(name)
    box.file("deb/etc/demo/conf", "x\n")
    box.file("deb/DEBIAN/control", "Package: demo\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
             "Description: makes a user\n")
    box.file("deb/DEBIAN/postinst", script, 0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", box.path("deb"), box.path("ctx/demo.deb")], check=True,
                   stdout=subprocess.DEVNULL)
    os.chmod(box.path("ctx/demo.deb"), 0o644)


@test("single", seconds=180)
def apt_get_installs_a_package_with_a_user(box):
    """With apt's own user for downloads, dpkg, and files that belong to who the package has made."""
    text = ("FROM debian\nCOPY demo.deb /tmp/\nRUN apt-get install -y /tmp/demo.deb >/log 2>&1 || { cat /log; exit 9; }\n"
            "USER demo\nRUN id -un\n")
    write(box, text)
    package(box, "#!/bin/sh\nset -e\ngroupadd -r demo\nuseradd -r -g demo -M demo\n"
            "chown -R demo:demo /etc/demo\nchmod 4750 /etc/demo/conf\n")
    progress = built(box, text, "-t", "a", seconds=150)
    expect(re.search(r"#\d+ [\d.]+ demo\n", progress), progress)
    tar = members(box, "a")
    expect(tar["etc/demo/conf"].uid > 0 and tar["etc/demo/conf"].gid > 0 and tar["etc/demo/conf"].mode == 0o4750,
           told(tar["etc/demo/conf"]))
    expect(tar["etc/demo"].uid == tar["etc/demo/conf"].uid, told(tar["etc/demo"]))


@test("single")
def installers_like_apk_and_dnf_find_the_owners_they_set(box):
    """Stand-ins that do as those do: apk unpacks a tar as root and checks, rpm a cpio of the headers' owners, with scripts before."""
    apk = ("set -e; echo web:x:101: >>/etc/group; echo web:x:100:101::/:/bin/sh >>/etc/passwd; tar -xpf /src/apk.tar -C /; chown -R web:web /var/lib/web; "
           "test \"$(stat -c %U:%G /var/lib/web/x)\" = web:web; rm -rf /src")
    dnf = ("set -e; groupadd -r db; useradd -r -g db -M db; cd /; busybox cpio -idm <srv.cpio; chown -h db:db opt/db/l; "
           "chown db:db opt opt/db opt/db/data; chmod 2770 opt/db; test \"$(stat -c %U:%G:%a opt/db)\" = db:db:2770; "
           "setpriv --reuid db --regid db --init-groups id -un; rm srv.cpio")
    text = ("FROM busybox AS apk\nCOPY apk.tar /src/\nRUN %s\nFROM debian\nCOPY --from=busybox /bin/busybox /usr/bin/busybox\nCOPY srv.cpio /\n"
            "RUN %s\nCOPY --from=apk /var/lib/web /web\n" % (apk, dnf))
    write(box, text)
    with tarfile.open(box.path("ctx/apk.tar"), "w") as tar:
        for name in ("var/lib/web/x", "usr/bin/tool"):
            inner = tarfile.TarInfo(name)
            inner.size, inner.mode = 2, 0o755
            tar.addfile(inner, io.BytesIO(b"x\n"))
    box.folder("rpm/opt/db/data")
    os.symlink("data", box.path("rpm/opt/db/l"))
    packed = subprocess.run(["tar", "-C", box.path("rpm"), "--format=ustar", "-cf", "-", "opt"], capture_output=True, check=True).stdout
    with open(box.path("ctx/srv.cpio"), "wb") as out:
        out.write(cpio(packed))
    for name in ("apk.tar", "srv.cpio"):
        os.chmod(box.path("ctx", name), 0o644)
    progress = built(box, text, "-t", "a", seconds=90)
    expect(re.search(r"#\d+ [\d.]+ db\n", progress), progress)
    tar = members(box, "a")
    expect(tar["opt/db"].uid == tar["opt/db/data"].uid > 0 and tar["opt/db"].mode == 0o2770, told(tar["opt/db"]), told(tar["opt/db/data"]))
    expect(told(tar["web/x"]) == "100:101 755", told(tar["web/x"]))


def cpio(tar):
    """The same in the newc format of rpm's payload."""
    out = bytearray()

    def put(name, mode, data):
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out.extend(b"070701" + b"".join(b"%08X" % f for f in fields) + name.encode() + b"\0")
        out.extend(b"\0" * (-len(out) % 4) + data)
        out.extend(b"\0" * (-len(out) % 4))
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for m in archive:
            kind = 0o040755 if m.isdir() else 0o120777
            put(m.name, kind, m.linkname.encode() if m.issym() else b"")
    put("TRAILER!!!", 0, b"")
    return bytes(out)


if __name__ == "__main__":
    main()
