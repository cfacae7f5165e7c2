#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` and `meson compile portable` give works from where it lies; install.py does the same in other
distributions."""

import json
import os
import pathlib
import re
import subprocess
import tarfile

from sbxtest import SBX, Skip, expect, main, test

BUILD = os.path.dirname(os.path.realpath(SBX))
TOP = pathlib.Path(__file__).resolve().parents[2]


def need_build():
    if not os.access(os.path.join(BUILD, "meson-logs"), os.W_OK):
        raise Skip("%s is no build folder of this user's, so nothing can be installed from it" % BUILD)


def need_static():
    if subprocess.run(["ldd", SBX], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0:
        raise Skip("%s is not static: only such a build is packed" % SBX)


def runs(box, sbx):
    """It finds its helpers beside itself: one pulls, one unpacks, one mounts, one is the network."""
    expect(box.run([sbx, "run", "--rm", "busybox", "echo", "kernel"]).out == "kernel\n")
    shown = box.run([sbx, "run", "--rm", "--storage-driver", "fuse", "busybox", "ls", "/sys/class/net"])
    expect(shown.code == 0 and shown.out.split() == ["eth0", "lo"], shown)
    profile = box.run([sbx, "run", "--rm", "--security-opt", "seccomp=" + str(TOP / "policies/seccomp-default.json"),
                       "--policy", "untrusted", "busybox", "echo", "own"])
    expect(profile.out == "own\n", profile)


@test("overlay", seconds=400)
def what_is_installed_is_complete_and_runs(box):
    need_build()
    installed = box.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", box.path("dest")], seconds=200)
    expect(installed.code == 0, installed)
    prefix = next(pathlib.Path(box.path("dest")).rglob("bin/sbx")).parent.parent
    for name in ("sbx-image", "sbx-fuse", "sbx-netstack", "sbx-seccomp"):
        expect(os.access(prefix / "libexec/sbx" / name, os.X_OK), name)
    there = {page.name for page in (prefix / "share/man").rglob("*.[15]")}
    expect(there == {page.name for page in (TOP / "docs/man").glob("*.[15]")}, sorted(there))
    for place in ("bash-completion/completions/sbx", "zsh/site-functions/_sbx", "fish/vendor_completions.d/sbx.fish"):
        expect("doctor" in (prefix / "share" / place).read_text(encoding="utf-8"), place)
    policies = {file.name for file in (prefix / "share/sbx/policies").iterdir()}
    expect(policies == {file.name for file in (TOP / "policies").glob("*.json")}, policies)
    runs(box, str(prefix / "bin/sbx"))


@test("overlay", seconds=400)
def the_portable_folder_runs_from_home_and_needs_no_library(box):
    need_build()
    need_static()
    made = box.run([str(TOP / "docs/package/portable.sh"), BUILD, box.path("out")], env={"SBX_GZIP_LEVEL": "-1"}, seconds=200)
    expect(made.code == 0, made)
    with tarfile.open(made.line) as tar:
        expect({member.uid for member in tar} == {0} and not [m.name for m in tar if m.name.startswith(("/", ".."))])
        tar.extractall(box.path("home"))
    folder = pathlib.Path(next(iter(pathlib.Path(box.path("home")).glob("sbx-*"))))
    moved = folder.rename(box.path("home", "moved away"))
    runs(box, str(moved / "bin/sbx"))
    box.ok("pull", "busybox")
    traced = box.run(["strace", "-f", "-e", "trace=openat", str(moved / "bin/sbx"), "save", "-o", box.path("b.tar"), "busybox"],
                     env={"ASAN_OPTIONS": "detect_leaks=0"})
    libraries = re.findall(r'"([^"]*\.so[.0-9]*)", [^)]*\) = \d', traced.err)
    expect(traced.code == 0 and libraries, traced)
    expect([name for name in libraries if not name.startswith(str(moved) + "/")] == [], libraries)


@test("overlay", "single")
def version_tells_what_it_was_built_with_and_what_is_here(box):
    out = box.ok("--version").split("\n")
    expect(len(out) == 3 and re.fullmatch(r"sbx version \d+\.\d+\.\d+", out[0]), out)
    expect(re.fullmatch(r"built with (static|dynamic), (isa-l|zlib) .*, fuse 3\..*, slirp 4\..*", out[1]), out)
    here, _, lacking = out[2].partition("; without ")
    expect(here.startswith("here with user namespaces"), out)
    told = json.loads(box.sbx("doctor", "--json").out)
    found = {check["name"]: check["status"] for check in told["checks"]}
    for name, there in (("subordinate ids", told["prediction"]["ids"] == "subordinate"), ("fuse", found["driver fuse"] == "ok"),
                        ("tun", found["/dev/net/tun"] == "ok"), ("seccomp notifications", found["seccomp"] == "ok"),
                        ("Landlock", found["Landlock"] == "ok")):
        expect((name in here, name in lacking) == (there, not there), name, out, told)
    expect("kernel overlay" in here or found["driver overlay"] != "ok", out, told)


main()
