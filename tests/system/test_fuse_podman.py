#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx-fuse as the mount_program of the system's podman: test_fuse_podman.py, TAP on stdout. Skipped where
podman, a runtime or a static busybox is missing. As root with SBX_TEST_USER set it runs as that user."""

import fnmatch
import os
import pwd
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SBX = os.environ.get("SBX_BIN") or os.path.join(HERE, "../../build/sbx")
FUSE = os.path.join(os.path.dirname(os.path.abspath(SBX)), "sbx-fuse")
TMP = os.environ.get("SBX_TEST_TMP", "/var/tmp")
NAME = "podman_runs_builds_and_commits_on_sbx_fuse"
DOCKERFILE = """FROM base
RUN rm /bin/vi && rm -rf /data && mkdir /data && echo new > /data/new && ln /data/new /hard
RUN test ! -e /bin/vi && test "$(ls /data)" = new && chmod 600 /bin/busybox2
"""


def become_user():
    user = pwd.getpwnam(os.environ["SBX_TEST_USER"]) if os.getuid() == 0 else None
    if user:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


class Podman:
    def __init__(self, top, runtime):
        self.env = dict(os.environ, HOME=os.path.join(top, "home"), XDG_RUNTIME_DIR=os.path.join(top, "run"))
        for path in (self.env["HOME"], self.env["XDG_RUNTIME_DIR"]):
            os.mkdir(path, 0o700)
        # podman's locks are one table in /dev/shm for each user, whatever the --root: here they are files of this store, which no
        # other test's podman gets at
        self.env["CONTAINERS_CONF"] = os.path.join(top, "containers.conf")
        with open(self.env["CONTAINERS_CONF"], "w", encoding="utf-8") as conf:
            conf.write('[engine]\nlock_type = "file"\n')
        self.runroot = tempfile.mkdtemp(prefix="sbx-pr-")  # podman takes 50 characters at most
        self.options = ["--root", top + "/root", "--runroot", self.runroot, "--runtime", runtime,
                        "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error",
                        "--storage-driver", "overlay", "--storage-opt", "overlay.mount_program=" + FUSE]

    def __call__(self, *args, data=None):
        done = subprocess.run(["podman", *self.options, *args], input=data, env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=100, cwd="/")
        if done.returncode:
            raise AssertionError("podman %s: %d\n%s%s" % (" ".join(args), done.returncode, done.stdout.decode(),
                                                          done.stderr.decode()))
        return done.stdout.decode().strip()

    def run(self, image, script, *more):
        return self("run", "--network", "none", "--log-driver", "k8s-file", "--ulimit", "nofile=1024:1024",
                    "--ulimit", "nproc=1024:1024", *more, image, "sh", "-c", script)


def base_image(top):
    """A tar archive: busybox under the names that the test uses."""
    rootfs = os.path.join(top, "rootfs")
    for name in ("bin", "etc", "data", "tmp", "proc", "sys", "dev"):
        os.makedirs(os.path.join(rootfs, name))
    shutil.copy(shutil.which("busybox"), rootfs + "/bin/busybox")
    shutil.copy(shutil.which("busybox"), rootfs + "/bin/busybox2")
    for name in ("sh", "ls", "rm", "mkdir", "cat", "ln", "test", "chmod", "stat", "vi", "awk", "grep", "sleep", "mv"):
        os.link(rootfs + "/bin/busybox", rootfs + "/bin/" + name)
    with open(rootfs + "/data/old", "w", encoding="utf-8") as f:
        f.write("old\n")
    subprocess.run(["tar", "-C", rootfs, "-cf", top + "/base.tar", "."], check=True)
    return top + "/base.tar"


def same(a, b, what):
    if a != b:
        raise AssertionError("%s:\n  %r\n  %r" % (what, a, b))


def steps(top, podman):
    podman("import", base_image(top), "base")
    mount = podman.run("base", "grep ' / ' /proc/mounts", "--rm")
    same(mount.split()[2], "fuse.sbx-fuse", "the root file system")
    podman("build", "--isolation", "chroot", "-q", "-t", "built", "-", data=DOCKERFILE.encode())
    same(podman.run("built", "ls /bin/vi /data/old 2>/dev/null; cat /data/new /hard; stat -c %a /bin/busybox2", "--rm"),
         "new\nnew\n600", "what a build removed, made and changed")
    # not a name that may also begin the id of an image
    podman.run("built", "rm /bin/awk; mv /data/new /data/newer; echo kept > /kept", "--name", "kept-one")
    diff = podman("diff", "kept-one").splitlines()
    for line in ("D /bin/awk", "D /data/new", "A /data/newer", "A /kept"):
        same(line in diff, True, "in the diff: %s of %s" % (line, diff))
    podman("commit", "-q", "kept-one", "again")
    same(podman.run("again", "cat /kept /data/newer; ls /bin/awk /data/new 2>/dev/null || true", "--rm"), "kept\nnew",
         "committed")
    podman("start", "kept-one")
    podman("rm", "-f", "-t", "0", "kept-one")
    podman("rmi", "-a", "-f")


def hybrid_cgroups():
    """Version 1 beside a version 2 that has controllers: crun refuses that."""
    try:
        with open("/sys/fs/cgroup/unified/cgroup.controllers", encoding="ascii") as f:
            return f.read().strip() != ""
    except OSError:
        return False


def main():
    runtime = next((r for r in ("runc", "crun") if shutil.which(r)), None)
    if sys.argv[1:] and not any(pattern in NAME or fnmatch.fnmatch(NAME, pattern) for pattern in sys.argv[1:]):
        print("1..0")
        return 0
    if runtime == "crun" and hybrid_cgroups():
        print("ok 1 - %s # SKIP crun does not work with hybrid cgroups, and runc is not installed\n1..1" % NAME)
        return 0
    if os.getuid() == 0 and not os.environ.get("SBX_TEST_USER") or not shutil.which("podman") or not runtime or \
            not shutil.which("busybox"):
        print("1..0 # SKIP needs podman, runc or crun, a static busybox and an unprivileged user")
        return 0
    if os.getuid() == 0:
        become_user()
    top = tempfile.mkdtemp(prefix="sbx-podman-", dir=TMP)
    podman = Podman(top, runtime)
    print("1..1", flush=True)
    try:
        steps(top, podman)
        print("ok 1 " + NAME)
        return 0
    except (AssertionError, OSError, subprocess.SubprocessError) as e:
        print("not ok 1 " + NAME)
        print("\n".join("# " + line for line in str(e).splitlines()))
        return 1
    finally:
        # its pause process holds mounts in there
        subprocess.run(["podman", *podman.options, "system", "migrate"], env=podman.env, cwd="/", check=False)
        subprocess.run(["unshare", "--map-auto", "--map-root-user", "rm", "-rf", top, podman.runroot], cwd="/",
                       check=False)


if __name__ == "__main__":
    sys.exit(main())
