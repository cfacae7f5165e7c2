#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-netstack in slirp4netns' place: its command line and API socket on namespaces that others made, and the
system's podman calling it (skipped where podman or a runtime is missing)."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

from sbxtest import SBX, USER, Skip, expect, free_port, main, test, wait_for

NETSTACK = os.path.join(os.path.dirname(os.path.abspath(SBX)), "sbx-netstack")


class Target:
    """A network namespace in a user namespace of its own, with a process that holds both."""

    def __init__(self, box):
        self.box = box
        self.child = box.start_other(["unshare", "-rn", "sleep", "1000"])
        wait_for(lambda: os.readlink("/proc/%d/ns/net" % self.child.pid) != os.readlink("/proc/self/ns/net"))
        wait_for(lambda: self.inside("true").code == 0, "the namespace")

    def inside(self, *argv):
        return self.box.run(["nsenter", "-t", str(self.child.pid), "-U", "-n", "--preserve-credentials", *argv])

    @contextlib.contextmanager
    def served(self, *options, target=None, tap="tap7"):
        """sbx-netstack on it, ready."""
        ready, theirs = os.pipe()
        argv = [NETSTACK, "--ready-fd=%d" % theirs, *options, *(target or [str(self.child.pid)]), tap]
        child = self.box.start_other(argv, pass_fds=[theirs], stderr=subprocess.PIPE)
        os.close(theirs)
        with os.fdopen(ready, "rb") as f:
            said = f.read(1)
        expect(said == b"1", child.stderr.read() if said != b"1" else "")
        try:
            yield child
        finally:
            child.terminate()
            expect(child.wait() == 0, "it ends well")
            child.stderr.close()


def ask(path, text, shut=True):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(path)
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(text)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        return json.loads(sock.makefile().read())


@test("overlay")
def slirp4netns_command_line_configures_a_tap(box):
    target = Target(box)
    with target.served("-c", "--mtu=65520", "--cidr=10.99.3.0/24", "--macaddress", "0e:d4:18:d9:38:fb"):
        out = target.inside("ip", "addr", "show", "tap7").out
        expect("inet 10.99.3.100/24" in out and "mtu 65520" in out and "0e:d4:18:d9:38:fb" in out, out)
        expect("default via 10.99.3.2 dev tap7" in target.inside("ip", "route").out)
        expect("<LOOPBACK,UP" in target.inside("ip", "link", "show", "lo").out)
        expect(target.inside("ping", "-c1", "-W5", "10.99.3.2").code == 0)
    with target.served(target=["--userns-path=/proc/%d/ns/user" % target.child.pid, "--netns-type=path",
                               "/proc/%d/ns/net" % target.child.pid]):
        out = target.inside("ip", "addr", "show", "tap7").out
        expect("DOWN" in out and "inet " not in out, "unconfigured", out)


@test("overlay")
def slirp4netns_host_loopback_is_open_unless_disabled(box):
    script = "import socket, sys\ns = socket.create_connection(('10.0.2.2', int(sys.argv[1])), 5)\nprint(s.recv(9))"
    target = Target(box)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        for option, open_ in (("--enable-seccomp", True), ("--disable-host-loopback", False)):
            with target.served("-c", option):
                child = box.start_other(["nsenter", "-t", str(target.child.pid), "-U", "-n", "--preserve-credentials",
                                         "python3", "-c", script, port], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
                if open_:
                    conn, _ = server.accept()
                    conn.sendall(b"hello")
                    conn.close()
                out, err = child.communicate(timeout=20)
                expect((b"hello" in out) == open_ and (open_ or b"unreachable" in err), option, out, err)


@test("overlay")
def slirp4netns_sandbox_hides_files_and_keeps_low_ports(box):
    target = Target(box)
    with target.served("-c", "--enable-sandbox", "--enable-seccomp") as child:
        root = "/proc/%d/root" % child.pid
        shown = box.run(["ls", root]).out.split()
        expect(sorted(shown) == ["etc", "run"], shown)
        with open("/proc/%d/status" % child.pid, encoding="ascii") as f:
            status = f.read()
        expect("CapEff:\t0000000000000400" in status, status)
        filtered = box.env.get("SBX_CONFINE") != "off"  # as it is under sanitizers
        expect(("Seccomp:\t2" in status) == filtered, status)
        expect(target.inside("ping", "-c1", "-W5", "10.0.2.2").code == 0)


@test("overlay")
def slirp4netns_ends_with_its_exit_descriptor(box):
    target = Target(box)
    ours, theirs = os.pipe()
    with contextlib.closing(os.fdopen(theirs, "wb")) as alive:
        child = box.start_other([NETSTACK, "-e", str(ours), str(target.child.pid), "tap1"], pass_fds=[ours])
        wait_for(lambda: target.inside("ip", "link", "show", "tap1").code == 0, "the tap")
        expect(child.poll() is None)
        alive.close()
        expect(child.wait(10) == 0)
    os.close(ours)


@test("overlay")
def slirp4netns_api_socket_publishes_ports(box):
    target, path, port = Target(box), box.path("api.sock"), free_port()
    with target.served("-c", "--api-socket", path, "--enable-sandbox"):
        for text, says in ((b"badjson", "cannot parse JSON"), (b'{"a": 42}', "no execute found"),
                           (b'{"execute": "bad"}', "unknown execute"), (b"\0" * 5000, "too large message"),
                           (b'{"execute": "add_hostfwd", "arguments": {"proto": "bad"}}', "bad arguments.proto"),
                           (b'{"execute": "remove_hostfwd", "arguments": {"id": 1}}', "bad arguments.id")):
            answer = ask(path, text)
            expect(says in answer["error"]["desc"], answer)
        add = {"execute": "add_hostfwd", "arguments": {"proto": "tcp", "host_port": port, "guest_port": 80}}
        expect(ask(path, json.dumps(add).encode(), shut=False) == {"return": {"id": 1}})
        expect("error" in ask(path, json.dumps(add).encode()), "the port is taken")
        expect(ask(path, b'{"execute": "list_hostfwd"}')["return"]["entries"] ==
               [{"id": 1, "proto": "tcp", "host_addr": "0.0.0.0", "host_port": port, "guest_addr": "10.0.2.100",
                 "guest_port": 80}])
        script = "import socket\ns = socket.create_server(('', 80))\nprint('up', flush=True)\nc, _ = s.accept()\n" \
                 "c.sendall(b'inside')\nc.close()"
        server = box.start_other(["nsenter", "-t", str(target.child.pid), "-U", "-n", "--preserve-credentials",
                                  "python3", "-c", script], stdout=subprocess.PIPE)
        expect(server.stdout.readline() == b"up\n")
        with socket.create_connection(("127.0.0.1", port), 10) as conn:
            expect(conn.makefile().read() == "inside")
        expect(server.wait(10) == 0)
        server.stdout.close()
        expect(ask(path, b'{"execute": "remove_hostfwd", "arguments": {"id": 1}}') == {"return": {}})
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5).close()
            raise AssertionError("still published")


@test("overlay")
def slirp4netns_answers_dhcp(box):
    busybox = shutil.which("busybox")
    if not busybox or "udhcpc" not in box.run([busybox, "--list"]).out.split():
        raise Skip("busybox with udhcpc is missing")
    target = Target(box)
    show = box.file("show", '#!/bin/sh\necho "$1 $ip/$mask via $router dns $dns mtu $mtu"\n', mode=0o755)
    with target.served("--cidr=10.99.3.0/24", "--mtu=9000"):
        expect(target.inside("ip", "link", "set", "tap7", "up").code == 0)
        out = target.inside(busybox, "udhcpc", "-f", "-q", "-n", "-t", "10", "-T", "1", "-i", "tap7", "-s", show).out
        expect("bound 10.99.3.15/24 via 10.99.3.2 dns 10.99.3.3 mtu 9000" in out, out)


@test("overlay")
def slirp4netns_place_is_taken_for_rootlesskit(box):
    if not shutil.which("rootlesskit"):
        raise Skip("rootlesskit is missing")
    run_dir = tempfile.mkdtemp(prefix="r", dir="/tmp")  # its socket paths are long
    os.chown(run_dir, USER.pw_uid, USER.pw_gid)
    script = "ip -4 -o addr show tap0; ping -q -c1 -W5 10.0.2.2 | grep -c ' 1 received'; cat /etc/resolv.conf"
    child = box.start_other(["env", "XDG_RUNTIME_DIR=" + run_dir, "rootlesskit", "--state-dir", run_dir + "/state", "--net=slirp4netns", "--slirp4netns-binary=" + NETSTACK,
                             "--disable-host-loopback", "--copy-up=/etc", "sh", "-c", script], stdout=subprocess.PIPE)
    out = child.communicate(timeout=50)[0].decode()
    shutil.rmtree(run_dir, ignore_errors=True)
    expect(child.returncode == 0 and "inet 10.0.2.100/24" in out and "\n1\n" in out and "nameserver 10.0.2.3" in out, out)


@test("overlay")
def slirp4netns_place_is_taken_for_podman(box):
    runtime = shutil.which("runc") or shutil.which("crun")
    if not shutil.which("podman") or not runtime or not shutil.which("busybox"):
        raise Skip("podman, a runtime or busybox is missing")
    port, rootfs = free_port(), box.folder("rootfs")
    for folder in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        box.folder("rootfs/" + folder)
    shutil.copy(shutil.which("busybox"), rootfs + "/bin/busybox")
    for name in ("sh", "ip", "httpd", "cat"):
        os.symlink("busybox", rootfs + "/bin/" + name)
    conf = box.file("containers.conf", '[engine]\nnetwork_cmd_path="%s"\n[containers]\n'
                    'default_ulimits=["nofile=1024:1024","nproc=1024:1024"]\n' % NETSTACK)
    run_dir = tempfile.mkdtemp(prefix="p", dir="/tmp")  # podman's socket paths are long
    os.chown(run_dir, USER.pw_uid, USER.pw_gid)
    env = {"CONTAINERS_CONF": conf, "TMPDIR": box.folder("tmp"), "XDG_RUNTIME_DIR": run_dir}
    podman = ["podman", "--root", box.path("pr"), "--runroot", box.path("prr"), "--storage-driver", "vfs", "--runtime",
              runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"]

    def run(*argv):
        done = box.run([*podman, *argv], env=env)
        expect(done.code == 0, done)
        return done.out
    archive = box.path("base.tar")
    expect(box.run(["tar", "-C", rootfs, "-cf", archive, "."]).code == 0)
    run("import", archive, "base")
    box.run(["mkdir", "-p", run_dir + "/libpod/tmp"])
    run("run", "-d", "--name", "web", "--log-driver", "k8s-file", "--network", "slirp4netns:port_handler=slirp4netns",
        "-p", "%d:80" % port, "base", "sh", "-c", "echo from podman > /tmp/index.html; exec httpd -f -p 80 -h /tmp")
    try:
        expect("inet 10.0.2.100/24" in run("exec", "web", "ip", "addr", "show", "tap0"))

        def fetch():
            with contextlib.suppress(OSError):
                return urllib.request.urlopen("http://127.0.0.1:%d/index.html" % port, timeout=5).read()
            return None
        expect(wait_for(fetch, "the page") == b"from podman\n")
    finally:
        run("rm", "-f", "-t", "0", "web")
        box.run([*podman, "unshare", "rm", "-rf", box.path("pr"), box.path("prr")], env=env)
        with contextlib.suppress(OSError), open(run_dir + "/libpod/tmp/pause.pid", encoding="ascii") as f:
            os.kill(int(f.read()), signal.SIGKILL)
        shutil.rmtree(run_dir)


if __name__ == "__main__":
    main()
