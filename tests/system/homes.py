#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Homes that lack something: in each `sbx run` works, or ends with one message that has an id, a cause and a way out; and what
`sbx doctor` foretells there is what comes. What only root can take away is taken away in a mount namespace of its own."""

import contextlib
import json
import os
import re
import secrets
import shutil
import subprocess
import tarfile

from sbxtest import SBX, USER, Skip, expect, in_userns, main, sub_ids, test

MATRIX = []  # (home, what doctor foretold, what came); printed at the end


def without_device(name):
    """Shell lines that give the mount namespace a /dev with the usual nodes except one."""
    nodes = [n for n in ("null", "zero", "full", "random", "urandom", "tty", "fuse", "net/tun") if n != name]
    return """mount -t tmpfs -o mode=755 t /mnt; mkdir /mnt/net /mnt/pts /mnt/shm /mnt/mqueue
        for n in %s; do touch /mnt/$n; mount --bind /dev/$n /mnt/$n; done
        mount --bind /dev/pts /mnt/pts; mount --bind /dev/shm /mnt/shm; ln -s pts/ptmx /mnt/ptmx; ln -s /proc/self/fd /mnt/fd
        mount --rbind /mnt /dev""" % " ".join(nodes)


def record(box, told, came, called=None):
    """came is what a run that works shows, or what one that ends says, which must tell both ways out."""
    said = re.search(r"(?m)^sbx: (?:[^\n]*?: )??([EW]-[A-Z-]+): (.*)$", came)
    ways = re.search(r"Without root: (.*)\. With root: (.*)", said[2]) if said else ()
    expect(ways is not None, "one of the ways out is not told", came)
    MATRIX.append((box.name.replace("_", " ") + (": " + called if called else ""), told, said[1] if said else came, ways))


def word_of(told):
    """doctor's prediction in a line."""
    if told["run"]:
        return "works: %(ids)s ids, driver %(driver)s, network %(network)s" % told
    return told["runError"] + (", works with --network none" if told["runWithoutNetwork"] else "")


class Home:
    """Commands of sbx as they run in this home."""

    def __init__(self, box, setup="true", wrap=(), **env):
        self.box, self.setup, self.wrap, self.env = box, setup, list(wrap), env

    def sbx(self, *args):
        return self.box.as_root(self.setup, [*self.wrap, SBX, *args], **self.env)

    def foretold(self, *options):
        result = self.sbx(*options, "doctor", "--json")
        expect(result.out.startswith("{"), result)
        return json.loads(result.out)["prediction"], result

    def works(self, notice=None, options=(), called=None):
        told, doctor = self.foretold(*options)
        expect(told["run"] is True and doctor.code == 0, doctor)
        result = self.sbx(*options, "run", "--rm", "busybox", "sh", "-c", "echo ran; cat /proc/self/uid_map")
        expect(result.code == 0 and result.out.startswith("ran\n"), result)
        ranges = len(result.out.strip().split("\n")) - 1
        expect((told["ids"] == "single") == (ranges == 1), told, result)
        expect(not notice or notice in result.err, result)
        said = re.findall(r"\b[EWI]-[A-Z][A-Z-]*[A-Z]\b", result.err)
        record(self.box, word_of(told), "works: %s ids%s" % (told["ids"], "".join(", " + ident for ident in dict.fromkeys(said))), called)
        return told

    def ends_with(self, ident, *patterns, told_as=None):
        told, doctor = self.foretold()
        result = self.sbx("run", "--rm", "busybox", "true")
        expect(result.code == 125 and re.search("^sbx: %s: " % ident, result.err, re.M), result)
        for pattern in patterns:
            expect(re.search(pattern, result.err), "no %r" % pattern, result)
        expect(told["run"] is False and doctor.code == 1, doctor)
        expect(re.fullmatch(told_as or ident, told["runError"]), told, result)
        came = re.search("^sbx: (%s): " % ident, result.err, re.M)[1]
        expect(told["runError"] == came, "doctor foretold %(runError)s" % told, result)
        record(self.box, word_of(told), result.err)
        return told


ODD_FS = os.path.join(os.path.dirname(os.path.realpath(SBX)), "tests/odd_fs")
NFS_FS = os.path.join(os.path.dirname(os.path.realpath(SBX)), "tests/nfs_fs")


def need_sub_ids():
    if not sub_ids():
        raise Skip("%s has no subordinate ids" % USER.pw_name)


@test("overlay")
def no_sub_ids(box):
    box.ok("pull", "busybox")
    home = Home(box, "touch {0}/none; mount --bind {0}/none /etc/subuid; mount --bind {0}/none /etc/subgid".format(box.top))
    expect(home.works("I-SUBID-NONE")["ids"] == "single")


@test("overlay")
def a_range_of_one_id(box):
    box.ok("pull", "busybox")
    box.file("small", "%s:300000:1\n" % USER.pw_name)
    home = Home(box, "mount --bind {0}/small /etc/subuid; mount --bind {0}/small /etc/subgid".format(box.top))
    expect(home.works("W-SUBID-SMALL")["ids"] == "single")
    mail = home.sbx("doctor", "--for-admin")
    expect("usermod --add-subuids" in mail.out, mail)


@test("overlay")
def newuidmap_without_setuid(box):
    need_sub_ids()
    box.ok("pull", "busybox")
    setup = "\n".join("cp --no-preserve=mode $(command -v {0}) {1}/{0}; chmod 755 {1}/{0}; mount --bind {1}/{0} $(command -v {0})"
                      .format(tool, box.top) for tool in ("newuidmap", "newgidmap"))
    Home(box, setup).works("W-NEWUIDMAP")


@test("overlay")
def user_namespaces_switched_off(box):
    box.ok("pull", "busybox")
    off = ["unshare", "-Ur", "sh", "-c", "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$@\"", "sh"]
    Home(box, wrap=off).ends_with("E-USERNS-(OFF|LIMIT)", "With root: sysctl")


@test("overlay")
def in_a_chroot(box):
    box.ok("pull", "busybox")
    setup = "mkdir {0}/tree; mount --rbind / {0}/tree".format(box.top)
    result = box.as_root(setup + "\nchroot {0}/tree setpriv --reuid {1} --regid {2} --init-groups -- {3} run --rm busybox true "
                         ">{0}/out 2>&1 || echo $? >>{0}/out\nchroot {0}/tree setpriv --reuid {1} --regid {2} --init-groups -- {3} "
                         "doctor --json >{0}/told || true".format(box.top, USER.pw_uid, USER.pw_gid, SBX), ["true"])
    with open(box.path("out"), encoding="utf-8") as f:
        out = f.read()
    expect(re.search(r"E-NEST-CHROOT: .*Without root: .*With root: ", out) and out.endswith("125\n"), out, result)
    with open(box.path("told"), encoding="utf-8") as f:
        told = json.load(f)["prediction"]
    expect(told["runError"] == "E-NEST-CHROOT", told)
    record(box, word_of(told), out)


@test("overlay")
def inside_bubblewrap(box):
    if not shutil.which("bwrap"):
        raise Skip("needs bwrap (package bubblewrap)")
    box.ok("pull", "busybox")
    wrap = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc", "--unshare-pid", "--"]
    Home(box, wrap=wrap).works()


@contextlib.contextmanager
def podman_of(box, *options):
    """A home in a container of the user's own podman: its default options, and a tree of empty folders with the host's /usr."""
    runtime = next((r for r in ("runc", "crun") if shutil.which(r, path=box.env["PATH"])), None)
    if not shutil.which("podman") or not runtime:
        raise Skip("needs podman, and runc or crun")
    tree = box.folder("tree")
    for name in ("usr", "proc", "dev", "sys", "tmp", "etc", "run", "var"):
        box.folder("tree/" + name)
    for name in ("bin", "sbin", "lib", "lib64"):
        os.symlink("usr/" + name, os.path.join(tree, name))
    runroot = os.path.join("/tmp", "sbx-pr-" + secrets.token_hex(4))  # podman takes 50 characters at most
    podman = ["podman", "--root", box.path("podman"), "--runroot", runroot, "--runtime", runtime, "--cgroup-manager", "cgroupfs",
              "--events-backend", "file", "--log-level", "error"]
    build = os.path.dirname(os.path.realpath(SBX))
    names = ("SBX_ROOT", "SBX_RUNROOT", "SBX_CONFIG", "SBX_STORAGE_DRIVER")
    run = ["run", "--rm", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--log-driver", "k8s-file", "--network", "none",
           "-v", "/usr:/usr:ro", "-v", "%s:%s:ro" % (build, build), "-v", "%s:%s" % (box.top, box.top),
           *[word for name in names for word in ("-e", "%s=%s" % (name, box.env[name]))], *options, "--rootfs", tree]
    try:
        yield Home(box, wrap=[*podman, *run])
    finally:
        box.run([*podman, "system", "migrate"])  # its pause process
        expect(in_userns(["rm", "-rf", runroot]) == 0, "cannot remove " + runroot)


@test("overlay", seconds=120)
def inside_podman(box):
    box.ok("pull", "busybox")
    with podman_of(box) as home:
        told = home.ends_with("E-NET-NOTUN", "--network none")
        expect(told["runWithoutNetwork"] is True, told)
        result = home.sbx("run", "--rm", "--network", "none", "busybox", "sh", "-c", "chown 5:5 /bin/sh && stat -c %u /bin/sh")
        expect(result.code == 0 and result.out == "5\n", result)
        expect("W-NEST-NAME" in result.err, result)


@test("overlay", seconds=120)
def inside_podman_with_the_devices(box):
    box.ok("pull", "busybox")
    with podman_of(box, "--device", "/dev/fuse", "--device", "/dev/net/tun") as home:
        expect(home.works("W-NEST-NAME")["ids"] == "root")


@test("overlay", seconds=120)
def inside_podman_without_capabilities(box):
    box.ok("pull", "busybox")
    with podman_of(box, "--cap-drop", "all") as home:
        home.ends_with("E-NEST-CAPS", "Without root: another user", "--cap-add SETFCAP")


@test("overlay")
def no_dev_fuse(box):
    box.ok("pull", "busybox")
    home = Home(box, without_device("fuse"))
    told = home.works()
    expect(told["driver"] == "overlay", told)
    refused = home.sbx("run", "--rm", "--storage-driver", "fuse", "busybox", "true")
    expect(refused.code == 125 and re.search("E-FUSE-NODEV: .*without root: .*With root: ", refused.err), refused)


@test("overlay")
def no_dev_net_tun(box):
    box.ok("pull", "busybox")
    home = Home(box, without_device("net/tun"))
    told = home.ends_with("E-NET-NOTUN", "--network host")
    expect(told["runWithoutNetwork"] is True, told)
    result = home.sbx("run", "--rm", "--network", "none", "busybox", "echo", "ran")
    expect(result.out == "ran\n", result)


def told_of_store(box, name="told"):
    """The line of doctor's about the store, in a word."""
    with open(box.path(name), encoding="utf-8") as f:
        store = next(check for check in json.load(f)["checks"] if check["name"] == "store")
    return "store: %s, %s" % (store.get("id", store["status"]), store["found"].split(", ", 1)[1])


def small_home(box, options):
    """A store on a tmpfs of its own, filled and used in one mount namespace."""
    return "mount -t tmpfs -o mode=755,uid=%d,gid=%d,%s t %s" % (USER.pw_uid, USER.pw_gid, options, box.path("root"))


@test("overlay")
def a_noexec_home(box):
    script = "\"$1\" doctor --json >told; \"$1\" run --rm -q busybox echo ran 2>/dev/null || \"$1\" run --rm busybox echo ran"
    result = box.as_root(small_home(box, "noexec"), ["sh", "-c", script, "sh", SBX])
    expect(result.code == 0 and "ran" in result.out, result)
    with open(box.path("told"), encoding="utf-8") as f:
        told = json.load(f)
    expect(told["prediction"]["run"] is True and any(c["name"] == "store: noexec" for c in told["checks"]), told)
    record(box, word_of(told["prediction"]), "works: %(ids)s ids" % told["prediction"])


@test("overlay")
def a_home_that_is_full(box):
    """doctor cannot know which image is wanted, but says what is free and what to do when it is little."""
    script = "\"$1\" doctor --json >told; exec \"$1\" run --rm busybox true"
    result = box.as_root(small_home(box, "size=1m"), ["sh", "-c", script, "sh", SBX])
    expect(result.code == 125 and re.search(r"E-WONT-FIT: busybox needs \d\.\d\d MB, \d\.\d\d MB are free .*SBX_ROOT", result.err), result)
    with open(box.path("told"), encoding="utf-8") as f:
        told = json.load(f)
    store = next(check for check in told["checks"] if check["name"] == "store")
    expect((store["status"], store["id"]) == ("less", "E-WONT-FIT") and "prune" in store["mend"] and re.search(r"tmpfs, .*kB free|tmpfs, .*MB free", store["found"]), store)
    record(box, told_of_store(box), result.err)


@test("overlay")
def a_quota_of_files(box):
    """A tmpfs of 60 inodes has room, but not for files."""
    script = "\"$1\" doctor --json >told; exec \"$1\" run --rm busybox true"
    result = box.as_root(small_home(box, "nr_inodes=60"), ["sh", "-c", script, "sh", SBX])
    expect(result.code == 125 and re.search("E-INODES: ", result.err), result)
    told = told_of_store(box)
    expect(told.startswith("store: E-INODES, "), told)
    record(box, told, result.err)


@test("overlay")
def a_tmpfs_with_a_quota_for_each_user(box):
    """Room enough, but not for this user: Linux 6.6 and later, as systemd 257 mounts /tmp and /dev/shm."""
    setup = small_home(box, "size=64m,usrquota,usrquota_block_hardlimit=1M")
    tried = box.as_root(setup, ["true"])
    if tried.code:
        raise Skip("this kernel has no quotas on tmpfs (CONFIG_TMPFS_QUOTA; Debian builds without it): %s" %
                   tried.err.strip().split("\n")[0])
    script = "\"$1\" doctor --json >told; exec \"$1\" run --rm busybox true"
    result = box.as_root(setup, ["sh", "-c", script, "sh", SBX])
    expect(result.code == 125 and re.search("E-QUOTA: .*busybox.* needs .* are left of your quota", result.err), result)
    told = told_of_store(box)
    expect(re.match(r"store: E-QUOTA, .*left of your quota", told), told)
    record(box, told, result.err)


def odd_home(box, *refused):
    """A store on a file system that refuses these things; it goes with the process that this shell becomes."""
    box.folder("below", 0o700)
    return """%s %s %s %s >/dev/null 2>&1 &
        until mountpoint -q %s; do kill -0 $! || exit 99; sleep 0.02; done""" % (
            ODD_FS, box.path("below"), box.path("root"), " ".join(refused), box.path("root"))


@test("overlay")
def a_home_without_extended_attributes(box):
    home = Home(box, odd_home(box, "xattr"), SBX_STORAGE_DRIVER="auto")
    expect(home.works()["driver"] == "fuse")
    refused = home.sbx("run", "--rm", "--storage-driver", "overlay", "busybox", "true")
    expect(refused.code == 125 and "E-OVERLAY-REFUSED: " in refused.err, refused)


@test("overlay")
def a_home_without_owners(box):
    need_sub_ids()
    home = Home(box, odd_home(box, "chown"), SBX_STORAGE_DRIVER="auto")
    expect(home.works()["driver"] == "fuse")  # busybox has files of root alone
    refused = home.sbx("run", "--rm", "redis", "true")
    expect(refused.code == 125 and re.search("E-STORE-OWNERS: .*Without root: SBX_USERNS=single.*With root: ", refused.err), refused)
    one = Home(box, odd_home(box, "chown"), SBX_STORAGE_DRIVER="auto", SBX_USERNS="single")
    result = one.sbx("run", "--rm", "redis", "sh", "-c", "stat -c %U /var/lib/redis; touch /f; chown redis /f; stat -c %U /f")
    expect(result.out == "redis\nredis\n", result)


# Who speaks to the server is in a network namespace of its own with it; what it shows is in the test's mount namespace.
SERVE = """ip link set lo up
setsid unshare -m --propagation private sh -c 'mount -t tmpfs t /run; rpcbind -f -w &
    until [ -n "$(ss -Hltn "sport = 111")" ]; do kill -0 $! || exit; sleep 0.02; done
    exec ganesha.nfsd -F -f {0}/exports -L {0}/log -p /run/pid' &
server=$!
for i in $(seq 400); do
    [ "$(ss -Hltn "sport = 2049 or sport = 2048" | wc -l)" -ge 2 ] && break
    kill -0 $server || break
    sleep 0.05
done
{1} "nfs://127.0.0.1{0}/exported?version=3&nfsport=2049&mountport=2048" {2} &
client=$!
while kill -0 $1 && kill -0 $client; do sleep 0.05; done 2>/dev/null
for i in $(seq 100); do umount {2} && break; sleep 0.05; done 2>/dev/null
kill -KILL -$server $client
"""
EXPORTS = """NFS_Core_Param {{ Protocols = 3; NFS_Port = 2049; MNT_Port = 2048; Enable_NLM = false; Enable_RQUOTA = false; }}
NFSv4 {{ Graceless = true; RecoveryBackend = fs; RecoveryRoot = {0}/recovery; }}
EXPORT {{ Export_Id = 1; Path = {0}/exported; Pseudo = /exported; Access_Type = RW; Squash = Root_Squash; SecType = sys; FSAL {{ Name = VFS; }} }}
"""


def nfs_home(box):
    """A store on an NFS server with root_squash: nfs-ganesha, and a client of version 3 in user space."""
    lacking = [name for name in ("ganesha.nfsd", "rpcbind") if not shutil.which(name, path=box.env["PATH"])]
    if lacking:
        raise Skip("needs %s (packages: tests/setup/packages, group homes)" % " and ".join(lacking))
    if not os.access(NFS_FS, os.X_OK):
        raise Skip("tests/nfs_fs was not built: it needs libnfs-dev (tests/setup/packages, group homes)")
    if subprocess.check_output(["stat", "-f", "-c", "%T", box.top], text=True).startswith("overlay"):
        raise Skip("%s is an overlay, which no NFS server can export" % box.top)
    for name in ("exported", "recovery"):
        box.folder(name, 0o700)
    os.chmod(box.top, 0o755)
    box.file("exports", EXPORTS.format(box.top))
    box.file("serve", SERVE.format(box.top, NFS_FS, box.path("root")))
    return """unshare -n sh {0}/serve $$ >{0}/served 2>&1 </dev/null &
        until mountpoint -q {0}/root; do kill -0 $! || {{ cat {0}/served >&2; tail -n 5 {0}/log >&2; exit 99; }}; sleep 0.02; done""".format(box.top)


@test("overlay", seconds=180)
def a_home_on_nfs_with_root_squash(box):
    need_sub_ids()
    setup = nfs_home(box)
    squashed = box.as_root(setup + "\ntouch %s && echo written || echo squashed" % box.path("root", "f"), ["true"])
    expect(squashed.out == "squashed\n" and "Permission denied" in squashed.err, squashed)
    home = Home(box, setup, SBX_STORAGE_DRIVER="auto")
    expect(home.works()["driver"] == "fuse")
    expect(os.listdir(box.path("exported")), "the store is on the server")
    kept = home.sbx("run", "--name", "c", "busybox", "sh", "-c", "echo kept >/f; rm /etc/passwd; mkdir /d; mv /d /e; cat /f")
    expect(kept.out == "kept\n", kept)
    again = home.sbx("cp", "c:/f", "-")
    expect(again.code == 0 and "kept" in again.out and home.sbx("rm", "c").code == 0, again)
    with tarfile.open(box.path("owned.tar"), "w") as tar:
        entry = tarfile.TarInfo("owned")
        entry.uid = entry.gid = 5
        tar.addfile(entry)
    os.chmod(box.path("owned.tar"), 0o644)
    refused = home.sbx("import", box.path("owned.tar"), "owned")
    expect(refused.code == 1 and re.search("E-STORE-OWNERS: .*Without root: SBX_USERNS=single.*With root: ", refused.err), refused)
    one = Home(box, setup, SBX_STORAGE_DRIVER="auto", SBX_USERNS="single")
    result = one.sbx("import", box.path("owned.tar"), "owned")
    expect(result.code == 0 and "no extended attributes: the owners of files in the image are lost" in result.err, result)


@test("overlay")
def a_home_without_locks(box):
    Home(box, odd_home(box, "flock"), SBX_STORAGE_DRIVER="auto").ends_with("E-STORE-LOCKS", "Without root: .*SBX_ROOT.*With root: ")


@test("overlay")
def a_home_without_hard_links(box):
    home = Home(box, odd_home(box, "link"), SBX_STORAGE_DRIVER="auto")
    home.works()
    result = home.sbx("run", "--rm", "busybox", "sh", "-c", "cmp /bin/sh /bin/busybox && echo same")  # links in the image
    expect(result.out == "same\n", result)


@test("overlay")
def no_run_and_no_xdg_runtime_dir(box):
    box.ok("pull", "busybox")
    fallback = "mount -o bind,ro /run /run 2>/dev/null || mount --bind /run /run && mount -o remount,bind,ro /run"
    lead = ["env", "-u", "XDG_RUNTIME_DIR", "-u", "SBX_RUNROOT"]
    Home(box, fallback, lead).works(called="/run is read-only")
    Home(box, "true", ["env", "-u", "SBX_RUNROOT", "XDG_RUNTIME_DIR=/nonexistent"]).works(called="XDG_RUNTIME_DIR is nowhere")
    Home(box, "true", ["env", "-u", "SBX_RUNROOT", "XDG_RUNTIME_DIR=/root"]).works(called="XDG_RUNTIME_DIR is root's")


@test("overlay")
def an_empty_environment(box):
    box.ok("pull", "busybox")
    options = ("--root", box.path("root"), "--runroot", box.path("rr"), "--config", box.path("config.json"))
    Home(box, wrap=["env", "-i"]).works(options=options, called="env -i")


@test("overlay", seconds=180)
def by_cron(box):
    """Debian's cron, with a table of the user's; `@reboot` is now where /run has no mark of an earlier start."""
    if not shutil.which("cron", path=box.env["PATH"]):
        raise Skip("needs cron (tests/setup/packages, group homes)")
    box.ok("pull", "busybox")
    command = "%s --root %s --runroot %s --config %s " % (SBX, box.path("root"), box.path("rr"), box.path("config.json"))
    box.file("job", "cd %s; %s doctor --json >told 2>said; %s run --rm busybox echo ran >came 2>>said; env >seen; echo $? >done\n" % (
        box.top, command, command))
    box.file("table", "@reboot sh %s\n" % box.path("job"))
    setup = """mount -t tmpfs t /run; mount -t tmpfs t /var/spool/cron; mkdir -m 1730 /var/spool/cron/crontabs
        cp {0}/table /var/spool/cron/crontabs/{1}; chown {1}:crontab /var/spool/cron/crontabs/{1}; chmod 600 /var/spool/cron/crontabs/{1}
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin cron -f >{0}/cron 2>&1 </dev/null &
        for i in $(seq 1500); do [ -e {0}/done ] && break; kill -0 $! || exit 99; sleep 0.1; done; kill $!""".format(box.top, USER.pw_name)
    ended = box.as_root(setup, ["true"], seconds=170)
    story = {}
    for name in ("told", "came", "said", "seen", "cron"):
        with contextlib.suppress(OSError), open(box.path(name), encoding="utf-8") as f:
            story[name] = f.read()
    expect(ended.code == 0 and story.get("came") == "ran\n", ended, story)
    expect("XDG_RUNTIME_DIR" not in story["seen"] and "SBX_" not in story["seen"], story["seen"])
    told = json.loads(story["told"])["prediction"]
    expect(told["run"] is True, told)
    record(box, word_of(told), "works: %(ids)s ids" % told)


@test("overlay")
def by_su(box):
    """With the caller's environment and, as `su -` has it, with none of it; neither makes a session."""
    box.ok("pull", "busybox")
    command = "%s --root %s --runroot %s --config %s " % (SBX, box.path("root"), box.path("rr"), box.path("config.json"))
    for form in ("su", "su -l"):
        setup = "%s -s /bin/sh %s -c '%s doctor --json' </dev/null >%s || true\n%s -s /bin/sh %s -c '%s run --rm busybox echo ran' </dev/null" % (
            form, USER.pw_name, command, box.path("told"), form, USER.pw_name, command)
        result = box.as_root("unset XDG_RUNTIME_DIR\n" + setup, ["true"])
        expect(result.code == 0 and result.out.endswith("ran\n"), form, result)
        with open(box.path("told"), encoding="utf-8") as f:
            told = json.load(f)["prediction"]
        expect(told["run"] is True, told)
        record(box, word_of(told), "works: %(ids)s ids" % told, form)


def print_matrix():
    if not MATRIX:
        return
    rows = [("home", "doctor foretold", "what came", ()), *MATRIX]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    for home, told, came, ways in rows:
        print("# %-*s | %-*s | %s" % (widths[0], home, widths[1], told, came))
        if ways:
            print("#     without root: %s\n#     with root: %s" % (ways[1], ways[2]))


if __name__ == "__main__":
    try:
        main()
    finally:
        print_matrix()
