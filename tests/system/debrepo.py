# SPDX-License-Identifier: Apache-2.0
"""A repository for apt with one package, hello-sbx, whose maintainer script gives a file to daemon."""

import hashlib

from sbxtest import expect


def make_repository(box):
    """Returns the folder."""
    repo = box.folder("repo")
    for folder in ("pkg", "pkg/DEBIAN", "pkg/usr/share/hello"):
        box.folder(folder)
    box.file("pkg/DEBIAN/control", "Package: hello-sbx\nVersion: 1\nArchitecture: all\nMaintainer: t <t@example.org>\n"
             "Description: test\n")
    box.file("pkg/usr/share/hello/text", "hello from a package\n")
    box.file("pkg/DEBIAN/postinst", "#!/bin/sh\nchown daemon:daemon /usr/share/hello/text\n", 0o755)
    built = box.run(["dpkg-deb", "--root-owner-group", "-b", box.path("pkg"), repo + "/hello-sbx_1_all.deb"])
    expect(built.code == 0, built)
    with open(repo + "/hello-sbx_1_all.deb", "rb") as f:
        data = f.read()
    with open(box.path("pkg/DEBIAN/control"), encoding="ascii") as f:
        entry = "%sFilename: ./hello-sbx_1_all.deb\nSize: %d\nSHA256: %s\n" % (
            f.read(), len(data), hashlib.sha256(data).hexdigest())
    box.file("repo/Packages", entry)
    return repo
