#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py CACHE [ROW...]: sbx against its peers, on this machine, in one run.

Each row interleaves the two commands (A B A B …), so that whatever else the machine does falls on both,
and compares medians of at least 30 (pull: 10) wall times from fork to wait. Results go to
CACHE/benchmarks.md, which is docs/benchmarks.md with its table replaced (rows not run keep their line).
Run by tests/run.sh --bench [ROW...] as the unprivileged user, with the test registry up.
"""

import datetime
import io
import os
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../fixtures"))
import bigimage  # noqa: E402
import images  # noqa: E402
from crowd import CROWD_ROWS  # noqa: E402
from fuserows import OVERLAY_ROWS  # noqa: E402
from net import NET_ROWS  # noqa: E402

REGISTRY = os.environ.get("SBX_TEST_REGISTRY", "http://127.0.0.1:21400")
SBX = os.environ.get("SBX_BIN") or os.path.join(HERE, "../../build/sbx")
BEGIN, END = "<!-- measured by tests/run.sh --bench: do not edit -->", "<!-- end of the measured part -->"
# Cgroups of a development machine may be hybrid: crun refuses those, runc does not; and podman's default
# limits are above what a user may ask for.
PODMAN = ["podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay",
          "--events-backend", "file", "--log-level", "error"]
BUILDAH = ["buildah", "--storage-driver", "overlay", "--log-level", "error"]
LOAD = os.getloadavg()[0]
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--log-driver", "k8s-file"]


class World:
    """Folders and images of both sides, made once per run."""

    def __init__(self, cache):
        self.cache, self.top = cache, os.path.join(cache, "bench")
        self.rootfs = os.path.join(self.top, "rootfs")
        # a tmpfs, as XDG_RUNTIME_DIR is wherever somebody logs in; for both sides
        self.runtime = "/dev/shm/sbx-bench-%d" % os.getuid()
        for name in ("home", "rootfs", "root", self.runtime):
            os.makedirs(os.path.join(self.top, name), mode=0o700, exist_ok=True)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.top + "/home", "XDG_RUNTIME_DIR": self.runtime,
                    "SBX_ROOT": self.top + "/root", "SBX_RUNROOT": self.runtime + "/sbx", "SBX_CONFIG": self.top + "/config.json",
                    "LANG": "C.UTF-8"}
        with open(self.top + "/config.json", "w", encoding="ascii") as f:
            f.write('{"registries": {"docker.io": {"mirrors": ["%s"]}}}' % REGISTRY)
        with tarfile.open(fileobj=io.BytesIO(images.busybox_tar())) as tar:
            if not os.path.exists(self.rootfs + "/bin/busybox"):
                tar.extractall(self.rootfs)
        self.aside, self.pushes, self.uploaded, self.dropped = 0, 0, False, -60
        self.host = REGISTRY.split("//")[1]
        self.sbx, self.podman_command, self.podman_limits = SBX, PODMAN, LIMITS

    def fresh_name(self, which):
        return "%s/bench/%d-%d-%d:1" % (self.host, os.getpid(), self.pushes, which)

    def podman_image(self, name):
        return "%s/library/%s" % (self.host, name)

    def run(self, command, ok=True):
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd=self.top, text=True, check=False)
        if ok and done.returncode:
            sys.exit("bench: %s: status %d\n%s%s" % (" ".join(command), done.returncode, done.stdout, done.stderr))
        return done.stdout.strip()

    def seconds(self, command):
        quiet = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
        begun = time.perf_counter()
        pid = os.posix_spawnp(command[0], command, self.env, file_actions=quiet)
        status = os.waitpid(pid, 0)[1]
        took = time.perf_counter() - begun
        if status:
            self.run(command)  # shows what it says
            sys.exit("bench: %s failed once" % " ".join(command))
        return took


class Row:
    """A comparison: two commands, and what must happen before each time (not measured)."""

    def __init__(self, name, title, goal, sbx, peer, **more):
        self.name, self.title, self.goal, self.sbx, self.peer = name, title, goal, sbx, peer
        self.before, self.start, self.stop = more.get("before"), more.get("start"), more.get("stop")
        self.runs, self.peer_name = more.get("runs", 30), more.get("peer_name", "podman")

    def measure(self, world):
        if self.start:
            self.start(world)
        times = ([], [])
        try:
            for i in range(self.runs + 1):
                for which, command in enumerate((self.sbx, self.peer)):
                    if self.before:
                        self.before(world, which)
                    took = world.seconds(command(world))  # its names may be what `before` has just made
                    if i:  # the first of each only warms caches
                        times[which].append(took)
        finally:
            if self.stop:
                self.stop(world)
        mine, theirs = (statistics.median(t) * 1000 for t in times)
        ratio = mine / theirs
        verdict = "yes" if ratio <= self.goal else "no"
        return "| %s | %s | %.2f ms | %s %.2f ms | %.3f | %.3f | %s | %d |" % (
            self.name, self.title, mine, self.peer_name, theirs, ratio, self.goal, verdict, self.runs)


def both_have_busybox(world):
    world.run([SBX, "pull", "-q", "busybox"])
    world.run([*PODMAN, "pull", "-q", "--tls-verify=false", world.podman_image("busybox")])


def both_run(world):
    both_have_busybox(world)
    both_stop(world)
    world.run([SBX, "run", "-d", "--name", "bench", "busybox", "sleep", "10000"])
    world.run([*PODMAN, "run", "-d", "--name", "bench", "--network", "none", *LIMITS, world.podman_image("busybox"), "sleep", "10000"])


def both_stop(world):
    world.run([SBX, "rm", "-f", "bench"], ok=False)
    world.run([*PODMAN, "rm", "-f", "-t", "0", "bench"], ok=False)


def no_containers(world):
    world.run(["sh", "-c", "%s ps -aq | xargs -r %s rm -f" % (SBX, SBX)], ok=False)
    world.run([*PODMAN, "rm", "-f", "-a", "-t", "0"], ok=False)


def none_of_many(world, which):
    """Before each time; what the last one started must all be there: none was lost."""
    command = [SBX, "ps", "-q"] if which == 0 else [*PODMAN, "ps", "-q"]
    found = len(world.run(command).split())
    if found not in (0, 20):
        sys.exit("bench: parallel: %d of 20 are up: %s" % (found, " ".join(command)))
    if which == 0:
        world.run(["sh", "-c", "%s ps -aq | xargs -r %s rm -f" % (SBX, SBX)])
    else:
        world.run([*PODMAN, "rm", "-f", "-a", "-t", "0"])


def at_once(n, command):
    return ["sh", "-c", "for i in $(seq %d); do \"$@\" >/dev/null & done; wait" % n, "sh", *command]


def fresh_store(world, which):
    """An empty store, as on the first pull. The last one is moved aside: ext4 is slow to give out again the inodes
    of what was just deleted. Written back, because sbx syncs and must not pay for what the other side left."""
    store = "%s/fresh-%d" % (world.top, which)
    if os.path.exists(store):
        world.aside += 1
        os.rename(store, "%s/aside-%d" % (world.top, world.aside))
    os.mkdir(store, 0o700)
    os.sync()


def drop_stores(world):
    for which in (0, 1):
        fresh_store(world, which)
    for i in range(world.aside):  # sub-ids own parts of it
        world.run(["podman", "unshare", "rm", "-rf", "%s/aside-%d" % (world.top, i + 1)], ok=False)
    os.sync()
    world.dropped = time.monotonic()


def gigabyte(world):
    """The name of an image of 1 GB in six layers, in the registry since then."""
    name = "%s/%s" % (world.host, bigimage.NAME)
    if not world.uploaded:
        bigimage.upload(REGISTRY)
        world.uploaded = True
    return name


def upload_gigabyte(world):
    """An ext4 without a journal looks, for every new file, at each inode that was deleted less than a minute ago
    (recently_deleted() in fs/ext4/ialloc.c): after the rows before this one that was a quarter of sbx's time."""
    gigabyte(world)
    time.sleep(max(0, world.dropped + 60 - time.monotonic()))


def copy_and_unpack(world):
    """What people do who have no podman: a layout, and a bundle of it; both on the disk at the end."""
    return ["sh", "-ec", "cd $0; skopeo copy -q --src-tls-verify=false docker://$1 oci:layout:x; umoci unpack --rootless --image layout:x bundle",
            world.top + "/fresh-1", gigabyte(world)]


def big_archive(world):
    """Two images of several compressed layers in one archive that both sides read."""
    for name in ("redis", "gcc"):
        world.run([SBX, "pull", "-q", name])
    world.run([SBX, "save", "-o", world.top + "/big.tar", "redis", "gcc"])


def changed_containers(world):
    """A container with 15 thousand new files and 100 MB, on both sides."""
    work = ["sh", "-c", "cp -r /usr /usr2; head -c 100000000 /dev/urandom >/blob"]
    name = world.podman_image("debian")
    both_stop(world)
    world.run([*PODMAN, "pull", "-q", "--tls-verify=false", name])
    world.run([SBX, "run", "--name", "bench", *NONE, "debian", *work])
    world.run([*PODMAN, "run", "--name", "bench", *NONE, *LIMITS, name, *work])


def both_have_big(world):
    for name in ("redis", "gcc"):
        world.run([SBX, "pull", "-q", name])
        world.run([*PODMAN, "pull", "-q", "--tls-verify=false", world.podman_image(name)])


def forget_archives(world, which):
    if os.path.exists(world.top + "/out-%d.tar" % which):
        os.remove(world.top + "/out-%d.tar" % which)
    os.sync()


def new_name(world, which):
    """A repository that the registry has not seen, by an image that is not known to be from there, so that every layer is
    sent. sbx has its name from a mirror; podman forgets what it knows of registries."""
    world.pushes += 1
    if which == 0:
        world.run([SBX, "tag", "gcc", world.fresh_name(0)])
    else:
        shutil.rmtree(world.top + "/home/.local/share/containers/cache", ignore_errors=True)
    os.sync()


def new_repository(world, which):
    """The same by an image that both sides know to be from that registry, which can take its layers from there."""
    world.pushes += 1
    if which == 0:
        world.run([SBX, "tag", world.podman_image("gcc"), world.fresh_name(0)])


def both_from_there(world):
    world.run([SBX, "pull", "-q", world.podman_image("gcc")])
    world.run([*PODMAN, "rmi", "-f", world.podman_image("gcc")], ok=False)
    world.run([*PODMAN, "pull", "-q", "--tls-verify=false", world.podman_image("gcc")])


def forget_commit(world, which):
    world.run([SBX, "rmi", "bench:1"] if which == 0 else [*PODMAN, "rmi", "bench:1"], ok=False)
    os.sync()


def two_hundred_images(world):
    """Images, not names of one: each has its own file, configuration and manifest. podman loads what sbx has saved."""
    names, archive = ["many-%d:1" % i for i in range(200)], world.top + "/many.tar"
    for i, name in enumerate(names):
        with tarfile.open(world.top + "/one.tar", "w") as tar:
            info, data = tarfile.TarInfo("file"), b"%d" % i
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        world.run([SBX, "import", "-c", "CMD [\"true\"]", world.top + "/one.tar", name])
    world.run([SBX, "save", "--format", "docker-archive", "-o", archive, *names])
    world.run([*PODMAN, "load", "-q", "-i", archive])
    os.remove(archive)


def few_images(world):
    names = ["many-%d:1" % i for i in range(200)]
    world.run([SBX, "rmi", *names], ok=False)
    world.run([*PODMAN, "rmi", "-f", *["localhost/" + name for name in names]], ok=False)


def bwrap(world):
    return ["bwrap", "--unshare-all", "--bind", world.rootfs, "/", "--proc", "/proc", "--dev", "/dev", "true"]


def sbx_true(*options):
    return lambda world: [SBX, "run", "--rm", *options, "busybox", "true"]


def podman_true(*options):
    return lambda world: [*PODMAN, "run", "--rm", *options, *LIMITS, world.podman_image("busybox"), "true"]


def dockerfiles(world):
    """bench-N/Dockerfile of N RUNs for sbx, peer-N/Dockerfile for the peer; and one that copies onto 1 GB."""
    both_have_busybox(world)
    for who, base in (("bench", "busybox"), ("peer", world.podman_image("busybox"))):
        for n in (10, 20):
            os.makedirs("%s/%s-%d" % (world.top, who, n), exist_ok=True)
            with open("%s/%s-%d/Dockerfile" % (world.top, who, n), "w", encoding="ascii") as f:
                f.write("FROM %s\n%s" % (base, "".join("RUN true %d\n" % i for i in range(n))))
        os.makedirs("%s/%s-big/skip" % (world.top, who), exist_ok=True)
        with open("%s/%s-big/.dockerignore" % (world.top, who), "w", encoding="ascii") as f:
            f.write("skip\n")
        with open("%s/%s-big/skip/file" % (world.top, who), "wb") as f:
            f.truncate(1 << 30)
        with open("%s/%s-big/Dockerfile" % (world.top, who), "w", encoding="ascii") as f:
            f.write("FROM %s\nRUN dd if=/dev/zero of=/big bs=1M count=1024 2>/dev/null\nCOPY one /one\n" % base)


def change_one(world, which):
    with open("%s/%s-big/one" % (world.top, ("bench", "peer")[which]), "w", encoding="ascii") as f:
        f.write("%d" % time.time_ns())


def change_one_warm(world):
    dockerfiles(world)
    for which in (0, 1):
        change_one(world, which)


def forget_builds(world):
    world.run([SBX, "system", "prune", "-af"], ok=False)
    world.run([*BUILDAH, "rmi", "-af"], ok=False)


def sbx_build(context, *options):
    return lambda world: [SBX, "build", "-q", "--network", "none", *options, "%s/%s" % (world.top, context)]


def buildah_build(context, *options):
    return lambda world: [*BUILDAH, "bud", "-q", "--tls-verify=false", "--runtime", "runc", "--network", "none", *options,
                          "%s/%s" % (world.top, context)]


def podman_build(context, *options):
    return lambda world: [*PODMAN, "build", "-q", "--tls-verify=false", "--network", "none", *options, "%s/%s" % (world.top, context)]


# What entry points and packages do, much of it: each of these calls is answered by the supervisor where there is one id.
OWNERS = "chown -R 33:33 /usr/share && find /usr/share -user 33 | wc -l"
ASKING = "for (1 .. 10000) { $x = $<; $y = $> }"


def with_ids(kind, *command):
    """sbx against itself: one id and the supervisor that answers for who is who, against sub-ids, where the kernel does."""
    env = ["env", "SBX_USERNS=single"] if kind == "one" else ["env"]
    return lambda world: [*env, SBX, "--root", "%s/ids-%s" % (world.top, kind), "run", "--rm", *NONE, *command]


def both_ids(world):
    for kind, env in (("one", ["env", "SBX_USERNS=single"]), ("many", ["env"])):
        for name in ("busybox", "debian"):
            world.run([*env, SBX, "--root", "%s/ids-%s" % (world.top, kind), "pull", "-q", name])


NONE = ("--network", "none")
OVERLAY, FUSE = ("--storage-driver", "overlay"), ("--storage-driver", "fuse")


class FilterRow(Row):
    """Microseconds for a thousand system calls inside, as a program there measures them; the goal is a difference."""

    def measure(self, world):
        both_have_busybox(world)
        tool = os.path.join(os.path.dirname(os.path.abspath(SBX)), "tests", "bench-calls")
        inside = ["-v", tool + ":/calls:ro"]
        commands = ([SBX, "run", "--rm", *NONE, *inside, "busybox", "/calls"],
                    [*PODMAN, "run", "--rm", *NONE, *LIMITS, *inside, world.podman_image("busybox"), "/calls"], [tool])
        taken = ([], [], [])
        for _ in range(self.runs):
            for times, command in zip(taken, commands):
                times.append(float(world.run(command).splitlines()[-1]))
        mine, theirs, none = map(statistics.median, taken)
        return "| %s | %s | %.1f us | %s %.1f us, no filter %.1f us | %.3f | +%.0f us | %s | %d |" % (
            self.name, self.title, mine, self.peer_name, theirs, none, mine / theirs, self.goal,
            "yes" if mine - theirs <= self.goal else "no", self.runs)


ROWS = [
    Row("start-bwrap", "`run --rm --network none busybox true`, overlay", 2.0, sbx_true(*NONE, *OVERLAY), bwrap,
        start=both_have_busybox, peer_name="bwrap", runs=50),
    Row("start", "the same", 1 / 15, sbx_true(*NONE, *OVERLAY), podman_true(*NONE), start=both_have_busybox),
    Row("start-fuse", "the same, driver fuse", 1 / 15, sbx_true(*NONE, *FUSE), podman_true(*NONE), start=both_have_busybox),
    Row("start-net", "`run --rm busybox true`, default network", 1 / 10, sbx_true(*OVERLAY), podman_true(), start=both_have_busybox),
    Row("pull", "pull and unpack redis from loopback", 1 / 3, lambda w: [SBX, "--root", w.top + "/fresh-0", "pull", "-q", "redis"],
        lambda w: [*PODMAN, "--root", w.top + "/fresh-1", "pull", "-q", "--tls-verify=false", w.podman_image("redis")],
        before=fresh_store, stop=drop_stores, runs=10),
    Row("pull-big", "pull and unpack 1 GB in six layers", 1 / 3,
        lambda w: [SBX, "--root", w.top + "/fresh-0", "pull", "-q", gigabyte(w)],
        lambda w: [*PODMAN, "--root", w.top + "/fresh-1", "pull", "-q", "--tls-verify=false", gigabyte(w)],
        start=upload_gigabyte, before=fresh_store, stop=drop_stores, runs=5),
    Row("pull-umoci", "the same", 1 / 4, lambda w: [SBX, "--root", w.top + "/fresh-0", "pull", "-q", gigabyte(w)],
        copy_and_unpack, start=upload_gigabyte, before=fresh_store, stop=drop_stores, runs=2, peer_name="skopeo and umoci"),
    Row("load", "`load` of redis and gcc, 128 MB compressed", 1 / 3,
        lambda w: [SBX, "--root", w.top + "/fresh-0", "load", "-q", "-i", w.top + "/big.tar"],
        lambda w: [*PODMAN, "--root", w.top + "/fresh-1", "load", "-q", "-i", w.top + "/big.tar"],
        start=big_archive, before=fresh_store, stop=drop_stores, runs=5),
    Row("save", "`save` of redis and gcc", 1 / 3, lambda w: [SBX, "save", "-o", w.top + "/out-0.tar", "redis", "gcc"],
        lambda w: [*PODMAN, "save", "-q", "-m", "-o", w.top + "/out-1.tar", w.podman_image("redis"), w.podman_image("gcc")],
        start=both_have_big, before=forget_archives, runs=5),
    Row("push", "`push` of gcc under a new name", 1 / 3, lambda w: [SBX, "push", "-q", w.fresh_name(0)],
        lambda w: [*PODMAN, "push", "-q", "--tls-verify=false", w.podman_image("gcc"), w.fresh_name(1)],
        start=both_have_big, before=new_name, runs=5),
    Row("push-mount", "the same, the registry has its layers in another repository", 1 / 3, lambda w: [SBX, "push", "-q", w.fresh_name(0)],
        lambda w: [*PODMAN, "push", "-q", "--tls-verify=false", w.podman_image("gcc"), w.fresh_name(1)],
        start=both_from_there, before=new_repository, runs=10),
    Row("commit", "`commit` of 15,000 new files and 100 MB", 1 / 3, lambda w: [SBX, "commit", "bench", "bench:1"],
        lambda w: [*PODMAN, "commit", "-q", "bench", "bench:1"], start=changed_containers, before=forget_commit, stop=both_stop, runs=5),
    Row("build-noop", "`build` of 10 RUNs, nothing changed", 1 / 20, sbx_build("bench-10"), buildah_build("peer-10", "--layers"),
        start=dockerfiles, stop=forget_builds, peer_name="buildah", runs=10),
    Row("build-noop-podman", "the same", 1 / 20, sbx_build("bench-10"), podman_build("peer-10"),
        start=dockerfiles, stop=forget_builds, runs=10),
    Row("build-run", "`build --no-cache` of 20 `RUN true`", 1 / 10, sbx_build("bench-20", "--no-cache"),
        buildah_build("peer-20", "--layers", "--no-cache"), start=dockerfiles, stop=forget_builds, peer_name="buildah", runs=2),
    Row("build-change", "`build` after one file changed, over a layer of 1 GB, 1 GB ignored", 1 / 10, sbx_build("bench-big"),
        buildah_build("peer-big", "--layers"), start=change_one_warm, before=change_one, stop=forget_builds, peer_name="buildah",
        runs=3),
    Row("images", "`images`, 200 of them", 1 / 50, lambda w: [SBX, "images"], lambda w: [*PODMAN, "images"],
        start=two_hundred_images, stop=few_images, runs=20),
    Row("ps", "`ps`, one container", 1 / 20, lambda w: [SBX, "ps"], lambda w: [*PODMAN, "ps"], start=both_run, stop=both_stop),
    Row("inspect", "`inspect`", 1 / 20, lambda w: [SBX, "inspect", "bench"], lambda w: [*PODMAN, "inspect", "bench"],
        start=both_run, stop=both_stop),
    Row("logs", "`logs`", 1 / 20, lambda w: [SBX, "logs", "bench"], lambda w: [*PODMAN, "logs", "bench"],
        start=both_run, stop=both_stop),
    Row("parallel", "20 at once: `run -d`", 1 / 10, lambda w: at_once(20, [SBX, "run", "-d", *NONE, "busybox", "sleep", "10000"]),
        lambda w: at_once(20, [*PODMAN, "run", "-d", *NONE, *LIMITS, w.podman_image("busybox"), "sleep", "10000"]),
        start=both_have_busybox, before=none_of_many, stop=no_containers, runs=3),
    Row("exec", "`exec C true`", 1 / 25, lambda w: [SBX, "exec", "bench", "true"], lambda w: [*PODMAN, "exec", "bench", "true"],
        start=both_run, stop=both_stop),
    FilterRow("filter", "1,000 system calls behind the default filters", 5, None, None, runs=15),
    Row("identity-start", "`run --rm --network none busybox true` with one id and its supervisor", 1.5, with_ids("one", "busybox", "true"),
        with_ids("many", "busybox", "true"), start=both_ids, peer_name="sub-ids", runs=20),
    Row("identity-owners", "the same: `chown -R` of /usr/share in debian, and `find -user`", 10,
        with_ids("one", "debian", "sh", "-c", OWNERS), with_ids("many", "debian", "sh", "-c", OWNERS), start=both_ids,
        peer_name="sub-ids", runs=5),
    Row("identity-ask", "the same: 20,000 times getuid and geteuid in perl", 100,
        with_ids("one", "debian", "perl", "-e", ASKING), with_ids("many", "debian", "perl", "-e", ASKING), start=both_ids,
        peer_name="sub-ids", runs=5),
    *CROWD_ROWS,
    *NET_ROWS,
    *OVERLAY_ROWS,
]


def machine():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    versions = []
    for tool in ("bwrap", "buildah", "podman", "runc", "skopeo", "slirp4netns", "umoci"):
        if shutil.which(tool):
            said = subprocess.run([tool, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
            versions.append("%s %s" % (tool, re.search(r"\d+\.\d+(\.\d+)?", said).group(0)))
    with open("/etc/os-release", encoding="utf-8") as f:
        system = re.search(r'PRETTY_NAME="(.*)"', f.read()).group(1)
    return "%s, %d × %s, Linux %s, %s, load %.1f when it began. Peers: %s." % (
        datetime.date.today().isoformat(), os.cpu_count(), model.group(1) if model else "CPU", os.uname().release, system,
        LOAD, ", ".join(versions))


def old_page(cache):
    for path in (cache + "/src/docs/benchmarks.md", os.path.join(HERE, "../../docs/benchmarks.md")):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                return f.read()
    return "# Benchmarks\n\n%s\n%s\n" % (BEGIN, END)


def main():
    cache, wanted = sys.argv[1], sys.argv[2:]
    identity = [row for row in ROWS if row.name.startswith("identity-")]
    for group, rows in (("net", NET_ROWS), ("overlay-all", OVERLAY_ROWS), ("identity", identity), ("crowd", CROWD_ROWS)):  # stands for its rows
        if group in wanted:
            wanted = [name for name in wanted if name != group] + [row.name for row in rows]
    unknown = set(wanted) - {row.name for row in ROWS}
    if unknown:
        sys.exit("bench: no row %s; there are: %s" % (", ".join(unknown), " ".join(row.name for row in ROWS)))
    world = World(cache)
    page = old_page(cache)
    if BEGIN not in page:
        page += "\n%s\n%s\n" % (BEGIN, END)
    head, _, rest = page.partition(BEGIN)
    measured, _, tail = rest.partition(END)
    lines = {m.group(1): m.group(0) for m in re.finditer(r"^\| ([a-z-]+) \|.*$", measured, re.M)}
    for row in ROWS:
        if not wanted or row.name in wanted:
            lines[row.name] = row.measure(world)
            print(lines[row.name], flush=True)
    table = "\n".join(lines[row.name] for row in ROWS if row.name in lines)
    with open(cache + "/benchmarks.md", "w", encoding="utf-8") as f:
        f.write("%s%s\n%s\n\n| row | what | sbx | peer | ratio | goal at most | met | runs |\n|---|---|---|---|---|---|---|---|\n"
                "%s\n%s%s" % (head, BEGIN, machine(), table, END, tail))


if __name__ == "__main__":
    main()
