#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Images: acceptance rows 2, 17 to 19, the store as others read it, and layers: rows 59 to 62."""

import glob
import hashlib
import http.server
import json
import os
import re
import stat
import threading
import urllib.request

from debrepo import make_repository
from sbxtest import REGISTRY, SBX, Terminal, expect, main, test


class Proxy(http.server.BaseHTTPRequestHandler):
    """The registry with a log of what was asked for, to be used as a mirror."""

    def do_GET(self):
        self.server.log.append(("GET", self.path))
        request = urllib.request.Request(REGISTRY + self.path, headers={
            k: v for k, v in self.headers.items() if k in ("Accept", "Range", "Authorization")})
        try:
            with urllib.request.urlopen(request) as answer:
                self.relay(answer.status, answer)
        except urllib.error.HTTPError as answer:
            self.relay(answer.code, answer)

    def do_HEAD(self):
        self.do_GET()

    def relay(self, status, answer):
        body = answer.read()
        self.send_response(status)
        for key in ("Content-Type", "Docker-Content-Digest", "Www-Authenticate"):
            if answer.headers[key]:
                self.send_header(key, answer.headers[key])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


class Logged:
    """with Logged(box) as log: pulls go through Proxy; log is a list of (method, path)."""

    def __init__(self, box):
        self.box = box

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
        self.server.log = []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.box.mirror("http://127.0.0.1:%d" % self.server.server_port)
        return self.server.log

    def __exit__(self, *args):
        self.server.shutdown()
        self.server.server_close()


@test("overlay")
def row_02_a_foreign_architecture_is_refused(box):
    box.fails(1, "pull", "armonly", says=["arm64", "amd64"])
    box.fails(125, "run", "--rm", "armonly", "true", says=["E-ARCH", "arm64", "amd64"])


@test("overlay")
def row_02_an_index_gives_this_machines_platform(box):
    expect(box.ok("run", "--rm", "multi", "cat", "/platform") == "amd64")


@test("overlay")
def row_17_pull_prints_tag_digest_and_reference(box):
    out = box.ok("pull", "busybox")
    lines = out.split("\n")
    expect(lines[-1] == "docker.io/library/busybox:latest", out)
    expect("Using default tag: latest" in out, out)
    expect(re.search(r"Digest: sha256:[0-9a-f]{64}", out), out)
    expect(re.search(r"Status: Downloaded newer image for busybox:latest", out), out)
    again = box.ok("pull", "busybox")
    expect("Status: Image is up to date for busybox:latest" in again, again)
    expect(box.ok("pull", "-q", "busybox") == "docker.io/library/busybox:latest")


@test("overlay")
def row_17_pull_by_digest(box):
    digest = re.search(r"sha256:[0-9a-f]{64}", box.ok("pull", "busybox")).group(0)
    box.ok("rmi", "busybox")
    expect(box.ok("pull", "busybox@" + digest).endswith("docker.io/library/busybox@" + digest))
    expect(box.ok("run", "--rm", "busybox@" + digest, "echo", "hi") == "hi")


@test("overlay")
def row_18_progress_on_a_terminal_only(box):
    piped = box.sbx("pull", "layers")
    expect(piped.code == 0 and "\x1b" not in piped.out + piped.err and "\r" not in piped.out + piped.err, piped)
    expect((piped.out + piped.err).count("Pull complete") == 4, piped)
    box.ok("rmi", "layers")
    term = Terminal(box, SBX, "pull", "layers")
    term.wait_text("Pull complete")
    expect(term.wait_end() == 0)
    expect(b"\x1b[" in term.seen or b"\r" in term.seen, term.seen)


@test("overlay")
def row_18_each_layer_is_one_blob(box):
    with Logged(box) as log:
        box.ok("pull", "layers")
        blobs = [path for method, path in log if method == "GET" and "/blobs/" in path]
    expect(len(blobs) == 5 and len(set(blobs)) == 5, log)  # four layers and the configuration


@test("overlay")
def row_19_shared_layers_are_fetched_once(box):
    with Logged(box) as log:
        box.ok("pull", "busybox")
        before = len(log)
        second = box.sbx("pull", "layers")
        expect(second.code == 0 and (second.out + second.err).count("Already exists") == 1, second)
        blobs = [path for method, path in log if method == "GET" and "/blobs/" in path]
        expect(len(blobs) == len(set(blobs)), log[before:])
        expect(len(blobs) == 2 + 4, blobs)


@test("overlay")
def row_19_the_same_manifest_fetches_no_blob(box):
    box.ok("pull", "busybox")
    with Logged(box) as log:
        box.ok("pull", "busybox")
        expect(not [path for _, path in log if "/blobs/" in path], log)


@test("overlay")
def every_media_type_is_unpacked(box):
    for name in ("zstd", "plain", "docker2"):
        expect(box.ok("run", "--rm", name, "echo", name) == name)


@test("overlay", "single")
def the_store_is_an_oci_layout_for_others(box):
    box.ok("pull", "busybox")
    box.ok("pull", "layers")
    layout = os.path.join(box.env["SBX_ROOT"], "images")
    with open(layout + "/index.json", encoding="utf-8") as f:
        for entry in json.load(f)["manifests"]:
            name = entry["annotations"]["org.opencontainers.image.ref.name"]
            copied = box.run(["skopeo", "copy", "--insecure-policy", "oci:%s:%s" % (layout, name),
                              "dir:" + box.path("copy" + name.replace("/", "_").replace(":", "_"))])
            expect(copied.code == 0, copied)
    listed = box.run(["umoci", "list", "--layout", layout])
    expect(listed.code == 0 and "docker.io/library/busybox:latest" in listed.out, listed)
    for path in glob.glob(layout + "/blobs/sha256/*"):
        with open(path, "rb") as f:
            expect(hashlib.sha256(f.read()).hexdigest() == os.path.basename(path), path)


@test("overlay", "fuse", "single")
def a_hostile_archive_cannot_leave_its_layer(box):
    result = box.sbx("pull", "hostile")
    for folder in ("/", "/tmp", box.top, box.env["SBX_ROOT"], os.path.join(box.env["SBX_ROOT"], "layers")):
        strays = [n for n in os.listdir(folder) if n.startswith("escaped-")]
        expect(not strays, strays, result)
    if result.code == 0:
        shown = box.sbx("run", "--rm", "hostile", "cat", "/passwd", "/passwd2")
        expect("root:" not in shown.out, shown)
    else:
        expect("sbx" in result.err, result)


@test("overlay")
def row_15_images_tag_and_rmi(box):
    box.ok("pull", "busybox")
    box.ok("tag", "busybox", "mine:v1")
    lines = box.ok("images").split("\n")
    expect(re.fullmatch(r"REPOSITORY +TAG +IMAGE ID +CREATED +SIZE", lines[0]), lines)
    rows = {tuple(line.split()[:2]): line.split()[2] for line in lines[1:]}
    expect(set(rows) == {("busybox", "latest"), ("mine", "v1")} and len(set(rows.values())) == 1, lines)
    expect("Untagged: mine:v1" in box.ok("rmi", "mine:v1"))
    box.ok("run", "--name", "user", "busybox", "true")
    used = box.fails(1, "rmi", "busybox", says="conflict|used")
    expect(box.ok("ps", "-aq")[:12] in used.err, used)
    box.ok("rm", "user")
    out = box.ok("rmi", "busybox")
    expect("Untagged: busybox:latest" in out and "Deleted: sha256:" in out, out)
    expect(box.ok("images", "-q") == "")
    expect(not glob.glob(os.path.join(box.env["SBX_ROOT"], "images/blobs/sha256/*")))


@test()
def row_59_layers_stack_with_whiteouts_and_opaque_directories(box):
    script = """cat /a/keep /b/new /d/file /e /f/file /a/gone; echo; ls /a; echo -; ls -a /b; ls /c 2>&1
        stat -c '%h %a' /g; cmp /g /g2 && echo same; stat -c '%u:%g' /owned; stat -c %s /big"""
    out = box.ok("run", "--rm", "layers", "sh", "-c", script)
    owner = "33:50" if box.variant != "single" else None
    lines = out.split("\n")
    expect(lines[0] == "122333 again", out)
    expect(lines[1:4] == ["gone", "keep", "-"] and lines[4:7] == [".", "..", "new"], out)
    expect("No such file" in lines[7] and lines[8] in ("2 4755", "2 755" if not owner else "") and lines[9] == "same", out)
    expect(owner in (None, lines[10]) and lines[11] == "3000000", out)


@test()
def row_59_writes_hide_what_is_below(box):
    script = """set -e
        echo new > /a/keep; cat /a/keep; rm /b/new; ls /b; rm -r /a; mkdir /a; ls /a; mv /f /moved; cat /moved/file; echo
        ln /e /e2; echo more >> /e2; cat /e; chmod 600 /d/file; stat -c %a /d/file; mv /d/file /d/file2; ls /d
        mkdir /b/.hidden; rmdir /b/.hidden; ln -s /e /link; readlink /link; test ! -e /c"""
    out = box.ok("run", "--name", "c1", "layers", "sh", "-c", script)
    expect(out.split("\n") == ["new", "3", "3more", "600", "file2", "/e"], out)
    expect(box.ok("run", "--rm", "layers", "cat", "/a/keep") == "1")


@test()
def row_59_a_tree_of_layers_and_changes_goes_through_tar(box):
    """Packed and unpacked inside, over lower files, whiteouts and a moved directory: the same names, modes and contents."""
    out = box.ok("run", "--rm", "layers", "sh", "-c", """set -e
        rm /b/new; echo changed > /a/keep; mv /d /moved; mkdir /x; touch /b/old
        tar -C / -cf /tmp.tar a b moved e f g g2; tar -C /x -xf /tmp.tar
        list() { (cd $1; for n in $(find a b moved e f g g2 | sort); do
            if [ -d $n ]; then stat -c '%n %a %u:%g' $n; else stat -c '%n %a %h %s %u:%g' $n; md5sum < $n; fi; done); }
        list / > /1; list /x > /2; wc -l < /1; cmp /1 /2 && echo same; ls /x/b; cat /x/a/keep /x/moved/file""")
    lines = out.split("\n")
    expect(int(lines[0]) > 12 and lines[1:] == ["same", "old", "changed", "2"], out)


@test()
def row_60_a_writing_container_leaves_the_image_alone(box):
    box.ok("pull", "layers")

    def content(path, info):
        if not stat.S_ISREG(info.st_mode) or not os.access(path, os.R_OK):
            return ""
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    def fingerprint():
        seen = []
        for folder, dirs, files in os.walk(os.path.join(box.env["SBX_ROOT"], "layers")):
            dirs.sort()
            for name in sorted(files):
                path = os.path.join(folder, name)
                info = os.lstat(path)
                seen.append((path, info.st_mode, info.st_uid, info.st_size, info.st_mtime_ns, content(path, info)))
        return seen, box.ok("images", "--no-trunc", "--format", "{{.ID}} {{.Digest}}", "layers")

    before = fingerprint()
    expect(before[0] and "sha256:" in before[1], before)
    box.ok("run", "layers", "sh", "-c", "echo x >> /big; rm -rf /a; chmod 777 /e; touch /bin/sh; mv /f /f2")
    expect(fingerprint() == before)


@test()
def row_62_standard_mounts_and_devices(box):
    script = """for d in null zero full random urandom tty; do test -c /dev/$d || echo missing $d; done
        test -L /dev/fd && test -L /dev/stdin && test -d /dev/shm && test -d /dev/mqueue && test -e /dev/ptmx && echo devices
        head -c 3 /dev/zero | od -An -tx1; echo x > /dev/null && echo null
        cat /proc/kcore 2>/dev/null | head -c 1 | wc -c; (echo 1 > /proc/sys/kernel/domainname) 2>/dev/null || echo readonly
        mount | grep -c ' on /proc '; ls /sys/class > /dev/null && echo sys; ls -d /bin /etc; touch /dev/shm/x && echo shm
        cat /proc/keys /proc/timer_list /proc/latency_stats 2>/dev/null | wc -c; ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v :; true"""
    out = box.ok("run", "--rm", "busybox", "sh", "-c", script).split("\n")
    expect(out[0] == "devices" and out[1].split() == ["00", "00", "00"] and out[2] == "null", out)
    expect(out[3] == "0" and out[4] == "readonly" and "sys" in out and "shm" in out and "/bin" in out, out)
    expect([line for line in out[out.index("shm") + 1:] if line] == ["0"], "something masked can be seen", out)


@test("overlay", "fuse", seconds=180)
def debian_installs_a_package(box):
    """dpkg unpacks, chowns, renames and runs maintainer scripts; apt drops to its own user."""
    repo = make_repository(box)
    result = box.sbx("run", "--rm", "-v", repo + ":/repo:ro", "debian", "sh", "-c", """set -e
        rm -rf /etc/apt/sources.list.d /etc/apt/sources.list
        echo 'deb [trusted=yes] file:/repo ./' > /etc/apt/sources.list
        apt-get update && apt-get install -y hello-sbx && cat /usr/share/hello/text && stat -c %U /usr/share/hello/text
        apt-get purge -y hello-sbx && test ! -e /usr/share/hello/text""", seconds=150)
    expect(result.code == 0 and "hello from a package\ndaemon\n" in result.out, result)


@test("overlay", "fuse", seconds=180)
def a_compiler_works_in_a_container(box):
    box.file("hello.c", "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 0; }\n")
    out = box.ok("run", "--rm", "-v", box.top + ":/w", "gcc", "sh", "-c",
                 "mkdir /build && cd /build && gcc -O2 -Wall -o hello /w/hello.c && ./hello && gcc -g -c /w/hello.c -o o.o && "
                 "gcc -o again o.o && ./again", seconds=150)
    expect(out == "compiled\ncompiled", out)


if __name__ == "__main__":
    main()
