#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""sbx build at bad moments: SIGKILL anywhere, a full disk, hostile mounts in many builds at once (threat B04). A few rounds here;
SBX_TEST_MOMENTS=100 and SBX_TEST_BUILDS=500 for a soak by hand."""

import concurrent.futures
import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import time

from buildtest import build, built, shown_secrets, tree_has, write
from sbxtest import SBX, TEST_SECONDS, Skip, expect, main, processes_with, test, wait_for

MOMENTS = int(os.environ.get("SBX_TEST_MOMENTS", "5"))
BUILDS = int(os.environ.get("SBX_TEST_BUILDS", "12"))
SEED = int(os.environ.get("SBX_TEST_SEED", "7"))

KILLED = ("FROM busybox AS one\nRUN seq 1 2000 > /seq; mkdir -p /d/e; cp /bin/busybox /d/e/b\nFROM busybox\nCOPY f /f\n"
          "RUN --mount=type=cache,target=/c echo x >> /c/n; mkdir /n; chown 1:1 /n; chmod 700 /n\nCOPY --from=one /d /d\nCOPY --from=one /seq /\n"
          "ADD --link f /l/f\nRUN rm -r /etc; cat /f > /g\nCMD [\"sh\", \"-c\", \"cat /g /l/f; tail -n 1 /seq; cmp /d/e/b /bin/busybox && echo same\"]\n")


@test("overlay", "fuse", seconds=TEST_SECONDS + 10 * MOMENTS)
def a_build_killed_at_any_moment_leaves_nothing_and_the_next_one_works(box):
    path = write(box, KILLED)
    box.file("ctx/f", "content\n")
    began = time.monotonic()
    built(box, KILLED, "--no-cache", "-t", "a")
    took = time.monotonic() - began
    choice = random.Random("%d-%s" % (SEED, box.variant))
    for number in range(MOMENTS):
        moment = choice.uniform(0, took)
        extra = ("--no-cache",) if number % 2 else ("--build-arg", "N=%d" % number)
        child = box.start("build", "-q", "--network", "none", *extra, "-t", "a", path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            child.wait(moment)  # which moment it is does not matter, that it is any does
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        wait_for(lambda: not box.leaks(), "the end of the build's processes")
        built(box, KILLED, "-t", "b")
        out = box.ok("run", "--rm", "--net", "none", "b")
        expect(out.split() == ["content", "content", "2000", "same"], "after %.2f s: %s" % (moment, out))
        expect(os.listdir(box.path("root/tmp")) == [], os.listdir(box.path("root/tmp")))
        if number % 2:
            box.ok("builder", "prune", "-f")
    box.ok("run", "--rm", "--net", "none", "a", "true")


@test("single")
def a_full_disk_ends_a_build_and_leaves_room_again(box):
    """The store on a small tmpfs, which a namespace of the test's own mounts."""
    probe = box.run(["unshare", "-Urm", "true"])
    if probe.code != 0:
        raise Skip("unshare -Urm: " + probe.err.strip())
    box.ok("pull", "-q", "busybox")
    box.ok("save", "-o", box.path("busybox.tar"), "busybox")
    path = write(box, "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=100\n")
    small = write(box, "FROM busybox\nCOPY big /big\n", "copy")
    with open(box.path("copy", "big"), "wb") as f:
        for _ in range(50):
            f.write(os.urandom(1 << 20))
    write(box, "FROM busybox\nRUN echo fits > /f\n", "fits")
    outer = "mount -t tmpfs -o size=40m,mode=777 t $2 && exec unshare -U --map-user=%d --map-group=%d sh -c \"$0\" \"$@\"" % \
            (os.stat(box.top).st_uid, os.stat(box.top).st_gid)
    script = ("cd $1 && export SBX_ROOT=$1/root && mkdir -m 700 root && $0 load -q -i $2 || exit 9\n"
              "$0 build --network none $3; echo code $?; ls -A root/tmp; $0 build --network none $4; echo code $?; ls -A root/tmp\n"
              "$0 build -q --network none -t fits $5 >/dev/null; echo code $?; ls -A root/tmp; $0 run --rm --net none fits cat /f\n")
    result = box.run(["unshare", "-Urm", "sh", "-c", outer, script, SBX, box.folder("mnt"), box.path("busybox.tar"), path, small, box.path("fits")])
    said = [line for line in result.out.splitlines() if "oaded" not in line]
    expect(said == ["code 1", "code 1", "code 0", "fits"], result)
    expect(result.err.count("No space left") >= 2, result)


@test("overlay", seconds=TEST_SECONDS + 2 * BUILDS)
def b04_many_builds_at_once_reach_nothing_of_the_host(box):
    """Sources, targets and cache names that point outside, while other builds make and remove the same places."""
    canary = box.file("canary/file", "untouched\n") if os.path.isdir(box.folder("canary")) else None
    box.ok("pull", "-q", "busybox")
    folder = box.path("canary")
    path = write(box, "")
    box.file("ctx/f", "mine\n")
    os.symlink(folder, os.path.join(path, "out"))
    os.symlink("../../../../../../.." + folder, os.path.join(path, "up"))
    texts = [
        "FROM busybox AS s\nRUN ln -s %s /out; ln -s / /root-of\nFROM busybox\nRUN --mount=from=s,source=/out,target=/m,rw echo x > /m/file; ls /m\n" % folder,
        "FROM busybox AS s\nRUN ln -s / /top\nFROM busybox\nRUN --mount=from=s,source=/top,target=/m,rw rm -f /m/%s/file /m/etc/hostname; true\n" % folder,
        "FROM busybox\nRUN --mount=type=cache,id=../../../..%s,target=/c rm -f /c/file; echo x > /c/file\n" % folder,
        "FROM busybox\nRUN --mount=type=cache,target=../../..%s rm -rf %s/*; echo x > %s/file\n" % (folder, folder, folder),
        "FROM busybox\nRUN --mount=source=out,target=/m,rw rm -f /m/file; echo x > /m/file\n",
        "FROM busybox\nRUN --mount=source=up,target=/m,rw rm -f /m/file; echo x > /m/file\n",
        "FROM busybox\nCOPY out/file up/file /x/\n",
        "FROM busybox\nRUN mkdir -p %s; ln -s %s /tmp/l; echo x > /tmp/l/file\nCOPY f %s/file\nCOPY f /tmp/l/file\n" % (folder, folder, folder),
    ]
    for i, text in enumerate(texts):
        with open(os.path.join(path, "D%d" % i), "w", encoding="ascii") as f:
            f.write(text)

    def one(i):
        return box.sbx("build", "--no-cache", "--network", "none", "--progress", "plain", "-f", os.path.join(path, "D%d" % (i % len(texts))), path)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(one, range(BUILDS)))
    for result in results:
        expect(result.code in (0, 1) and "untouched" not in result.err + result.out, result)
    expect(os.listdir(folder) == ["file"])
    with open(canary, encoding="ascii") as f:
        expect(f.read() == "untouched\n", "something reached the host")
    expect(build(box, "FROM busybox\nRUN true\n").code == 0)


@test("overlay")
def b06_a_secret_is_nowhere_but_where_it_is_mounted(box):
    """Not in layers, cache, history, metadata and names of files, after success and after failure, nor in what others see of our
    processes; not even as a hash that is a key."""
    secret = "s3cret-%08x" % random.Random(SEED).getrandbits(32)
    box.file("secret", secret + "\n")
    here = box.folder("here")
    text = ("FROM busybox\nRUN --mount=type=secret,id=s,required --mount=type=secret,id=e,env=WORD,required test ${#WORD} = 15; "
            "grep -q s3cret /run/secrets/s; touch /v/up; until test -e /v/go; do sleep 0.05; done; exit %d\n")
    args = ("--secret", "id=s,src=" + box.path("secret"), "--secret", "id=e,env=HIDDEN", "-v", here + ":/v", "--network", "none",
            "--metadata-file", box.path("here", "meta"), "--iidfile", box.path("here", "iid"), "-t", "a")
    for code in (1, 0):
        path = write(box, text % code)
        child = box.start("build", "--progress", "rawjson", *args, path, env={"HIDDEN": secret}, stderr=subprocess.PIPE, text=True)
        wait_for(lambda: os.path.exists(os.path.join(here, "up")), "the RUN")
        shown = [command for _, command in processes_with(box.top)]
        expect(shown and not [c for c in shown if secret in c], shown)
        expect(tree_has(box, secret.encode()) == [], tree_has(box, secret.encode()))
        box.file("here/go", "")
        said = child.communicate()[1]
        expect(child.returncode == code and secret not in said, said)
        expect(shown_secrets(secret.encode()) == [], shown_secrets(secret.encode()))
        os.unlink(os.path.join(here, "go"))
        os.unlink(os.path.join(here, "up"))
    expect(tree_has(box, secret.encode()) == [], tree_has(box, secret.encode()))
    for name in ("meta", "iid"):
        with open(box.path("here", name), encoding="ascii") as f:
            expect(secret not in f.read())
    expect(secret not in json.dumps(box.inspect("a")) + box.ok("history", "--no-trunc", "a"))
    expect("CACHED" in built(box, text % 0, *args, env={"HIDDEN": "other-15-letter"}))


@test("overlay")
def b06_a_secret_of_a_build_that_was_killed_goes_with_the_next(box):
    """It is on a tmpfs, for the moment before its RUN begins; what another build uses stays."""
    box.file("secret", "s3cret\n")
    path = write(box, "FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s\n")
    places = [box.folder("rr", 0o700), "/dev/shm"]  # whichever is on a tmpfs
    left, used = [], []
    for place in places:
        for kind in (left, used):
            folder = os.path.join(place, ".sbx-%064x" % random.getrandbits(256))
            os.mkdir(folder, 0o700)
            os.chown(folder, os.stat(box.top).st_uid, os.stat(box.top).st_gid)
            kind.append(folder)
            with open(folder + "/secret", "w", encoding="ascii") as f:
                f.write("left\n")
    locks = [os.open(folder, os.O_RDONLY) for folder in used]
    try:
        for lock in locks:
            fcntl.flock(lock, fcntl.LOCK_EX)
        result = box.sbx("build", "-q", "--network", "none", "--secret", "id=s,src=" + box.path("secret"), path)
        expect(result.code == 0, result)
        expect(not all(os.path.exists(folder) for folder in left), left)
        expect(all(os.path.exists(folder + "/secret") for folder in used), used)
    finally:
        for lock in locks:
            os.close(lock)
        for folder in left + used:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
