#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Containers as archives and archives as images: export and import, acceptance rows 49 to 52, threat C08."""

import functools
import http.server
import os
import tarfile
import threading

from sbxtest import SBX, Terminal, expect, main, test

CHANGE = r"""
rm /a/keep; rm -rf /c /f; mkdir -p /n/m; echo hi >/n/m/f; ln /n/m/f /n/m/g; ln -s /etc/passwd /n/link; touch "/n/-x"
touch "/n/new
line"; printf 'x' >"/n/$(printf '\377\033[2J')"; mkfifo /n/fifo; echo v >/vol/data; mkdir /d/sub; rm -rf /b; mkdir /b
"""


def shown(box, name):
    with tarfile.open(box.path(name), errors="surrogateescape") as tar:
        return {m.name: m for m in tar}


def listing(box, image):
    """Everything in the root file system of an image, as a container sees it."""
    return box.ok("run", "--rm", "--net", "none", image, "sh", "-c",
                  "cd /; find . -xdev \\( -path ./proc -o -path ./sys -o -path ./dev \\) -prune -o ! -name etc ! -name .wh.x "
                  "! -path ./etc/host\\* ! -path ./etc/resolv.conf ! -path . -exec stat -c '%N %F %a %u:%g %s %h' {} + | "
                  "grep -v directory | sort; find . -xdev -type d | sort")


@test("overlay", "fuse", "single")
def row_49_export_is_what_the_container_sees(box):
    box.ok("run", "--name", "c", "--net", "none", "-v", "/vol", "layers", "sh", "-c", CHANGE)
    box.ok("export", "-o", "c.tar", "c")
    held = shown(box, "c.tar")
    for gone in ("a/keep", "c", "c/file", "f", "f/file", "b/new", "vol/data", "a/.wh.keep", "b/hidden"):
        expect(gone not in held, gone, sorted(held))
    expect(held["n/link"].linkname == "/etc/passwd" and held["n/fifo"].isfifo() and "vol" in held, sorted(held))
    expect(held["n/m/g"].islnk() and held["n/m/g"].linkname == "n/m/f")
    expect("n/-x" in held and "n/new\nline" in held and "n/\udcff\x1b[2J" in held, [n for n in held if n.startswith("n/")])
    expect((held["owned"].uid, held["owned"].gid) == (33, 50) and held["g"].mode == 0o4755, held["owned"])
    expect(not [n for n in held if n.startswith(("/", "..")) or "/../" in n])
    expect(not [k for m in held.values() for k in m.pax_headers if "overlay" in k or "sbx" in k])


@test("overlay", "single")
def c08_what_is_exported_and_imported_is_the_same_tree(box):
    box.ok("run", "--name", "c", "--net", "none", "-v", "/vol", "layers", "sh", "-c", CHANGE)
    done = box.run(["sh", "-c", "\"$0\" export c | \"$0\" import - one:1 && \"$0\" run --name d --net none one:1 true && "
                    "\"$0\" export d | \"$0\" import - two:1", SBX])
    expect(done.code == 0, done)
    expect(listing(box, "one:1") == listing(box, "two:1"))
    expect(box.inspect("one:1")["RootFS"]["Layers"] == box.inspect("two:1")["RootFS"]["Layers"])
    expect(box.ok("run", "--rm", "one:1", "cat", "/n/m/g", "/a/gone") == "hi\n3 again")


@test("overlay", "fuse")
def row_49_a_running_container_and_terminals(box):
    box.ok("run", "-d", "--name", "r", "--net", "none", "busybox", "sh", "-c", "echo up >/up; sleep 1000")
    box.ok("exec", "r", "sh", "-c", "until [ -s /up ]; do :; done")
    terminal = Terminal(box, SBX, "export", "r")
    terminal.wait_text("cowardly refusing to export to a terminal")
    expect(terminal.wait_end() == 1)
    box.ok("export", "-o", "r.tar", "r")
    expect(shown(box, "r.tar")["up"].size == 3)
    box.fails(1, "export", "-o", "x.tar", "nobody", says="No such container: nobody")
    expect(not os.path.exists(box.path("x.tar")))


@test("overlay")
def row_50_five_forms_of_import(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "true")
    box.ok("export", "-o", "Name.tar", "c")
    expect(box.ok("import", "Name.tar", "repo:TAG").startswith("sha256:"))
    named = box.sbx("import", "Name.tar", ":TAG")
    expect(named.code == 0 and "note: ':TAG' names no repository: the image is called name:TAG" in named.err, named)
    bare = box.ok("import", "-m", "nameless", "Name.tar")
    expect(box.inspect(bare)["RepoTags"] == [])
    with open(box.path("Name.tar"), "rb") as f:
        expect(box.ok("import", "-", "piped", data=f.read()).startswith("sha256:"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=box.top)
    handler.log_message = lambda *a: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = "http://127.0.0.1:%d/" % server.server_port
        box.ok("import", url + "Name.tar", ":web")
        box.fails(1, "import", url + "missing.tar", "web:2", says="404")
        server.shutdown()
    names = box.ok("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    expect(sorted(names) == sorted(["busybox:latest", "repo:TAG", "name:TAG", "<none>:<none>", "piped:latest", "name:web"]),
           names)
    layers = {tuple(box.inspect(n)["RootFS"]["Layers"]) for n in ("repo:TAG", "name:TAG", bare, "piped", "name:web")}
    expect(len(layers) == 1, layers)
    for tool in ("gzip", "xz", "zstd"):
        done = box.run(["sh", "-c", tool + " -c <Name.tar | \"$0\" import - c:" + tool, SBX])
        expect(done.code == 0 and tuple(box.inspect("c:" + tool)["RootFS"]["Layers"]) in layers, done)


@test("overlay")
def row_51_an_imported_image_has_lost_history_and_settings(box):
    box.ok("run", "--name", "c", "--net", "none", "config", "true")
    box.ok("export", "-o", "c.tar", "c")
    box.ok("import", "-m", "why", "c.tar", "lost")
    doc = box.inspect("lost")
    expect(len(doc["RootFS"]["Layers"]) == 1 and doc["Comment"] == "why", doc)
    for key in ("Cmd", "Entrypoint", "Env", "Volumes", "ExposedPorts", "Labels"):
        expect(not doc["Config"].get(key), key, doc["Config"])


@test("overlay")
def row_52_an_imported_image_needs_a_command(box):
    box.ok("run", "--name", "c", "--net", "none", "busybox", "true")
    box.ok("export", "-o", "c.tar", "c")
    box.ok("import", "c.tar", "i")
    box.fails(125, "run", "--rm", "i", says="no command specified")
    expect(box.ok("run", "--rm", "i", "echo", "works") == "works")
    box.ok("import", "-c", "CMD [\"sh\", \"-c\", \"echo $WORD; pwd\"]", "-c", "ENV WORD=hello", "-c", "WORKDIR /tmp",
           "c.tar", "fixed")
    expect(box.ok("run", "--rm", "fixed") == "hello\n/tmp")
    box.fails(1, "import", "-c", "RUN true", "c.tar", "x", says="not a valid change command")


@test("overlay")
def what_is_no_archive_is_not_imported(box):
    box.file("text.tar", "hello, this is not a tar archive\n" * 100)
    box.file("empty.tar", "")
    box.fails(1, "import", "text.tar", "x", says="not a tar")
    box.fails(1, "import", "empty.tar", "x", says="empty")
    box.fails(1, "import", "missing.tar", "x", says="missing.tar")
    box.fails(1, "import", "text.tar", "UPPER", says="lowercase")
    expect(box.ok("images", "-q") == "")


if __name__ == "__main__":
    main()
