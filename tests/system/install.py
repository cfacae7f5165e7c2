#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run by name only (tests/run.sh --suite install), as root: the portable folder in an older and a newer Debian, and the package
in the one that built it. Each is a tree of mmdebstrap's, entered by pivot_root: a chroot has no user namespaces."""

import os
import pathlib
import re
import shutil
import subprocess

from sbxtest import PORTS, SBX, USER, Skip, expect, main, sub_ids, test

BUILD = os.path.dirname(os.path.realpath(SBX))
TOP = pathlib.Path(__file__).resolve().parents[2]
ROOTS = pathlib.Path(os.environ.get("SBX_TEST_ROOTS", "/var/tmp/sbx-test-roots"))
MIRROR = os.environ.get("SBX_VM_MIRROR", "http://deb.debian.org/debian")
ENTER = """mkdir {0}; tar -C {0} --exclude='./dev/*' -xf {1}; cp {2} {0}/home/; cp {3}/config.json {0}/config.json
echo 'guest:x:{4}:{5}::/home/guest:/bin/sh' >>{0}/etc/passwd; echo 'guest:x:{5}:' >>{0}/etc/group
mkdir -p {0}/home/guest; chown {4}:{5} {0}/home/guest; rm -f {0}/etc/resolv.conf; cp /etc/resolv.conf /etc/hosts {0}/etc/
echo 'guest:{6}' >{0}/etc/subuid; cp {0}/etc/subuid {0}/etc/subgid
mount --bind {0} {0}; cd {0}; mount --rbind /dev dev; mount -t proc proc proc; mount --rbind /sys sys; mount -t tmpfs t run
mkdir -p old; pivot_root . old; umount -l /old; cd /; export PATH=/usr/sbin:/usr/bin:/sbin:/bin
"""
# What a guest types; the folder of sbx is in $1. Everything that has a helper of its own, or the machine's newuidmap, is in it.
TYPED = """cd; export SBX_CONFIG=/config.json PATH="$1:$PATH"
sbx doctor --json >told || cat told
sbx run --rm busybox sh -c 'chown 5:5 /bin/sh && echo overlay'
sbx run --rm --storage-driver fuse busybox sh -c 'chown 5:5 /bin/sh && echo fuse; ls /sys/class/net'
printf 'FROM busybox\\nRUN echo built >/b\\nCMD cat /b\\n' >Dockerfile
sbx build -q -t own . >/dev/null && sbx run --rm own
sbx run --rm --security-opt seccomp=/seccomp.json busybox echo profile
sbx save own | tar -t | grep -c json
"""
IN_THE_PACKAGE = ["usr/bin/sbx", "usr/libexec/sbx/sbx-image", "usr/libexec/sbx/sbx-fuse", "usr/libexec/sbx/sbx-netstack",
                  "usr/libexec/sbx/sbx-seccomp", "usr/share/bash-completion/completions/sbx", "usr/share/zsh/*/_sbx",
                  "usr/share/fish/vendor_completions.d/sbx.fish", "usr/share/sbx/policies/untrusted.json",
                  "usr/share/sbx/apparmor/sbx", "usr/share/doc/sbx/copyright"]
SHOWN = ["overlay", "fuse", "eth0", "lo", "built", "profile"]


def tree_of(release, name=None, packages=("uidmap",)):
    """An archive of a Debian, made once."""
    name = name or release
    archive = ROOTS / (name + ".tar")
    if not shutil.which("mmdebstrap"):
        raise Skip("needs mmdebstrap")
    if not archive.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        new = ROOTS / ("new-%s.tar" % name)  # by the end of its name mmdebstrap knows that it is to be an archive
        made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--include=" + ",".join(packages), release, str(new), MIRROR], stderr=subprocess.PIPE, text=True, check=False)
        if made.returncode != 0:
            raise Skip("no Debian %s from %s: %s" % (release, MIRROR, made.stderr.strip().split("\n")[-1]))
        os.rename(new, archive)
    return archive


def packed(box, script, build=BUILD):
    made = subprocess.run([str(TOP / "docs/package" / script), build, box.path("out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False)
    expect(made.returncode == 0, made.stdout, made.stderr)
    return made.stdout.strip()


def entered(box, archive, file, setup, bin_folder):
    enter = ENTER.format(box.path("tree"), archive, file, box.top, USER.pw_uid, USER.pw_gid, "%d:%d" % sub_ids())
    profile = "cp %s %s/\n" % (TOP / "policies/seccomp-default.json", box.path("tree"))
    enter = enter.replace("mount --bind", profile.replace("seccomp-default.json %s/" % box.path("tree"),
                                                          "seccomp-default.json %s/seccomp.json" % box.path("tree")) + "mount --bind", 1)
    return box.as_root(enter + setup, ["env", "-i", "HOME=/home/guest", "USER=guest", "PATH=/usr/bin:/bin", "sh", "-c", TYPED, "sh",
                                       bin_folder], seconds=280)


def need():
    if not sub_ids():
        raise Skip("%s has no subordinate ids" % USER.pw_name)


def portable_in(box, release):
    need()
    archive = tree_of(release)
    file = packed(box, "portable.sh")
    folder = os.path.basename(file)[:-len(".tar.gz")]
    shown = entered(box, archive, file, "setpriv --reuid %d --regid %d --clear-groups tar -C /home/guest -xf /home/%s\n" % (
        USER.pw_uid, USER.pw_gid, os.path.basename(file)), "/home/guest/%s/bin" % folder)
    expect(shown.code == 0 and shown.out.split()[:-1] == SHOWN and int(shown.out.split()[-1]) > 1, shown)


@test("overlay", seconds=300)
def the_portable_folder_in_debian_11(box):
    portable_in(box, "bullseye")


@test("overlay", seconds=300)
def the_portable_folder_in_debian_13(box):
    portable_in(box, "trixie")


def usr_build(box):
    """The package belongs to /usr: the same tree, set up once more."""
    build = box.path("usr")
    for command in (["meson", "setup", build, str(TOP), "--prefix=/usr", "--buildtype=release"],
                    ["ninja", "-C", build, "sbx", "sbx-image", "sbx-fuse", "sbx-netstack", "sbx-seccomp", "docs/sbx", "docs/_sbx",
                     "docs/sbx.fish"]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        expect(done.returncode == 0, done.stdout[-2000:])
    return build


@test("overlay", seconds=900)
def the_package_is_installed_runs_and_goes_again(box):
    need()
    if not shutil.which("dpkg-shlibdeps"):
        raise Skip("needs dpkg-shlibdeps (package dpkg-dev)")
    with open("/etc/os-release", encoding="utf-8") as f:
        release = next(line.split("=")[1].strip() for line in f if line.startswith("VERSION_CODENAME="))
    archive = tree_of(release)
    file = packed(box, "deb.sh", usr_build(box))
    name = os.path.basename(file)
    # as if AppArmor 4 were there, which Ubuntu 24.04 has
    setup = "mkdir -p /etc/apparmor.d/abi; touch /etc/apparmor.d/abi/4.0; apt-get update -q >/dev/null\n" \
            "apt-get install -q -y --no-install-recommends /home/%s >/log 2>&1 || cat /log\n" % name
    shown = entered(box, archive, file, setup, "/usr/bin")
    expect(shown.code == 0 and shown.out.split()[:-1] == SHOWN, shown)
    tree = pathlib.Path(box.path("tree"))
    for place in IN_THE_PACKAGE:
        expect(list(tree.glob(place)), place)
    profile = (tree / "etc/apparmor.d/sbx").read_text(encoding="utf-8")
    expect(profile == (TOP / "docs/package/apparmor").read_text(encoding="utf-8"), profile)
    pages = {page.name for page in (tree / "usr/share/man").rglob("sbx*.gz")}
    expect(pages == {page.name + ".gz" for page in (TOP / "docs/man").glob("*.[15]")}, sorted(pages))
    gone = box.as_root("cd %s; chroot . dpkg -P sbx; chroot . sh -c 'find / -xdev -name \"*sbx*\" -not -path \"/home/*\"'" %
                       tree, ["true"])
    left = [line for line in gone.out.split("\n")
            if line.startswith("/") and not line.startswith(("/proc/", "/tmp/sbx-%d" % USER.pw_uid))]  # the user's own folder
    expect(gone.code == 0 and not left, gone)


FRESH = """mkdir {0}; tar -C {0} --exclude='./dev/*' -xf {1}; mkdir {0}/root/sbx; tar -C {2} --exclude-vcs --exclude='./build*' -cf - . | tar -C {0}/root/sbx -xf -
rm -f {0}/etc/resolv.conf; cp /etc/resolv.conf /etc/hosts {0}/etc/
mount --bind {0} {0}; cd {0}; mount --rbind /dev dev; mount -t proc proc proc; mount --rbind /sys sys; mount -t tmpfs t run
mkdir -p old; pivot_root . old; umount -l /old; cd /root/sbx
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
"""
AS_ROOT = "exec env -i PATH=$PATH HOME=/root SBX_QUICKSTART_OFFLINE=1 SBX_QUICKSTART_REGISTRY_PORT={0} docs/quickstart.sh\n"
# A user who has a clone and may sudo; her two commands, the second with the suites that take a minute.
AS_USER = """git init -q; git add -A; git -c user.name=t -c user.email=t@example.org commit -qm all; git clone -q --bare . /srv/sbx.git
useradd -m -s /bin/bash ana; chown -R ana: /srv/sbx.git; echo 'ana ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ana
cat >/srv/typed <<'END'
set -ex
cd; git clone -q /srv/sbx.git; cd sbx
SBX_QUICKSTART_OFFLINE=1 SBX_QUICKSTART_REGISTRY_PORT={0} docs/quickstart.sh
SBX_TEST_PORT={1} tests/run.sh --suite lint --suite unit --suite acceptance 'row_10_*' 'row_36_*'
git status --short
END
exec setpriv --reuid ana --regid ana --init-groups -- env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/home/ana USER=ana LANG=C.UTF-8 bash /srv/typed
"""
PONG = r"\$ redis-cli -p \d+ ping\nPONG\n"


def on_a_fresh_debian_12(box, commands):
    """Nothing of a build is there: what the scripts install has to be enough. Docker Hub's place is taken by a registry."""
    archive = tree_of("bookworm", "fresh", ("sudo", "git", "ca-certificates"))
    return box.as_root(FRESH.format(box.path("tree"), archive, TOP) + commands, ["true"], seconds=2600)


@test("overlay", seconds=2700)
def a_newcomers_command_on_a_fresh_debian_12(box):
    done = on_a_fresh_debian_12(box, AS_ROOT.format(PORTS + 80))
    expect(done.code == 0 and re.search(PONG, done.out), done.out[-3000:], done.err[-3000:])


@test("overlay", seconds=2700)
def both_commands_of_a_user_with_sudo_and_a_clone_on_a_fresh_debian_12(box):
    done = on_a_fresh_debian_12(box, AS_USER.format(PORTS + 80, PORTS))
    expect(done.code == 0 and re.search(PONG, done.out), done.out[-3000:], done.err[-3000:])
    last = done.out.strip().split("\n")[-1]
    expect(re.fullmatch(r"\d+ passed, 0 failed, \d+ skipped", last), done.out[-3000:])  # and `git status` says nothing


@test("overlay", seconds=600)
def the_apparmor_profile_is_understood_by_apparmor_4(box):
    archive = tree_of("trixie")
    parse = """mkdir {0}; tar -C {0} --exclude='./dev/*' -xf {1}; cp {2} {0}/profile; rm -f {0}/etc/resolv.conf; cp /etc/resolv.conf {0}/etc/
        touch {0}/dev/null; mount --bind /dev/null {0}/dev/null; chroot {0} apt-get update -q >/dev/null
        chroot {0} apt-get install -q -y --no-install-recommends apparmor >{0}/log 2>&1
        chroot {0} apparmor_parser -Q -K --names /profile""".format(box.path("tree"), archive, TOP / "docs/package/apparmor")
    parsed = box.as_root(parse, ["true"], seconds=580)
    expect(parsed.code == 0 and parsed.out.split("\n")[-2] == "sbx", parsed)


if __name__ == "__main__":
    main()
