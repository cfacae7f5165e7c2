#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every message of docs/errors.md that the main path can meet, provoked for real. Mount namespaces, file systems and
sysctls that only root can make are set up with Box.as_root; sbx itself runs as the test user."""

import hashlib
import http.server
import json
import os
import re
import threading

from sbxtest import SBX, USER, Skip, expect, free_port, listener, main, sub_ids, test


def says(result, status, *patterns):
    expect(result.code == status, "wanted status %d" % status, result)
    for pattern in patterns:
        expect(re.search(pattern, result.err), "stderr lacks %r" % pattern, result)
    expect("Traceback" not in result.err and result.err.count("\n") < 8, "too much was said", result)


@test("overlay")
def no_user_namespaces_is_said(box):
    """A user namespace around sbx, whose limit of further ones is none."""
    box.ok("pull", "busybox")
    result = box.run(["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"", "sh",
                      SBX, "run", "--rm", "busybox", "true"])
    says(result, 125, "E-USERNS-(OFF|LIMIT)", "max_user_namespaces", "sysctl|administrator|root")


@test("single")
def no_sub_ids_is_said_once(box):
    """The file of ranges without this user: one id, a notice, and the container runs."""
    box.ok("pull", "busybox")
    setup = "touch %s/none; mount --bind %s/none /etc/subuid; mount --bind %s/none /etc/subgid" % ((box.top,) * 3)
    result = box.as_root(setup, [SBX, "run", "--rm", "busybox", "echo", "ran"], SBX_USERNS="")
    says(result, 0, "I-SUBID-NONE", re.escape(USER.pw_name))
    expect(result.out == "ran\n" and result.err.count("I-SUBID-NONE") == 1, result)


@test("single")
def a_range_that_is_too_small_is_said(box):
    box.ok("pull", "busybox")
    box.file("small", "%s:300000:1\n" % USER.pw_name)
    setup = "mount --bind %s/small /etc/subuid; mount --bind %s/small /etc/subgid" % (box.top, box.top)
    result = box.as_root(setup, [SBX, "run", "--rm", "busybox", "echo", "ran"], SBX_USERNS="")
    says(result, 0, "W-SUBID-SMALL", "65536", "usermod")
    expect(result.out == "ran\n", result)


@test("single")
def newuidmap_without_its_setuid_bit_is_said(box):
    if not sub_ids():
        raise Skip("%s has no subordinate ids" % USER.pw_name)
    box.ok("pull", "busybox")
    setup = "\n".join("cp --no-preserve=mode $(command -v {0}) {1}/{0}; chmod 755 {1}/{0}; "
                      "mount --bind {1}/{0} $(command -v {0})".format(tool, box.top) for tool in ("newuidmap", "newgidmap"))
    result = box.as_root(setup, [SBX, "run", "--rm", "busybox", "echo", "ran"], SBX_USERNS="")
    says(result, 0, "W-NEWUIDMAP", "setuid", "chmod u\\+s")
    expect(result.out == "ran\n", result)


def without_device(name):
    """Shell lines that give the mount namespace a /dev with the usual nodes except one."""
    nodes = [n for n in ("null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun") if n != name]
    return """mount -t tmpfs -o mode=755 t /mnt; mkdir /mnt/net /mnt/pts /mnt/shm /mnt/mqueue
        for n in %s; do touch /mnt/$n; mount --bind /dev/$n /mnt/$n; done
        mount --bind /dev/pts /mnt/pts; mount --bind /dev/shm /mnt/shm; ln -s pts/ptmx /mnt/ptmx; ln -s /proc/self/fd /mnt/fd
        mount --rbind /mnt /dev""" % " ".join(nodes)


@test("fuse")
def no_dev_fuse_is_said(box):
    box.ok("pull", "busybox")
    says(box.as_root(without_device("fuse"), [SBX, "run", "--rm", "busybox", "true"]), 125, "/dev/fuse",
         "overlay|root|administrator|modprobe")


@test("overlay")
def no_dev_fuse_does_not_matter_to_the_kernels_overlay(box):
    box.ok("pull", "busybox")
    says(box.as_root(without_device("fuse"), [SBX, "run", "--rm", "busybox", "true"]), 0)


@test("overlay")
def no_dev_net_tun_is_said(box):
    box.ok("pull", "busybox")
    result = box.as_root(without_device("net/tun"), [SBX, "run", "--rm", "busybox", "true"])
    if result.code == 0:
        says(result, 0, "I-NET-NOTUN")
    else:
        says(result, 125, "E-NET-NONE|/dev/net/tun", "--net(work)?[= ]host|--network none")
    says(box.as_root(without_device("net/tun"), [SBX, "run", "--rm", "--network", "none", "busybox", "true"]), 0)


@test("overlay")
def port_in_use_names_the_port(box):
    box.ok("pull", "-q", "busybox")
    port = free_port()
    with listener(port):
        says(box.sbx("run", "--rm", "-p", "%d:80" % port, "busybox", "true"), 125, "E-PORT-USED", str(port))


@test("overlay")
def low_port_names_the_sysctl(box):
    box.ok("pull", "-q", "busybox")
    says(box.sbx("run", "--rm", "-p", "80:80", "busybox", "true"), 125, "E-PORT-LOW", "80", "-p 8080:80",
         "net.ipv4.ip_unprivileged_port_start")


def small_disk(box, options):
    """Shell lines that put a small tmpfs at SBX_ROOT."""
    return "mount -t tmpfs -o %s,uid=%d,gid=%d,mode=700 t %s" % (options, USER.pw_uid, USER.pw_gid, box.env["SBX_ROOT"])


@test("overlay")
def a_full_disk_is_said(box):
    result = box.as_root(small_disk(box, "size=1536k"), [SBX, "pull", "layers"])
    says(result, 1, "E-DISK-FULL|E-WONT-FIT", "full|space|fit")


@test("overlay")
def a_full_disk_leaves_no_half_image(box):
    setup = small_disk(box, "size=1536k")
    result = box.as_root(setup, ["sh", "-c", "%s pull layers; %s images -q; %s pull -q busybox || echo still full; ls $SBX_ROOT/tmp" %
                                 ((SBX,) * 3)])
    expect(result.code == 0 and not re.search(r"^[0-9a-f]{12}$", result.out.split("still")[0], re.M), result)


@test("overlay")
def running_out_of_inodes_is_said(box):
    result = box.as_root(small_disk(box, "nr_inodes=60"), [SBX, "pull", "layers"])
    says(result, 1, "E-INODES", "file")


@test("overlay")
def a_quota_is_told_from_a_full_disk(box):
    """ext4 in a file, with a quota of 1 MB for the user."""
    setup = """for tool in mkfs.ext4 losetup; do command -v $tool >/dev/null || exit 77; done
        truncate -s 64m {0}/disk; mkfs.ext4 -q -O quota -E quotatype=usrquota {0}/disk || exit 77
        mount -o loop,usrquota {0}/disk {1} || exit 77
        chown {2} {1}; command -v setquota >/dev/null && setquota -u {2} 1000 1000 0 0 {1} || exit 77""".format(
            box.top, box.env["SBX_ROOT"], USER.pw_uid)
    result = box.as_root(setup, [SBX, "pull", "layers"])
    if result.code == 77:
        raise Skip("this machine cannot make a file system with quotas (mkfs.ext4, loop devices, setquota)")
    says(result, 1, "E-QUOTA", "quota")


@test("overlay")
def a_foreign_architecture_names_both(box):
    says(box.sbx("run", "--rm", "armonly", "true"), 125, "E-ARCH", "arm64", "amd64")


@test("overlay")
def an_unknown_image_is_named(box):
    says(box.sbx("run", "--rm", "nosuch:1", "true"), 125, "nosuch:1")
    says(box.sbx("pull", "nosuch"), 1, "nosuch")


@test("overlay")
def a_bad_name_is_explained(box):
    says(box.sbx("run", "--rm", "Redis", "true"), 125, "must be lowercase")
    says(box.sbx("pull", "a b"), 1, "invalid reference format")


class Answer(http.server.BaseHTTPRequestHandler):
    """Gives every request the same status and headers."""

    def do_GET(self):
        status, headers, body = self.server.answer
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


def pull_from(box, status, headers=None, body=b'{"errors":[]}'):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.answer = (status, headers or {}, body)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return box.sbx("pull", "127.0.0.1:%d/some/image" % server.server_port)
    finally:
        server.shutdown()
        server.server_close()


@test("overlay")
def status_401_asks_for_a_login(box):
    says(pull_from(box, 401, {"WWW-Authenticate": 'Basic realm="x"'}), 1, "E-AUTH", "some/image", "login")


@test("overlay")
def status_403_and_404_name_the_image(box):
    says(pull_from(box, 403), 1, "E-AUTH", "some/image")
    says(pull_from(box, 404), 1, "some/image", "not found|does not exist|no such")


@test("overlay")
def status_429_tells_the_limit(box):
    result = pull_from(box, 429, {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600", "retry-after": "1"})
    says(result, 1, "E-RATE", "100", "login|mirror")


@test("overlay")
def no_registry_is_named(box):
    box.mirror(None)
    says(box.sbx("pull", "127.0.0.1:1/some/image"), 1, "127.0.0.1:1", "E-OFFLINE|refused|connect")


@test("overlay")
def a_damaged_blob_is_not_kept(box):
    """A manifest whose blobs have other digests than the bytes that come."""
    config = b"{}"
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": len(config),
             "digest": "sha256:" + hashlib.sha256(b"layer").hexdigest()}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config),
                                      "digest": "sha256:" + hashlib.sha256(b"other").hexdigest()}, "layers": [layer]}).encode()

    class Damaged(Answer):
        def do_GET(self):
            kind = "application/vnd.oci.image.manifest.v1+json" if "/manifests/" in self.path else "application/octet-stream"
            self.server.answer = (200, {"Content-Type": kind}, manifest if "/manifests/" in self.path else config)
            Answer.do_GET(self)

        do_HEAD = do_GET

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Damaged)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = box.sbx("pull", "127.0.0.1:%d/some/image" % server.server_port)
    finally:
        server.shutdown()
        server.server_close()
    says(result, 1, "E-DIGEST", "sha256:")
    expect(not os.listdir(os.path.join(box.env["SBX_ROOT"], "images/blobs/sha256")) and box.ok("images", "-q") == "")


@test("overlay")
def a_name_in_use_names_its_owner(box):
    name = box.ok("run", "-d", "--name", "one", "busybox", "sleep", "100")
    result = box.sbx("run", "--name", "one", "busybox", "true")
    says(result, 125, "E-NAME", "one", "rm one|--replace|" + name[:12])


@test("overlay")
def a_closed_store_is_said(box):
    os.chmod(box.env["SBX_ROOT"], 0o500)
    says(box.sbx("pull", "busybox"), 1, "[Pp]ermission denied", re.escape(box.env["SBX_ROOT"]))
    os.chmod(box.env["SBX_ROOT"], 0o700)


@test("overlay")
def a_broken_configuration_is_named_with_its_place(box):
    box.file("config.json", '{"registries": ')
    result = box.sbx("run", "--rm", "busybox", "true")
    says(result, 125, "config.json")


@test("overlay")
def a_missing_runtime_directory_is_no_problem(box):
    env = {"XDG_RUNTIME_DIR": "/nonexistent", "SBX_RUNROOT": ""}
    expect(box.ok("run", "--rm", "busybox", "echo", "ran", env=env) == "ran")


if __name__ == "__main__":
    main()
